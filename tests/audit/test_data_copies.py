from dataclasses import replace

import made_up_audit as made_up
import numpy as np
import pytest

from gansift.audit import Subject, run_audit
from gansift.data.examples import Splits
from gansift.errors import UsageError


def images(count, seed):
    """Smooth random images that look like no other, (count, 1, 32, 32)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (count, 1, 8, 8))
    return np.kron(coarse, np.ones((4, 4)))


def splits(train, valid, test, hashes=(None, None, None)):
    named = zip((train, valid, test), ("train", "valid", "test"), hashes, strict=True)
    return Splits("toy", *(made_up.examples(x, name, own) for x, name, own in named))


def test_planted_copies_are_found_and_counted():
    train, valid, test = images(40, 0), images(20, 1), images(30, 2)
    test[3] = train[7]
    valid[5] = train[9] + 0.004 * np.random.default_rng(3).normal(size=train[9].shape)
    hashes = [tuple(f"{name}{row}" for row in range(40)) for name in "abc"]
    hashes[2] = (*hashes[2][:3], "a7", *hashes[2][4:30])
    data = splits(train, valid, test, (hashes[0], hashes[1][:20], hashes[2]))
    answer = run_audit("copies", Subject("toy", {"data": data}))
    assert answer.finding is True
    assert answer.numbers["exact_copies"].value == pytest.approx(1 / 50)
    assert answer.numbers["near_copies"].value == pytest.approx(1 / 50)
    assert answer.numbers["near_copies"].ci95[0] > 0
    assert answer.tables["Copies in data"].rows == (("test/3", "train/7"), ("valid/5", "train/9"))
    assert answer.verdict.startswith("2 of 50 held-out examples are in the training data, too")
    gallery = answer.pictures["Copies in data"]
    assert np.abs(gallery.x[:, 0] - gallery.x[:, 1]).max() < 0.05


def test_honest_data_are_not_flagged():
    answer = run_audit("copies", Subject("toy", {"data": splits(images(40, 0), images(20, 1), images(30, 2))}))
    assert answer.finding is False
    assert {name: number.value for name, number in answer.numbers.items()} == {"exact_copies": 0, "near_copies": 0}
    assert (answer.tables, answer.pictures) == ({}, {})
    assert answer.verdict.startswith("None of 50 held-out examples")


def test_rows_of_numbers_are_compared_by_their_content_alone():
    answer = run_audit("copies", made_up.subject(0, players=0))
    assert answer.finding is False
    assert answer.numbers.keys() == {"exact_copies"}
    subject = made_up.subject(0, players=0)
    data = subject.data["data"]
    test = replace(data.test, hashes=(data.train.hashes[4], *data.test.hashes[1:]))
    again = run_audit("copies", replace(subject, data={"data": replace(data, test=test)}))
    assert again.finding is True
    assert again.tables["Copies in data"].rows == (("test/0", "train/4"),)
    assert again.verdict.startswith("1 of 120 held-out examples is in the training data, too")


def test_data_without_held_out_examples_are_refused():
    with pytest.raises(UsageError, match="no validation or test data"):
        run_audit("copies", made_up.subject(0, held=0, players=0))
