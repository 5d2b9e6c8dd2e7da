"""A checkpoint that is damaged or gone is missed, computed again to the same bits, and kept again."""

from __future__ import annotations

import logging

import pytest

from gansift import cleansing, influence, lock, training
from gansift.errors import GansiftError, ReplayError, TrainingError
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.checksums import Checksums
from gansift.training.state import checksum
from toys import MeanWave, examples, gan

NUMBERS = [0, 3, 6, 9, 10]


def _train(outdir, **arguments):
    settings = {"steps": 10, "batch_size": 4, "optimizers": training.Adam(lr=0.05, eps=1e-2), "checkpoint_every": 3}
    return training.train(gan(r1=0.3), examples(), outdir=outdir, ema=0.8, **settings | arguments)


def _files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "checkpoints").iterdir())}


def _path(folder, number):
    return DiskCheckpoints(folder / "checkpoints").path(number)


def _damage(path, damage):
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
        return
    if damage == "flipped":
        content[-5] ^= 4
    path.write_bytes({"truncated": content[: len(content) // 2], "flipped": content, "empty": b""}[damage])


def _score(run):
    return influence.itd(run, MeanWave()).values.tobytes()


def _retrain(run):
    return checksum(cleansing.retrain(run, run.ids[:2], horizon=4).state(10))


def _sample(run):
    return run.trained().sample(4, training.step.Draw(0, "test")).numpy().tobytes()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "missing"])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("again", [True, False], ids=["train again", "same run"])
def test_a_damaged_checkpoint_is_named_and_comes_back_to_the_same_bits(tmp_path, caplog, damage, number, again):
    run = _train(tmp_path)
    files, expected = _files(tmp_path), [use(run) for use in (_score, _retrain, _sample)]
    _damage(_path(tmp_path, number), damage)
    if again:
        run = _train(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert [use(run) for use in (_score, _retrain, _sample)] == expected
    if not (again and number == 10):  # which training has brought back already
        assert caplog.text.count(_path(tmp_path, number).name) == 1
    assert _files(tmp_path) == files


@pytest.mark.parametrize("use", [_score, _retrain, _sample])
def test_any_use_alone_brings_back_what_it_needs(tmp_path, use):
    run = _train(tmp_path)
    expected = use(run)
    for number in NUMBERS[1:]:
        _damage(_path(tmp_path, number), "missing" if number % 2 else "flipped")
    assert use(run) == expected


def test_without_any_readable_checkpoint_the_seed_leads_there_again(tmp_path, caplog):
    run = _train(tmp_path)
    files, scores = _files(tmp_path), _score(run)
    for number in NUMBERS:
        _damage(_path(tmp_path, number), "truncated")
    with caplog.at_level(logging.WARNING):
        assert _score(run) == scores
    assert all(_path(tmp_path, number).name in caplog.text for number in NUMBERS)
    assert _files(tmp_path) == files


def test_a_bit_flipped_anywhere_in_a_checkpoint_is_found(tmp_path):
    _train(tmp_path)
    store = DiskCheckpoints(tmp_path / "checkpoints")
    good, path = checksum(store.load(6)), store.path(6)
    content, found = path.read_bytes(), []
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert checksum(store.load(6)) == good  # a bit that means nothing, such as white space in the header
        except TrainingError as error:
            found.append(str(error))
    assert len(found) > 0.9 * len(content)
    assert all(path.name in message for message in found)


def test_a_state_that_comes_back_otherwise_is_an_error(tmp_path):
    """The code has changed since: the last state may only be the recorded one or none."""
    run = _train(tmp_path)
    _path(tmp_path, 10).unlink()
    drifted = training.trajectory.Run(
        run.step, 1.001 * run.weights, 0, DiskCheckpoints(tmp_path / "checkpoints"), tmp_path
    )
    with pytest.raises(ReplayError, match="before step 10 again did not give the one that was recorded"):
        drifted.state(10)
    assert not _path(tmp_path, 10).exists()


def test_a_checkpoint_of_another_run_in_its_place_is_not_believed(tmp_path):
    run = _train(tmp_path / "one")
    _train(tmp_path / "two", seed=1)
    expected = checksum(run.state(6))
    _path(tmp_path / "two", 6).replace(_path(tmp_path / "one", 6))
    assert checksum(run.state(6)) == expected


@pytest.mark.parametrize("number", NUMBERS)
def test_without_the_list_of_checksums_a_run_is_what_it_was(tmp_path, number):
    """As recorded before there was such a list; or if somebody deleted it."""
    scores, content = _score(_train(tmp_path)), _path(tmp_path, number).read_bytes()
    (tmp_path / "checkpoints/checksums.txt").unlink()
    _path(tmp_path, number).unlink()
    assert _score(_train(tmp_path)) == scores
    assert number in (3, 6, 9) or _path(tmp_path, number).read_bytes() == content


def test_the_list_of_checksums_survives_being_cut_short_anywhere(tmp_path):
    path = tmp_path / "checksums.txt"
    entries = {number: f"{number:064x}" for number in (0, 3, 6)}
    for number, value in entries.items():
        Checksums(path).add(number, value)
    content = path.read_bytes()
    for length in range(0, len(content) + 1, 3):
        path.write_bytes(content[:length])
        assert Checksums(path).known.items() <= entries.items()
        for number, value in entries.items():
            Checksums(path).add(number, value)
        assert Checksums(path).known == entries


def test_a_bit_flipped_in_the_list_of_checksums_costs_a_line_and_misleads_nobody(tmp_path):
    path = tmp_path / "checksums.txt"
    entries = {number: f"{number:064x}" for number in (0, 3, 6)}
    for number, value in entries.items():
        Checksums(path).add(number, value)
    content = path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        known = Checksums(path).known
        assert known.items() <= entries.items()
        assert known


def test_a_run_that_is_finished_is_opened_while_others_have_it_open(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)
    with lock.only_writer(tmp_path), pytest.raises(GansiftError, match="in use"):
        _train(tmp_path)
    whole = _train(tmp_path)
    with lock.only_writer(tmp_path):
        assert checksum(_train(tmp_path).state(10)) == checksum(whole.state(10))
