"""The result object: signs, order, and files that come back bit for bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from gansift.errors import GansiftError, UsageError
from gansift.influence import Scores


def _scores(direction="lower", **changes):
    settings = {
        "ids": ("a", "b,\"c\"", "d/é.png", "e"),
        "values": np.array([0.1, -1 / 3, 2.0, -1e-17]),
        "metric": "fid", "direction": direction, "estimator": "itd", "horizon": 7, "steps": 20,
        "removal": "fixed-denominator",
    }  # fmt: skip
    return Scores(**(settings | changes))


def test_harmful_means_that_removal_improves_the_metric_in_either_direction():
    lower, higher = _scores("lower"), _scores("higher")
    assert lower.harmful(2).ids == ('b,"c"', "e")
    assert lower.helpful(1).ids == ("d/é.png",)
    assert higher.harmful(1).ids == ("d/é.png",)
    assert higher.helpful(1).ids == ('b,"c"',)


def test_the_sum_is_the_predicted_change_of_removing_all():
    assert _scores().harmful(2).sum() == pytest.approx(-1 / 3 - 1e-17)
    assert _scores().harmful(0).sum() == 0


@pytest.mark.parametrize("errors", [None, np.array([0.1, 0.2, 1 / 7, 0.4])])
def test_a_file_comes_back_bit_for_bit(tmp_path, errors):
    scores = _scores(standard_error=errors)
    scores.to_csv(tmp_path / "scores.csv")
    back = Scores.read(tmp_path / "scores.csv")
    assert back.ids == scores.ids
    assert np.array_equal(back.values, scores.values)
    assert (back.metric, back.direction, back.horizon, back.steps, back.removal) == (
        "fid",
        "lower",
        7,
        20,
        scores.removal,
    )
    assert errors is None or np.array_equal(back.standard_error, errors)


def test_rank_one_is_the_most_harmful(tmp_path):
    _scores().to_csv(tmp_path / "scores.csv")
    rows = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("id,score,score_se,rank,metric,direction")
    assert rows[2].startswith('"b,""c""",-0.3333333333333333,,1,fid,lower')


def test_files_of_other_tools_need_only_the_columns_that_carry_meaning(tmp_path):
    path = tmp_path / "foreign.csv"
    path.write_text(
        "id,score,metric,direction,estimator,horizon,steps,removal\nx,1.5,fid,lower,tracin,5,5,fixed-denominator\n"
    )
    assert Scores.read(path).values.tolist() == [1.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,score\nx,1\n", "has no column metric and no column direction"),
        ("", "has no column id and no column score"),
        ("id,score,metric,direction,estimator,horizon,steps,removal\n", "has no scores"),
        ("id,id,score,metric,direction,estimator,horizon,steps,removal\n", "more than one column called id"),
        ("id,score,metric,direction,estimator,horizon,steps,removal\nx,high,m,lower,e,1,1,r\n", "does not fit"),
        ("id,score,metric,direction,estimator,horizon,steps,removal\nx,1,m,down,e,1,1,r\n", "does not fit"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(GansiftError, match=f"bad.csv .*{message}"):
        Scores.read(path)
    with pytest.raises(GansiftError, match=r"missing\.csv cannot be read"):
        Scores.read(tmp_path / "missing.csv")


def test_more_than_there_are_cannot_be_chosen():
    with pytest.raises(GansiftError, match="cannot choose 5 of 4"):
        _scores().harmful(5)


def test_slices_keep_ids_values_and_errors_together():
    part = _scores(standard_error=np.arange(4.0))[1:3]
    assert part.ids == ('b,"c"', "d/é.png")
    assert part.standard_error.tolist() == [1.0, 2.0]


def test_the_scores_of_one_named_data_set_keep_their_order_and_values():
    scores = _scores(ids=("source:b", "target:a", "sources:c", "source:a"))
    part = scores.of("source")
    assert part.ids == ("source:b", "source:a")
    assert part.values.tolist() == scores.values[[0, 3]].tolist()
    with pytest.raises(
        UsageError, match="none of these scores is of a data set 'real', and their ids are like 'source"
    ):
        scores.of("real")


def test_ids_that_look_like_formulas_are_texts_in_the_file_and_come_back(tmp_path):
    ids = ("=1+1", "-2", "-a.png", "@b", "'=c", "d")
    common = {"metric": "fid", "direction": "lower", "estimator": "itd", "horizon": 1, "steps": 1, "removal": "fixed"}
    Scores(ids, np.array([-0.5, 1, 2, 3, 4, 5]), **common).to_csv(tmp_path / "s.csv")
    cells = [line.partition(",") for line in (tmp_path / "s.csv").read_text().splitlines()[1:]]
    assert [first for first, _, _ in cells] == ["'=1+1", "-2", "'-a.png", "'@b", "''=c", "d"]
    assert cells[0][2].startswith("-0.5,")
    assert Scores.read(tmp_path / "s.csv").ids == ids


HEADER = "id,score,metric,direction,estimator,horizon,steps,removal\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,1,m,lower,e,1,2,r\ny,nan,m,lower,e,1,2,r\n", r"line 3: the score of 'y' is nan"),
        ("x,1,m,lower,e,1,2,r\ny,-inf,m,lower,e,1,2,r\n", r"line 3: the score of 'y' is -inf"),
        ("x,1e999,m,lower,e,1,2,r\n", r"line 2: the score of 'x' is inf"),
        ("x,1,m,lower,e,1,2,r\ny,2,m,lower,e,1,2,r\nx,3,m,lower,e,1,2,r\n", r"lines 2 and 4: 'x' has two scores"),
        ("x,1,m,lower,e,1,2,r\nx,1,m,lower,e,1,2,r\n", r"lines 2 and 3: 'x' has two scores"),
        ("x,1,m,lower,e,1,2,r\ny,1,m,higher,e,1,2,r\n", r"line 3: direction is 'higher', but 'lower' above"),
        ("x,1,m,lower,e,1,2,r\ny,1,m,lower,e,2,2,r\n", r"line 3: horizon is '2', but '1' above"),
        ("x,1,m,lower,e,3,2,r\n", "the horizon 3 of 2 steps"),
        ("x,1,m,lower,e,0,2,r\n", "the horizon 0 of 2 steps"),
        (f"{'x' * 131_073},1,m,lower,e,1,2,r\n", "field larger than"),
    ],
)
def test_whatever_cannot_be_scores_of_one_run_is_refused_on_reading(tmp_path, rows, message):
    (tmp_path / "bad.csv").write_text(HEADER + rows)
    with pytest.raises(GansiftError, match=rf"bad\.csv.*{message}"):
        Scores.read(tmp_path / "bad.csv")


def test_a_score_file_is_read_row_by_row_and_not_held_in_memory(tmp_path):
    count = 20_000
    values = np.random.default_rng(0).normal(size=count)
    ids = tuple(f"row/{row}" for row in range(count))
    written = Scores(ids, values, "fid", "lower", "itd", 3, 5, "renormalised", standard_error=values**2)
    written.to_csv(tmp_path / "scores.csv")
    tracemalloc.start()
    try:
        found = Scores.read(tmp_path / "scores.csv")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.ids == ids
    assert (found.values == values).all()
    assert found.standard_error is not None
    assert (found.standard_error == values**2).all()
    assert peak < 300 * count  # bytes; ids and numbers alone take some 150, all rows as dictionaries some 1,000
