import json

import made_up_answer as made_up
import numpy as np
import pytest

from gansift.errors import GansiftError
from gansift.files import write_sealed
from gansift.report import Gallery, Number, answer_text, read_answers, write_answer
from gansift.report.words import MISSING


def test_what_was_written_is_read_back(tmp_path):
    whole, bare = (
        made_up.answer(),
        made_up.answer(audit="bare", finding=None, pictures={}, tables={}, curves={}, scatters={}),
    )
    for one in (whole, bare):
        write_answer(tmp_path / "audits", one)
    read = {one.audit: one for one in read_answers(tmp_path / "audits")}
    assert read["bare"] == bare
    assert read.keys() == {"bare", "copies"}
    for name in ("verdict", "finding", "numbers", "tables", "curves", "scatters", "shown", "not_shown"):
        assert getattr(read["copies"], name) == getattr(whole, name)
    ((title, gallery),) = read["copies"].pictures.items()
    assert (title, gallery.headings, gallery.captions) == (
        "Closest pairs", ("sample", "training example"), ("a/<b>.png", "distance 0.2"),
    )  # fmt: skip
    assert np.array_equal(gallery.x, whole.pictures[title].x)


def test_an_answer_replaces_the_one_before_it_and_its_pictures(tmp_path):
    write_answer(tmp_path, made_up.answer())
    write_answer(tmp_path, made_up.answer(finding=False, pictures={}))
    assert [one.finding for one in read_answers(tmp_path)] == [False]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copies.json", "copies.json.sha256"]


def test_there_are_no_answers_where_nothing_was_audited(tmp_path):
    assert read_answers(tmp_path / "none") == ()


@pytest.mark.parametrize("broken", ["json", "safetensors"])
@pytest.mark.parametrize("how", ["cut", "a digit", "gone", "its checksum is gone"])
def test_an_answer_that_is_not_as_it_was_written_is_named_and_not_shown(tmp_path, broken, how):
    write_answer(tmp_path, made_up.answer())
    path = tmp_path / f"copies.{broken}"
    content = path.read_bytes()
    match how:
        case "cut":
            path.write_bytes(content[:-20])
        case "a digit":
            path.write_bytes(content[:-40].replace(b"0", b"1") + content[-40:])
        case "gone" if broken == "safetensors":
            path.unlink()
        case _:
            path.with_name(f"{path.name}.sha256").unlink()
    with pytest.raises(GansiftError, match=rf"{path} .*Audit again, or delete copies\.json"):
        read_answers(tmp_path)


def test_what_is_no_answer_is_named_with_the_field(tmp_path):
    write_sealed(tmp_path / "copies.json", '{"audit": 3}')
    with pytest.raises(GansiftError, match=r"copies\.json is damaged: audit.*Audit again"):
        read_answers(tmp_path)


def test_programs_get_one_object_with_values_and_intervals():
    found = json.loads(json.dumps(made_up.answer().to_json()))
    assert found.keys() == {"audit", "verdict", "finding", "numbers"}
    assert found["numbers"]["close_share"] == {"value": 0.07, "ci95": [0.05, 0.09]}
    assert found["numbers"]["pairs"] == {"value": 3.0, "ci95": None}


def test_a_gallery_whose_parts_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="1 captions and 2 headings"):
        Gallery(("a", "b"), np.zeros((2, 2, 1, 4, 4)), ("only one",))


def test_the_terminal_gets_everything_but_charts_and_pictures():
    lines = answer_text(made_up.answer()).splitlines()
    assert lines[0] == "copies: Some <samples> are copies: 7 % of them (95 % interval 5 to 9 %)."
    text = " ".join(" ".join(lines).split())
    for part in (
        "close_share 0.0700 95 % interval 0.050 to 0.090, expected 0.050 share of close <samples>",
        f"By seed seed share note 0 0.0712 {MISSING} 1 0.0800 <odd> A note.",
        "Shown - What is shown.",
        "Not shown - What is not shown.",
    ):
        assert part in text
    assert max(map(len, lines)) <= 100
    assert "pairs        3.00" in lines[[line.strip().startswith("pairs") for line in lines].index(True)]


def test_a_number_of_its_own_needs_no_interval():
    text = answer_text(made_up.answer(numbers={"a": Number(2.0)}, tables={}, shown=(), not_shown=()))
    assert text.splitlines()[1:] == ["  a  2.00"]
