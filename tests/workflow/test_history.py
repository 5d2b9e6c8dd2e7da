"""A run's history: what training itself saw, and the metric of the recorded states."""

from __future__ import annotations

import json

import pytest

from gansift import training
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.history import history_of
from gansift.workflow.opening import opened
from gansift.workflow.seed import Seed
from tiny_run import run


@pytest.fixture(scope="module")
def main(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history") / "run"
    run(folder, "--until", "train", "--steps", "40")
    directory = RunDirectory(folder)
    return Seed.main(directory, opened(directory, load(directory.config)))


def test_losses_are_those_of_training_and_values_those_of_its_states(main):
    seen = {}
    training.train(
        main.place.game(0), main.place.train, **main.place.training, steps=40, seed=0,
        progress=lambda number, losses: seen.update({number - 1: {name: float(one) for name, one in losses.items()}}),
    )  # fmt: skip
    metric = main.plan.metric
    history = history_of(main, metric, samples=True)
    lines = [json.loads(line) for line in main.directory.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == [one.step for one in history.moments]
    assert lines[0]["step"] == 0
    assert lines[-1]["step"] == 40
    for line in lines[:-1]:
        steps = range(line["step"], min(line["step"] + 5, 40))
        for player in ("generator", "discriminator"):
            mean = sum(seen[step][player] for step in steps) / len(steps)
            assert line[f"loss/{player}"] == pytest.approx(mean, rel=1e-6)
    assert not any(name.startswith("loss/") for name in lines[-1])
    judged = main.values(metric)
    assert lines[0][f"{metric}/validation"] == judged["untrained"]["validation"]
    assert lines[-1][f"{metric}/validation"] == judged["trained"]["validation"]
    assert [len(samples) for samples in history.samples.values()] == [6] * len(history.samples)
    assert {0, 40} <= set(history.samples)


def test_it_is_the_same_bytes_again(main):
    history_of(main, main.plan.metric, samples=False)
    before = main.directory.metrics.read_bytes()
    main.directory.metrics.unlink()
    assert history_of(main, main.plan.metric, samples=False).samples == {}
    assert main.directory.metrics.read_bytes() == before
