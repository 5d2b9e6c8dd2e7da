import made_up_report as made_up
import numpy as np
from page_reader import Page, written

from gansift.report import Shown
from gansift.report.views import records
from gansift.report.words import MINUS


def told(rows: np.ndarray):
    """Standardised age and one-hot job as people read them."""
    return {
        "age": [round(37 + 10 * float(row[0])) for row in rows],
        "job": [("Sales", "<Craft>")[int(row[2] > row[1])] for row in rows],
    }


def table(seed=0):
    rng = np.random.default_rng(seed)
    jobs = np.eye(2)[rng.integers(0, 2, 60)]
    return np.concatenate([rng.normal(size=(60, 1)), jobs], axis=1)


def test_a_row_reads_as_a_sentence():
    text = Page(str(records.one(np.array([0.0, 1.0, 0.0]), "", told))).text
    assert " ".join(text.split()) == "age 37 , job Sales"


def test_records_are_cards_and_samples_are_compared_column_by_column(without_charts, tmp_path):
    x, before, after = table(), table(1), table(2)
    before[:, 1:] = [1.0, 0.0]
    shown = Shown.of(made_up.IDS, made_up.scores(), None, x, before, after, record=told)
    source = written(tmp_path, made_up.summary(), shown)
    text = " ".join(Page(source).text.split())
    assert "<Craft></b>" not in source
    harmful = text.split("The most harmful examples")[1]
    assert f"age {37 + round(10 * x[0, 0])}" in harmful
    assert f"{MINUS}0.0500 #1" in harmful
    assert "column training data before after" in text
    assert "Sales 100.0 %, <Craft> 0.0 %" in text or "<Craft> 0.0 %, Sales 100.0 %" in text
    ages = np.array(told(after)["age"])
    assert f"{ages.mean():.1f} ± {ages.std():.2f}" in text
    assert "Where the harmful examples lie" not in text
    assert "the same latent." not in text


def test_rows_without_names_are_read_as_numbers():
    assert str(records.one(np.array([1.0, -2.0]), "")) == "1.00, \N{MINUS SIGN}2.00"
