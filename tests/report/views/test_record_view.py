import made_up_report as made_up
import numpy as np
from page_reader import Page, written

from gansift.data.encoding import Encoding
from gansift.data.table import Field
from gansift.report import Shown
from gansift.report.views import records
from gansift.report.words import MINUS

AGES = np.array([30.0, 30.0, 50.0, 50.0] * 15)  # 40 ± 10
JOBS = ["<Craft>", "Sales"] * 30
FIELDS = [Field("age", AGES), Field.of_texts("job", JOBS)]
ENCODING = Encoding.fit(FIELDS)
X = ENCODING.encode(FIELDS).numpy()


def test_a_row_reads_as_a_sentence():
    text = Page(f"<p>{records.one(X[1], '', ENCODING)}</p>").text
    assert " ".join(text.split()) == "age 30 , job Sales"


def test_records_are_cards_and_samples_are_compared_column_by_column(without_charts, tmp_path):
    before, after = X + np.array([1.0, 0.0, 0.0], dtype=X.dtype), X.copy()
    after[:, 1:] = X[0, 1:]  # all of the first row's job
    shown = Shown.of(made_up.IDS, made_up.scores(), None, X, before, after, encoding=ENCODING)
    source = written(tmp_path, made_up.summary(), shown)
    assert "<Craft></b>" not in source
    text = " ".join(Page(source).text.split())
    cards = text.split("The most harmful examples")[1]
    assert f"age 30 , job <Craft> {MINUS}0.0500 #1" in cards
    assert "column training data before after" in text
    assert "<Craft> 50.0 %, Sales 50.0 % <Craft> 50.0 %, Sales 50.0 % <Craft> 100.0 %, Sales 0.0 %" in text
    assert "age 40.0 ± 10.0 50.0 ± 10.0 40.0 ± 10.0" in text
    assert "Where the harmful examples lie" not in text
    assert "is the same latent" not in text


def test_rows_without_names_are_read_as_numbers():
    assert str(records.one(np.array([1.0, -2.0]), "")) == "1.00, \N{MINUS SIGN}2.00"
