import hashlib

import pytest
import torch

from gansift.data import SPLITS, Examples, assign, labelled, split
from gansift.errors import DataError, UsageError


def examples(hashes, shape=(2,)):
    count = len(hashes)
    ids = tuple(f"{row}#{content_hash[:4]}" for row, content_hash in enumerate(hashes))
    x = torch.arange(count).float().reshape(count, *[1] * len(shape)).expand(count, *shape)
    return Examples(ids, x, labelled(torch.arange(count)), ("",) * count, tuple(hashes))


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
    with pytest.raises(DataError, match=r"faces has 1 images, and none .* valid split, which takes 25% .* Add images"):
        split(examples([one], shape=(1, 2, 2)), "faces")
    with pytest.raises(DataError, match=r"has 3 points \(1 distinct; copies stay together\), .* Add points"):
        split(examples([one] * 3), "points")
