import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from picture_files import pixels, save
from PIL import Image

from gansift.data import SPLITS, load
from gansift.data.survey import survey
from gansift.data.survey_text import survey_text
from gansift.errors import DataError, UsageError
from tiny_run import invoke


def run(*arguments):
    return invoke(["data", *arguments])


@pytest.fixture
def mixed(tmp_path):
    """Classes cat (30) and dog (2); a copy, a look-alike, an odd size, two bad files and one that is no image."""
    folder = tmp_path / "mixed"
    for number in range(28):
        save(folder / "cat" / f"{number:02d}.png", pixels(number, 32, 32))
    shutil.copy(folder / "cat" / "00.png", folder / "cat" / "copy.png")
    Image.fromarray(pixels(5, 32, 32)).save(folder / "cat" / "again.bmp")
    save(folder / "dog" / "a.png", pixels(100, 32, 32, 3))
    save(folder / "dog" / "b\x1b[31m.png", pixels(101, 32, 32))
    save(folder / "dog" / "odd.png", pixels(102, 40, 50))
    (folder / "dog" / "zero.png").write_bytes(b"")
    (folder / "dog" / "cut.png").write_bytes((folder / "dog" / "a.png").read_bytes()[:90])
    (folder / "notes.txt").write_text("hello")
    return folder


def test_it_counts_what_is_there(mixed):
    found = survey(mixed)
    assert (found["found"], found["usable"]) == (35, 32)
    assert found["sizes"] == {"32x32": 32, "50x40": 1}
    assert found["forms"] == {"PNG L": 31, "BMP L": 1, "PNG RGB": 1}
    assert found["classes"] == {"cat": 30, "dog": 2}
    assert found["others"] == {".txt": 1}
    assert found["exact"] == [["cat/00.png", "cat/copy.png"]]
    assert found["near"] == [["cat/05.png", "cat/again.bmp"]]
    assert [path.removeprefix(f"{mixed}/") for path, _ in found["bad"]] == [
        "dog/cut.png",
        "dog/odd.png",
        "dog/zero.png",
    ]


def test_what_it_says_of_the_split_is_what_loading_does(mixed):
    for seed in (0, 3):
        splits = load(mixed, skip_bad=True, seed=seed)
        found = survey(mixed, seed=seed)
        assert found["split"] == {part: len(getattr(splits, part)) for part in SPLITS}
        where = {identity.split("#")[0]: part for part in SPLITS for identity in getattr(splits, part).ids}
        assert found["leaks"] == (where["cat/05.png"] != where["cat/again.bmp"])
    resized = load(mixed, skip_bad=True, size=16)
    assert survey(mixed, size=16)["split"] == {part: len(getattr(resized, part)) for part in SPLITS}


def test_the_command_that_it_ends_with_works(mixed):
    found = survey(mixed)
    assert found["command"] == f"gansift run {mixed} --size 32 --skip-bad"
    assert "The images are of 2 sizes: --size 32" in found["next"][0]
    assert "the 2 unusable files" in found["next"][1]
    assert found["next"][-1] == "Few examples to learn from in dog (2)."
    assert survey(mixed, size=8, resize="pad-box")["command"] == (
        f"gansift run {mixed} --size 8 --resize pad-box --skip-bad"
    )


def test_sizes_that_the_built_in_networks_take_need_nothing(faces):
    assert survey(faces)["command"] == f"gansift run {faces}"
    assert survey(faces, seed=7)["command"] == f"gansift run {faces} --split-seed 7"  # the split that was shown
    for number in range(40):
        save(faces / f"{number:02d}.png", pixels(number, 40, 45))
    assert survey(faces)["command"] == f"gansift run {faces} --size 32"


def test_the_command_line_prints_what_can_be_printed_and_bad_files_are_no_error(mixed):
    done = run(mixed)
    assert done.exit_code == 0
    assert all(line.isprintable() for line in done.output.splitlines())
    assert "dog/zero.png is empty (0 bytes)" in done.output
    assert f"Next: gansift run {mixed} --size 32 --skip-bad" in done.output
    done = run(mixed, "--json")
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert told.pop("run")["model"] == "dcgan"
    assert told == json.loads(json.dumps(survey(mixed)))


def test_nothing_usable_is_exit_code_1(tmp_path):
    (tmp_path / "bad").mkdir()
    done = run(tmp_path / "bad")
    assert done.exit_code == 1
    assert f"the folder {tmp_path / 'bad'} is empty" in done.output
    (tmp_path / "bad" / "a.png").write_bytes(b"")
    done = run(tmp_path / "bad", "--json")
    assert done.exit_code == 1
    assert json.loads(done.output)["bad"] == [[str(tmp_path / "bad" / "a.png"), "is empty (0 bytes)"]]
    with pytest.raises(DataError, match="does not exist"):
        survey(tmp_path / "gone")


