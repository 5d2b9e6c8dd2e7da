"""What results say of themselves: briefly as text, and as a table in a notebook."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from gansift import data
from gansift.cleansing.agreement import agreement
from gansift.cleansing.decisions import Decisions
from gansift.cleansing.verify import Verification
from gansift.errors import UsageError
from gansift.influence import Scores
from gansift.influence.combine import combine
from gansift.influence.groups import Group
from gansift.influence.looks import Looks, Window
from gansift.report import Answer, Number, Table

MANY = tuple(f"<{row}>.png" for row in range(900))
COMMON = {"metric": "fid", "direction": "lower", "steps": 20, "removal": "fixed-denominator"}


def _scores(**changes):
    settings = {"ids": MANY, "values": np.linspace(-1, 2, 900), "estimator": "itd", "horizon": 7, **COMMON}
    return Scores(**(settings | changes))


def _looks(seed):
    values = np.random.default_rng(seed).normal(size=(2, 900))
    return Looks(MANY, values, (Window(seed, 20, 7), Window(seed, 13, 7)), **COMMON)


def _large():
    rows = np.linspace(-1, 1, 30)
    yield _scores()
    yield _looks(0)
    yield combine([_looks(0), _looks(1)])
    yield (splits := data.load("digits"))
    yield splits.train
    yield Group("label 7", MANY)
    yield Decisions(MANY)
    yield Verification("itd", "fid", 7, tuple(MANY[:20] for _ in rows), rows, rows[None])
    yield Answer("copies", "None.", False, {}, tables={"t": Table(("id",), tuple((one,) for one in MANY))})


@pytest.mark.parametrize("thing", list(_large()), ids=lambda thing: type(thing).__name__)
def test_text_of_results_is_short_however_many_examples_there_are(thing):
    assert len(repr(thing)) < 300
    assert type(thing).__name__ in repr(thing)


def test_scores_say_how_many_and_from_where_to_where():
    said = "Scores(900 examples, fid (lower is better), itd over the last 7 of 20 steps, from -1 to 2)"
    assert repr(_scores()) == said


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_a_table_of_scores_has_the_extremes_the_most_harmful_first_and_escapes_names(direction):
    shown = _scores(direction=direction)._repr_html_()
    most, least = (0, 899) if direction == "lower" else (899, 0)
    assert f"<td>1</td><td>&lt;{most}&gt;.png</td>" in shown
    assert f"<td>900</td><td>&lt;{least}&gt;.png</td>" in shown
    assert shown.count("<tr>") == 12
    assert "standard error" not in shown
    assert "standard error" in _scores(standard_error=np.ones(900))._repr_html_()


def test_few_scores_are_all_shown():
    few = _scores()[:4]
    assert few._repr_html_().count("<tr>") == 5


def test_agreement_and_answers_show_numbers_with_intervals():
    rows = np.arange(30.0)
    assert "<tr><td>spearman</td><td>1</td><td>1 to 1</td></tr>" in agreement(rows, rows)._repr_html_()
    answer = Answer("copies", "No <copies>.", False, {"share": Number(0.04, (0.03, 0.06), "how many")})
    assert "No &lt;copies&gt;." in answer._repr_html_()
    assert "<td>0.04</td><td>0.03 to 0.06</td><td>how many</td>" in answer._repr_html_()


def test_a_frame_has_what_the_file_has():
    pandas = pytest.importorskip("pandas")
    scores = _scores(standard_error=np.full(900, 0.5))
    frame = scores.to_frame()
    assert ",".join(frame.columns) == scores.csv().partition("\n")[0]
    lines = scores.csv().splitlines()[1:]
    assert [f"{row.id},{row.score!r},{row.score_se!r},{row.rank}" for row in frame.itertuples()] == [
        ",".join(line.split(",")[:4]) for line in lines
    ]
    assert isinstance(frame, pandas.DataFrame)
    assert dataclasses.replace(scores, standard_error=None).to_frame()["score_se"].isna().all()


def test_without_pandas_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"gansift\[pandas\]"):
        _scores().to_frame()
