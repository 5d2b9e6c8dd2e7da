"""Workers that know nothing of each other do every task of a list once."""

from __future__ import annotations

import pytest

from gansift.errors import UsageError
from gansift.spread.share import Share, parse_share


@pytest.mark.parametrize("count", [1, 3, 8])
def test_shares_are_disjoint_and_together_everything_in_its_order(count):
    tasks = list(range(7))
    shares = [Share(number, count).of(tasks) for number in range(1, count + 1)]
    assert sorted(task for share in shares for task in share) == tasks
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_is_read_as_it_is_written():
    assert parse_share(" 2/8 ") == Share(2, 8)
    assert str(Share(2, 8)) == "2/8"


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "1/0", "-1/8", "a/b", "1/8/2", "1.5/8", "1/99999999999999"])
def test_what_is_no_share_is_refused_with_what_one_looks_like(text):
    with pytest.raises(UsageError, match="from 1/8 to 8/8"):
        parse_share(text)