def test_labels_that_do_not_fit_are_said_and_nothing_is_usable(mixed, tmp_path):
    (tmp_path / "labels.csv").write_text("path,label\ncat/00.png,1\n")
    found = survey(mixed, labels=tmp_path / "labels.csv")
    assert found["usable"] == 0
    assert "31 of 32 images have no label" in found["next"][0]
    assert found["command"] is None


def test_archives_arrays_and_built_in_sets_are_looked_at_too(faces, tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for path in faces.iterdir():
            archive.write(path, path.name)
        archive.writestr("../up.png", b"")
    found = survey(tmp_path / "faces.zip")
    assert (found["usable"], found["split"]) == (40, survey(faces)["split"])
    assert found["bad"] == [(f"{tmp_path}/faces.zip/../up.png", "has a path that leads out of the archive")]
    np.savez(tmp_path / "x.npz", x=np.stack([pixels(number % 30) for number in range(40)]))
    found = survey(tmp_path / "x.npz")
    assert (found["sizes"], len(found["exact"]), found["classes"]) == ({"5x6": 40}, 10, None)
    assert survey("normal-2d")["forms"] == {"points of 2 numbers": 3000}
    with pytest.raises(UsageError, match="go with image files only"):
        survey(tmp_path / "x.npz", size=8)


def test_many_of_a_kind_are_cut_short_for_people_only(faces):
    for number in range(20):
        save(faces / f"{number:02d}.png", pixels(number, 7, 7 + number))
        os.link(faces / "30.png", faces / f"copy{number}.png")
    text = survey_text(survey(faces))
    assert "and 12 more (all of them with --json)" in text
    assert "copy14.png" in text
    assert "copy9.png" not in text
    assert " ..." in text


def test_splits_of_the_sources_own_and_copies_across_them_are_shown(tmp_path):
    for number in range(12):
        part = ("train", "train", "test")[number % 3]
        save(tmp_path / "pets" / part / ("cat" if number % 2 else "dog") / f"{number}.png", pixels(number, 32, 32))
    shutil.copy(tmp_path / "pets" / "test" / "dog" / "2.png", tmp_path / "pets" / "train" / "dog" / "copy.png")
    found = survey(tmp_path / "pets", fractions=(0.6, 0.3, 0.1))
    assert found["own_split"] == ["train", "test"]
    assert (found["split"]["test"], sum(found["split"].values())) == (4, 13)
    assert (found["classes"], found["crossing"]) == ({"dog": 7, "cat": 6}, 1)
    assert found["command"].endswith("--fractions 0.6,0.3,0.1")
    assert "(its own: train, test)" in survey_text(found)
    assert any("Exact copies lie in more than one split (1 such)" in sentence for sentence in found["next"])


def test_folders_of_splits_without_training_images_cannot_be_used(tmp_path):
    for number, part in enumerate(("val", "test")):
        save(tmp_path / "pets" / part / "a.png", pixels(number))
    found = survey(tmp_path / "pets")
    assert (found["usable"], found["command"]) == (0, None)
    assert "none of them is called train" in found["next"][0]


def test_copies_and_look_alikes_of_different_classes_contradict_and_are_not_advised_away(mixed, caplog):
    shutil.copy(mixed / "cat" / "07.png", mixed / "dog" / "planted.png")
    Image.fromarray(pixels(9, 32, 32)).save(mixed / "dog" / "like.bmp")
    found = survey(mixed)
    assert found["conflicts"] == [["cat/07.png", "dog/planted.png"]]
    assert found["near_conflicts"] == [["cat/09.png", "dog/like.bmp"]]
    advice = " ".join(found["next"])
    assert "1 group of exact copies with different classes, such as cat/07.png, dog/planted.png" in advice
    assert "1 group of look-alikes with different classes, such as cat/09.png, dog/like.bmp" in advice
    text = survey_text(found)
    assert "copies of different classes, 2 in 1 groups:\n  cat/07.png, dog/planted.png" in text
    assert "look the same, of different classes, 2 in 1 groups:\n  cat/09.png, dog/like.bmp" in text
    notes = load(mixed, skip_bad=True).notes
    assert any("1 groups of exact copies in mixed have different labels, such as cat/07.png#" in note for note in notes)


def test_copies_of_one_class_and_without_classes_contradict_nothing(mixed):
    found = survey(mixed)
    assert (found["conflicts"], found["near_conflicts"]) == ([], [])
    assert "different classes" not in survey_text(found)
    assert not [note for note in load(mixed, skip_bad=True).notes if "different labels" in note]
    (mixed / "dataset.json").write_text('{"labels": null}')
    shutil.copy(mixed / "cat" / "07.png", mixed / "dog" / "planted.png")
    assert survey(mixed)["conflicts"] == []
