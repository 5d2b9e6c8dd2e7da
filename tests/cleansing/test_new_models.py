"""How many examples new models do without, and whether it helps: the rules, on numbers made up for them."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.cleansing.crossed import Crossed
from gansift.cleansing.new_models import change_of, chosen_count, judge_removal
from gansift.metrics import Replicates


def _values(numbers):
    return [None if number is None else Replicates(number) for number in numbers]


def _crossed(mean, error):
    return Crossed(mean, error, 3.0, error, None, None)


def test_the_number_with_the_largest_gain_less_its_error_is_chosen():
    changes = {5: _crossed(-1.0, 0.1), 10: _crossed(-1.5, 0.2), 20: _crossed(-2.0, 1.0)}
    assert chosen_count(changes, "lower") == 10
    opposite = {count: change._replace(mean=-change.mean) for count, change in changes.items()}
    assert chosen_count(opposite, "higher") == 10


def test_the_smallest_number_is_taken_that_is_as_good_as_the_best_within_its_error():
    assert chosen_count({5: _crossed(-1.0, 0.3), 10: _crossed(-1.2, 0.3)}, "lower") == 5
    assert chosen_count({5: _crossed(-0.8, 0.3), 10: _crossed(-1.2, 0.3)}, "lower") == 10
    assert chosen_count({5: _crossed(-1.0, 1.1), 10: _crossed(-1.2, 0.3)}, "lower") == 10  # 5 may be nothing at all


def test_of_two_equal_numbers_the_smaller_is_chosen():
    assert chosen_count({20: _crossed(-1.0, 0.1), 5: _crossed(-1.0, 0.1)}, "lower") == 5


def test_nothing_is_chosen_where_no_gain_is_larger_than_its_error():
    assert chosen_count({5: _crossed(-0.5, 0.6), 10: _crossed(1.0, 0.1), 20: None}, "lower") is None
    assert chosen_count({}, "lower") is None


def test_changes_are_paired_by_seed_and_leave_out_what_broke_down():
    before, after = _values([3.0, 5.0, None, 7.0]), _values([2.0, 5.5, 1.0, None])
    change = change_of(after, before)
    assert change.mean == pytest.approx(np.mean([-1.0, 0.5]))
    assert change_of(_values([None]), _values([1.0])) is None


def _judged(removed, control, direction="lower"):
    """The judgement of changes over six seeds whose values differ much more than the changes."""
    random = np.random.default_rng(0)
    before = 10 * random.standard_normal(6)
    noise = 0.1 * random.standard_normal((2, 6))
    after, at_random = before + removed + noise[0], before + control + noise[1]
    return judge_removal(*(_values(values.tolist()) for values in (before, after, at_random)))


@pytest.mark.parametrize(
    ("removed", "control", "finding"),
    [(-1.0, 0.0, "better"), (-1.0, -1.0, "unproven"), (0.0, 0.0, "unproven"), (1.0, 0.0, "worse"), (1.0, 2.0, "worse")],
)
def test_a_removal_is_better_only_if_it_gains_and_gains_more_than_random_removal(removed, control, finding):
    judgement = _judged(removed, control)
    assert judgement.finding("lower") == finding
    opposite = _judged(-removed, -control)
    assert opposite.finding("higher") == finding


def test_a_judgement_has_the_means_of_the_seeds_that_went_through():
    before, after, control = _values([1.0, 2.0, 9.0]), _values([0.5, 1.0, 1.0]), _values([1.0, 1.5, None])
    judgement = judge_removal(before, after, control)
    assert (judgement.before, judgement.after) == (1.5, 0.75)
    assert judgement.change.mean == pytest.approx(-0.75)
    assert judgement.random.mean == pytest.approx(-0.25)
    assert judgement.against_random.mean == pytest.approx(-0.5)
    assert judge_removal(_values([None]), _values([1.0]), _values([1.0])) is None


def test_one_judging_seed_proves_nothing():
    assert judge_removal(_values([5.0]), _values([1.0]), _values([5.0])).finding("lower") == "unproven"
