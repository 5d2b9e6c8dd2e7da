import numpy as np
import pytest
import torch
from picture_files import pixels, save

from gansift.data import DataSets, load, load_sets, parse_source, parse_sources
from gansift.errors import DataError, UsageError


@pytest.fixture
def squares(tmp_path):
    for number in range(40):
        save(tmp_path / "squares" / f"{number:02d}.png", pixels(100 + number, 8, 8))
    return tmp_path / "squares"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("digits", (None, "digits")),
        ("a=digits", ("a", "digits")),
        ("a=b=c", ("a", "b=c")),
        ("_real2=x/y.zip", ("_real2", "x/y.zip")),
        ("./a=b", (None, "./a=b")),
        ("/data/a=b/c", (None, "/data/a=b/c")),
    ],
)
def test_a_name_stands_before_the_first_equals_sign_and_has_no_slash(source, expected):
    assert parse_source(source) == expected


def test_what_is_there_is_a_path_whatever_its_name(tmp_path, monkeypatch):
    (tmp_path / "a=b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_source("a=b") == (None, "a=b")


@pytest.mark.parametrize("source", ["my-set=x", "2=x", "=x", "class=x", "a b=x"])
def test_what_is_no_name_is_refused_with_the_way_round(source):
    with pytest.raises(UsageError, match=rf"no such name.*given as \./{source}"):
        parse_source(source)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["a=x", "a=y"], "two data sets are named a: x and y"),
        (["test=x", "test=y", "z"], "two data sets are named test: x and y"),
        (["a=x", "y"], "y has no name; of several data sets each needs one, such as a=y"),
        (["x", "y"], "x has no name"),
        (["x", "data=y"], "x has no name"),
        ([], "there is no data set"),
        (["test=x"], "there is no data set; give a source beside the one to test with"),
        (["a=x", "b=y", "test=z"], "test=z goes with one data set, not with a, b"),
        (["a="], "no source behind"),
    ],
)
def test_sources_that_do_not_go_together_are_refused(sources, message):
    with pytest.raises(UsageError, match=message):
        parse_sources(sources)


def test_a_source_without_a_name_is_the_set_data_and_what_it_always_was(faces):
    sets = load_sets([str(faces)], seed=3, size=4)
    assert list(sets) == ["data"]
    assert sets.only.train.digest() == load(faces, seed=3, size=4).train.digest()


def test_sets_are_in_the_order_given_and_each_is_what_it_is_alone(faces, squares):
    sets = load_sets([f"z={faces}", f"a={squares}", "d=digits"], seed=1)
    assert list(sets) == list(sets.train) == list(sets.valid) == list(sets.test) == ["z", "a", "d"]
    for name, source in (("z", faces), ("a", squares), ("d", "digits")):
        alone = load(source, seed=1)
        for part in ("train", "valid", "test"):
            assert getattr(sets, part)[name].digest() == getattr(alone, part).digest()
    with pytest.raises(UsageError, match="there are 3: z, a, d"):
        _ = sets.only


def test_the_digest_of_sets_covers_names_order_and_contents(faces, squares):
    one, other = load(faces), load(squares)
    digests = {
        DataSets(a=one, b=other).digest(),
        DataSets(b=other, a=one).digest(),
        DataSets(a=other, b=one).digest(),
        DataSets(a=one, c=other).digest(),
        DataSets(a=one).digest(),
    }
    assert len(digests) == 5
    assert DataSets(a=load(faces), b=load(squares)).digest() in digests


def test_only_image_files_are_resized_and_each_set_keeps_its_own_cache(faces, squares, tmp_path):
    cache = tmp_path / "cache"
    for _ in range(2):
        sets = load_sets([f"a={faces}", f"b={squares}", "d=digits"], size=4, cache=cache)
        assert [splits.train.shape for splits in sets.values()] == [(1, 4, 4), (1, 4, 4), (1, 8, 8)]
        assert sorted(path.name for path in cache.iterdir()) == ["a", "b"]
        assert all(len(np.load(path)) == 40 for path in cache.rglob("*.npy"))
    with pytest.raises(UsageError, match="none of digits, normal-2d is such"):
        load_sets(["a=digits", "b=normal-2d"], size=4)
    with pytest.raises(UsageError, match="--labels goes with one data set"):
        load_sets([f"a={faces}", f"b={squares}"], labels="x.csv")


def test_data_of_ones_own_are_the_test_examples_and_the_rest_is_split_in_two(faces, tmp_path):
    for number in range(5):
        save(tmp_path / "held" / f"{number}.png", pixels(200 + number))
    splits = load_sets([str(faces), f"test={tmp_path / 'held'}"]).only
    assert [identity[:5] for identity in splits.test.ids] == [f"{number}.png" for number in range(5)]
    assert len(splits.train) + len(splits.valid) == 40
    assert {*load(faces).train.ids} < {*splits.train.ids}
    assert splits.notes == (
        f"faces has train and test of its own, and valid is taken from train: train {len(splits.train)}, "
        f"valid {len(splits.valid)}, test 5",
    )


def test_copies_of_given_test_examples_are_not_trained_on(faces, tmp_path):
    save(tmp_path / "held" / "new.png", pixels(200))
    (tmp_path / "held" / "copy.png").write_bytes((faces / "07.png").read_bytes())
    splits = load(faces, test=tmp_path / "held")
    assert not any(identity.startswith("07.png") for identity in (*splits.train.ids, *splits.valid.ids))
    assert len(splits.train) + len(splits.valid) == 39
    assert "1 examples of faces are copies of others that are held out" in splits.notes[1]
    assert [path.partition("#")[0] for path, _ in splits.skipped] == ["07.png"]


def test_of_held_out_data_with_splits_the_test_split_is_used(faces, tmp_path):
    x = np.stack([pixels(300 + number) for number in range(6)])
    np.savez(tmp_path / "held.npz", x_train=x[:4], x_test=x[4:])
    splits = load(faces, test=tmp_path / "held.npz")
    assert torch.equal(splits.test.x, torch.from_numpy(x[4:, None]).float() / 127.5 - 1)
    with pytest.raises(UsageError, match=r"held\.npz has a test split of its own"):
        load(tmp_path / "held.npz", test=faces)


def test_classes_of_both_sources_are_numbered_as_one_and_colour_makes_all_rgb(tmp_path):
    for number in range(40):
        save(tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png", pixels(number))
    for number, name in enumerate(("bird", "dog")):
        save(tmp_path / "held" / name / "0.png", pixels(50 + number, 6, 5, 3))
    splits = load(tmp_path / "pets", test=tmp_path / "held")
    assert splits.train.class_names == splits.test.class_names == ("bird", "cat", "dog")
    assert splits.test.labels.tolist() == [0, 2]
    names = [splits.train.class_names[label] for label in splits.train.labels.tolist()]
    assert names == [identity.partition("/")[0] for identity in splits.train.ids]
    assert splits.train.shape == splits.test.shape == (3, 6, 5)


def test_held_out_data_of_another_shape_or_without_labels_are_refused(faces, squares, tmp_path):
    with pytest.raises(DataError, match=r"faces are 1 x 6 x 5, and those of squares, to test with, 1 x 8 x 8"):
        load(faces, test=squares)
    assert load(faces, test=squares, size=4).test.shape == (1, 4, 4)
    with pytest.raises(DataError, match="digits has a label for each example and squares has none"):
        load("digits", test=squares)
