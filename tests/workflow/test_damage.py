"""Whatever small file of a run is damaged: it is named, and the same command brings back the same bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from kills import results

from gansift.errors import GansiftError
from gansift.files import write_sealed
from tiny_run import gansift, run

RESULTS = [
    "seeds/1/values/*.json", "seeds/0/seconds.json", "seeds/0/scores/all@*-itd-*.csv", "seeds/1/scores/all@*-itd-*.csv",
    "seeds/0/scores/*-itd-growth.json", "seeds/1/retrained/*.json", "verify/*.json", "report.json",
]  # fmt: skip
DAMAGES = {
    "truncated": lambda content: content[: 2 * len(content) // 3],
    "empty": lambda content: b"",
    "garbage": lambda content: bytes(range(256)),
    "of another kind": lambda content: b"{}\n",
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, "truncated") for name in RESULTS] + [(name, damage) for name in RESULTS[::5] for damage in DAMAGES][1:],
)
def test_a_damaged_result_is_named_and_made_anew(finished, folder, name, damage):
    path = sorted(folder.glob(name))[-1]
    damaged = DAMAGES[damage](path.read_bytes())
    path.write_bytes(damaged)
    gansift("cleanse", folder, "--quiet")
    warnings = [line for line in (folder / "log.txt").read_text().splitlines() if "computed again" in line]
    assert len(warnings) == 1
    assert str(path) in warnings[0]
    assert path.with_name(f"{path.name}.damaged").read_bytes() == damaged
    assert results(folder) == results(finished)
    assert {"train", "cleanse"} <= json.loads((folder / "report.json").read_text())["times"].keys()


def _edited(path):
    """The same file with another digit in its last number, which every reader takes."""
    text = path.read_text()
    (number,) = list(re.finditer(r"-?[0-9]\.[0-9]+", text))[-1:]
    edited = text[: number.end() - 1] + str((int(text[number.end() - 1]) + 1) % 10) + text[number.end() :]
    path.write_text(edited)
    return edited


@pytest.mark.parametrize("name", [name for name in RESULTS if name != "seeds/0/seconds.json"])
def test_a_result_that_was_edited_is_not_believed_but_named_and_made_anew(finished, folder, name):
    path = sorted(folder.glob(name))[-1]
    edited = _edited(path)
    gansift("cleanse", folder, "--quiet")
    warnings = [line for line in (folder / "log.txt").read_text().splitlines() if "computed again" in line]
    assert len(warnings) == 1
    assert f"{path} was changed: it does not match its checksum" in warnings[0]
    assert path.with_name(f"{path.name}.damaged").read_text() == edited
    assert results(folder) == results(finished)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")], ids=["gone", "damaged"])
def test_a_report_names_a_verification_that_it_does_not_have_any_more(folder, damage):
    (path,) = sorted(folder.glob("verify/*.json"))[:1]
    before = json.loads((folder / "report.json").read_text())["verification"]
    damage(path)
    gansift("report", folder)
    after = json.loads((folder / "report.json").read_text())["verification"]
    (lost,) = [one for one in before if one not in after]
    said = f"({lost['count']} removals of {lost['removed']}, by {lost['estimator']}): `gansift verify {folder}`"
    (warning,) = [line for line in (folder / "log.txt").read_text().splitlines() if "is gone from" in line]
    assert said in warning


def test_a_report_that_was_lost_is_said_to_be_written_anew(folder):
    (folder / "report.json").unlink()
    gansift("report", folder)
    assert "report.json was lost and is written anew, without what" in (folder / "log.txt").read_text()


def test_evaluate_does_not_show_what_was_edited(folder):
    edited = _edited(folder / "seeds/0/values/all@50.json")
    with pytest.raises(GansiftError, match=r"all@50\.json was changed.*Run `gansift run` with the same settings"):
        gansift("evaluate", folder)
    assert (folder / "seeds/0/values/all@50.json").read_text() == edited


def test_a_result_without_its_checksum_is_not_believed(finished, folder):
    path = next(folder.glob("seeds/1/retrained/*.json"))
    path.with_name(f"{path.name}.sha256").unlink()
    gansift("cleanse", folder, "--quiet")
    assert f"{path} has no checksum" in (folder / "log.txt").read_text()
    assert results(folder) == results(finished)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_damage(finished, folder, word):
    path = folder / "seeds/1/values/all@50.json"
    text = path.read_text()
    write_sealed(path, re.sub(r"-?[0-9]\.[0-9]+", word, text, count=1))
    with pytest.raises(GansiftError, match=r"all@50\.json is damaged"):
        gansift("evaluate", folder)
    gansift("cleanse", folder, "--quiet")
    assert path.read_text() == text


@pytest.mark.parametrize("lines", [2, 100])
def test_a_score_file_without_its_last_rows_is_damaged(finished, folder, lines):
    path = next(folder.glob("seeds/0/scores/*.csv"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-lines]))
    gansift("score", folder, "--quiet")
    assert results(folder) == results(finished)


@pytest.mark.parametrize("damage", DAMAGES)
def test_evaluate_only_reads_and_says_what_to_do(folder, damage):
    path = folder / "seeds/1/values/all@50.json"
    path.write_bytes(content := DAMAGES[damage](path.read_bytes()))
    with pytest.raises(GansiftError, match=r"all@50\.json is damaged.*Run `gansift run` with the same settings"):
        gansift("evaluate", folder)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["config.json", "manifest.csv", "seeds/0/config.json"])
def test_what_says_which_run_it_is_is_named_and_written_anew_only_when_deleted(finished, folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    # Nothing of a seed is read where nothing of it is to be done, but for the first one's report.
    commands = (
        [lambda: run(folder)] if name.startswith("seeds") else [lambda: gansift("score", folder), lambda: run(folder)]
    )
    for again in commands:
        with pytest.raises(GansiftError, match=rf"(?i){path} is damaged.*delete"):
            again()
    path.unlink()
    run(folder)
    assert path.read_bytes() == (finished / name).read_bytes()
    assert results(folder) == results(finished)


def test_a_manifest_that_was_changed_is_not_blamed_on_the_data(finished, folder):
    path = folder / "manifest.csv"
    content = path.read_bytes()
    path.write_bytes(content[:-200].replace(b"train", b"valid") + content[-200:])
    for verb in ("report", "evaluate", "score"):
        with pytest.raises(GansiftError, match=rf"But {path} was changed.*delete it.*Nothing in it was changed"):
            gansift(verb, folder)
    path.unlink()
    run(folder)
    assert path.read_bytes() == content
    assert results(folder) == results(finished)


@pytest.mark.parametrize("verb", ["report", "evaluate", "score"])
def test_a_run_whose_settings_were_edited_is_refused_until_they_are_written_anew(finished, folder, verb):
    path = folder / "config.json"
    edited = json.loads(path.read_text())
    edited["system"]["lr"] *= 2
    path.write_text(json.dumps(edited))
    with pytest.raises(GansiftError, match=rf"{path} is damaged: it was changed.*Delete it and give the command"):
        gansift(verb, folder)
    path.unlink()
    run(folder)
    assert path.read_bytes() == (finished / "config.json").read_bytes()
    assert results(folder) == results(finished)
