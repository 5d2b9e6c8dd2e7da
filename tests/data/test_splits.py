import hashlib

import pytest
import torch

from gansift.data import SPLITS, Examples, assign, labelled, parse_fractions, split
from gansift.data.splits import parts_of
from gansift.errors import DataError, UsageError


def examples(hashes, shape=(2,), parts=()):
    count = len(hashes)
    ids = tuple(f"{row}#{content_hash[:4]}" for row, content_hash in enumerate(hashes))
    x = torch.arange(count).float().reshape(count, *[1] * len(shape)).expand(count, *shape)
    return Examples(ids, x, labelled(torch.arange(count)), ("",) * count, tuple(hashes), parts=tuple(parts))


def sha(text):
    return hashlib.sha256(str(text).encode()).hexdigest()


MANY = [sha(number) for number in range(2000)]


def test_assignments_are_the_same_for_ever():
    assert " ".join(assign(sha(number), 0) for number in range(7)) == "test test valid test train train train"
    assert " ".join(assign(sha(number), 7) for number in range(7)) == "train train train valid test test valid"


def test_assignment_is_the_documented_hash_against_the_fractions():
    for content_hash in MANY[:200]:
        exact = int(hashlib.sha256(f"3:{content_hash}".encode()).hexdigest(), 16) / 2**256
        expected = "train" if exact < 0.6 else "valid" if exact < 0.9 else "test"
        assert assign(content_hash, 3, (0.6, 0.3, 0.1)) == expected


def test_the_splits_have_about_the_fractions_asked_for():
    parts = split(examples(MANY), "many", fractions=(0.7, 0.2, 0.1))
    for part, fraction in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
        five_sigma = 5 * (fraction * (1 - fraction) / len(MANY)) ** 0.5
        assert abs(len(getattr(parts, part)) / len(MANY) - fraction) < five_sigma


def test_the_splits_partition_the_examples_and_keep_their_order():
    whole = examples(MANY)
    parts = split(whole, "many")
    rows = [getattr(parts, part).labels.tolist() for part in SPLITS]
    assert all(part == sorted(part) for part in rows)
    assert sorted(row for part in rows for row in part) == list(range(len(MANY)))
    for part in SPLITS:
        piece = getattr(parts, part)
        assert piece.ids == tuple(whole.ids[row] for row in piece.labels.tolist())
        assert torch.equal(piece.x[:, 0], piece.labels.float())


def test_another_seed_splits_otherwise():
    assert split(examples(MANY), "many", seed=1).train.hashes != split(examples(MANY), "many", seed=2).train.hashes


@pytest.mark.parametrize("folds", [3, 4, 7])
def test_over_all_turns_each_example_is_held_out_once_for_each_purpose_and_trained_on_otherwise(folds):
    fractions = (1 - 2 / folds, 1 / folds, 1 / folds)
    parts = [[assign(one, 5, fractions, turn / folds) for one in MANY] for turn in range(folds)]
    for of_example in zip(*parts, strict=True):
        assert sorted(of_example) == ["test"] + ["train"] * (folds - 2) + ["valid"]


def test_a_turn_leaves_test_examples_alone_that_the_source_has():
    whole = examples(MANY[:400], parts=["train"] * 300 + ["test"] * 100)
    turns = [split(whole, "own", turn=turn / 4) for turn in range(4)]
    assert len({parts.test.ids for parts in turns}) == 1
    validated = {identity for parts in turns for identity in parts.valid.ids}
    assert validated == set(whole.ids[:300])


def test_a_turn_is_refused_where_the_source_has_all_splits():
    whole = examples(MANY[:9], parts=["train", "valid", "test"] * 3)
    assert len(split(whole, "own").train) == 3
    with pytest.raises(DataError, match=r"own: .*no other examples can be held out in turn"):
        split(whole, "own", turn=0.25)


def test_copies_of_one_content_stay_together():
    parts = split(examples(MANY[:50] * 3), "copies")
    pieces = [set(getattr(parts, part).hashes) for part in SPLITS]
    assert sum(map(len, pieces)) == 50
    assert len(parts.train) + len(parts.valid) + len(parts.test) == 150


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.5, 0.5, 0.0), (0.5, 0.3, 0.3), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5), ()]
)
def test_fractions_that_make_no_sense_are_refused(fractions):
    with pytest.raises(UsageError, match=r"three positive numbers with sum 1.*default is 0\.5, 0\.25, 0\.25"):
        split(examples(MANY), "many", fractions=fractions)


