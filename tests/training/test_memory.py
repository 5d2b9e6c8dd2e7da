"""Memory budgets: read as people write them; whatever is allowed, the same bits come back."""

from __future__ import annotations

import numpy as np
import pytest

from gansift import influence, training
from gansift.errors import UsageError
from gansift.training.memory import bytes_of, state_bytes
from gansift.training.step import Step
from toys import MeanWave, examples, gan

STEPS = 23


def _run(schedule="alternating", **arguments):
    settings = {"steps": STEPS, "batch_size": 4, "optimizers": training.Adam(lr=0.05), "ema": 0.8}
    return training.train(gan(schedule=schedule), examples(), **settings | arguments)


@pytest.mark.parametrize(
    ("written", "found"),
    [(300, 300), ("300", 300), ("2k", 2048), ("1.5MiB", 1.5 * 2**20), ("2 GB", 2**31), ("2GiB", 2**31), ("1T", 2**40)],
)
def test_amounts_are_read_as_people_write_them(written, found):
    assert bytes_of(written) == found


@pytest.mark.parametrize("written", ["9" * 5000, "9" * 400, "", "much", "-1GiB", "0", "2 GiB free", "1e9"])
def test_what_is_no_amount_is_refused_by_name(written):
    with pytest.raises(UsageError, match="no amount of memory; write it like"):
        bytes_of(written)


@pytest.mark.parametrize("schedule", ["alternating", "simultaneous", "2:1"])
@pytest.mark.parametrize("states", [3, 6, 11, 100])
def test_scores_are_the_same_bits_in_any_memory(tmp_path, schedule, states):
    exact = influence.itd(_run(schedule), MeanWave()).values
    memory = states * state_bytes(_run(schedule).state(0))
    on_disk = _run(schedule, memory=memory, outdir=tmp_path, checkpoint_every=10)
    assert np.array_equal(influence.itd(on_disk, MeanWave()).values, exact)
    if states > 3:
        assert np.array_equal(influence.itd(_run(schedule, memory=memory), MeanWave()).values, exact)


@pytest.mark.parametrize("states", [4, 6, 11])
def test_a_run_in_memory_keeps_no_more_states_than_half_the_budget(states):
    run = _run(memory=states * state_bytes(_run().state(0)))
    assert len(run.checkpoints.numbers()) <= states // 2
    assert run.checkpoints.numbers()[:: len(run.checkpoints.numbers()) - 1] == [0, STEPS]


def test_a_budget_for_less_than_two_states_is_refused_with_what_to_do():
    with pytest.raises(UsageError, match=r"no two states of this game .* Allow more memory, or give an outdir"):
        _run(memory=100)


@pytest.mark.parametrize(("schedule", "run_again"), [("alternating", 1), ("simultaneous", 1), ("2:1", STEPS)])
def test_steps_between_kept_states_are_not_run_again_to_be_scored(monkeypatch, schedule, run_again):
    sparse, every = _run(schedule), _run(schedule, checkpoint_every=1)
    numbers, trace = [], Step.trace

    def counted(self, state, number, weights):
        numbers.append(number)
        return trace(self, state, number, weights)

    monkeypatch.setattr(Step, "trace", counted)
    scores = influence.itd(every, MeanWave()).values
    assert len(numbers) == run_again
    assert np.array_equal(scores, influence.itd(sparse, MeanWave()).values)


def test_little_memory_costs_no_more_steps_than_announced(monkeypatch, tmp_path):
    size = state_bytes(_run().state(0))
    run = _run(outdir=tmp_path, checkpoint_every=STEPS, memory=5 * size)
    numbers, trace = [], Step.trace

    def counted(self, state, number, weights):
        numbers.append(number)
        return trace(self, state, number, weights)

    monkeypatch.setattr(Step, "trace", counted)
    influence.itd(run, MeanWave())
    assert len(numbers) == training.reversal.steps_run(STEPS, 5 * size // run.step.record_bytes(run.state(0)))