def test_an_empty_split_says_how_many_there_are_and_what_to_do():
    one = next(content_hash for content_hash in MANY if assign(content_hash, 0) == "train")
    with pytest.raises(
        DataError,
        match=r"faces has 1 images, and none .* valid split, which takes 25% .* Add images",
    ):
        split(examples([one], shape=(1, 2, 2)), "faces")
    with pytest.raises(DataError, match=r"a larger share with --fractions, or try another --split-seed"):
        split(examples([one]), "faces")
    with pytest.raises(DataError, match=r"has 3 points \(1 distinct; copies stay together\), .* Add points"):
        split(examples([one] * 3), "points")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.8,0.1,0.1", (0.8, 0.1, 0.1)), ("80/10/10", (0.8, 0.1, 0.1)), (" 2, 1 ,1", (0.5, 0.25, 0.25))],
)
def test_fractions_are_read_as_parts_of_one_or_in_proportion(text, expected):
    assert parse_fractions(text) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    "text", ["", "0.8,0.2", "0.8,0.2,0", "a,b,c", "nan,1,1", "inf,1,1", "0,0,0", "1;1;1", "-1,1,1", "1e308,1e308,1"]
)
def test_fractions_that_are_none_are_refused_with_examples(text):
    with pytest.raises(UsageError, match=r"--fractions .*such as 0\.8,0\.1,0\.1 or 80/10/10"):
        parse_fractions(text)


def test_splits_of_the_sources_own_are_used_as_they_are():
    own = [SPLITS[row % 3] for row in range(30)]
    parts = split(examples(MANY[:30], parts=own), "own")
    assert [getattr(parts, part).labels.tolist() for part in SPLITS] == [list(range(k, 30, 3)) for k in range(3)]
    assert parts.notes == ("own has train and valid and test of its own: train 10, valid 10, test 10",)
    assert parts.skipped == ()


@pytest.mark.parametrize(("missing", "share"), [("valid", 0.6 / 0.9), ("test", 0.6 / 0.7)])
def test_a_split_that_the_source_lacks_is_taken_from_its_training_examples_by_their_fractions(missing, share):
    (there,) = {"valid", "test"} - {missing}
    own = [there if row % 4 == 0 else "train" for row in range(len(MANY))]
    found = parts_of(MANY, own, 3, (0.6, 0.3, 0.1))
    for content_hash, mine, part in zip(MANY, own, found, strict=True):
        exact = int(hashlib.sha256(f"3:{content_hash}".encode()).hexdigest(), 16) / 2**256
        assert part == (there if mine == there else "train" if exact < share else missing)


def test_a_source_of_training_examples_alone_is_split_as_one_without_splits():
    assert parts_of(MANY, ["train"] * len(MANY), 5) == parts_of(MANY, (), 5) == [assign(one, 5) for one in MANY]


def test_a_source_without_training_examples_is_refused():
    with pytest.raises(DataError, match="mine: all examples are test or valid examples"):
        split(examples(MANY[:4], parts=["test", "valid"] * 2), "mine")


def test_copies_of_what_is_held_out_are_neither_trained_on_nor_chosen_with():
    own = ["train"] * 6 + ["valid"] * 3 + ["test"] * 3
    hashes = MANY[:12]
    hashes[0], hashes[1], hashes[6] = hashes[9], hashes[7], hashes[10]
    hashes[2] = hashes[3]  # two training examples of one content are no concern of the held-out ones
    whole = examples(hashes, parts=own)
    parts = split(whole, "copies")
    assert parts.train.labels.tolist() == [2, 3, 4, 5]
    assert parts.valid.labels.tolist() == [7, 8]
    assert parts.test.labels.tolist() == [9, 10, 11]
    assert parts.skipped == (
        (whole.ids[0], f"is a train example and a copy of the test example {whole.ids[9]}"),
        (whole.ids[1], f"is a train example and a copy of the valid example {whole.ids[7]}"),
        (whole.ids[6], f"is a valid example and a copy of the test example {whole.ids[10]}"),
    )
    assert "3 examples of copies are copies of others that are held out" in parts.notes[1]
    assert parts.notes[1].endswith(f": {whole.ids[0]}, {whole.ids[1]}, {whole.ids[6]}")
    with pytest.raises(DataError, match="no train example is left, for all 2 that are left out are copies of points"):
        split(examples([MANY[0]] * 2 + MANY[:2], parts=["train"] * 2 + ["test", "valid"]), "all")
