"""Seeds that `gansift run` trains and scores in one stack are those of each seed alone, and nothing of them is lost."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import tiny_run
from configs import config
from gansift import training
from gansift.influence import Looks, rolling
from gansift.metrics import part_of
from gansift.training import stacked
from gansift.workflow.config import NEW_MODELS, load
from gansift.workflow.cost import Cost
from gansift.workflow.directory import RunDirectory
from gansift.workflow.from_scratch import Look
from gansift.workflow.jobs import Train, to_do
from gansift.workflow.opening import opened
from gansift.workflow.plan import Plan
from gansift.workflow.together import LookTogether, TrainTogether, scorings, trainings
from toys import KilledError

FID = ("fid",)
FLAGS = [
    "--steps", "14", "--scoring-seeds", "3", "--latents", "50", "--width", "4", "--jobs", "1", "--batch", "20",
    "--dtype", "float64", "--until", "score", "--quiet",
]  # fmt: skip


def _run(folder):
    return tiny_run.gansift("run", "normal-1d", "--outdir", folder, *FLAGS)


def _bytes(folder):
    kept = [path for name in ("checkpoints", "scores", "values") for path in folder.glob(f"seeds/*/**/{name}/**/*")]
    kept += folder.glob("seeds/*/config.json")
    return {path.relative_to(folder): path.read_bytes() for path in kept if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together") / "run"
    assert _run(folder).exit_code == 0
    return folder


@pytest.mark.parametrize(
    ("seeds", "together", "stacks"),
    [
        (4, 24, [[0, 1], [2, 3]]), (4, 1, [[0], [1], [2], [3]]), (3, 24, [[0, 1], [2]]), (1, 24, [[0]]),
        (9, 4, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
    ],
)  # fmt: skip
def test_seeds_are_stacked_in_two_groups_at_least_and_none_is_larger_than_is_fast(seeds, together, stacks):
    assert Plan(config(scoring_seeds=seeds), 100, 10, NEW_MODELS, together).stacks == stacks


def test_each_seed_of_a_stack_is_trained_and_scored_as_it_is_alone(folder):
    directory = RunDirectory(folder)
    place = opened(directory, load(directory.config))
    (key,) = place.plan().metrics
    for seed, place_in_stack in ((0, (2, 0)), (1, (2, 1)), (2, (1, 0))):
        run = training.train(place.game(seed), place.train, **place.training, steps=14, seed=seed)
        recorded = training.train(
            place.game(seed), place.train, **place.training, steps=14, seed=seed, outdir=directory.training(seed)
        )
        assert (recorded.step.settings.stack, recorded.step.settings.place) == place_in_stack
        for player, value in run.trained().parameters.items():
            np.testing.assert_allclose(recorded.trained().parameters[player], value, rtol=1e-10, atol=1e-12)
        expected = rolling(run, part_of(place.validation, seed, 3))
        found = Looks.read(directory.looks(seed, key, 3))
        assert [window[:3] for window in found.windows] == [window[:3] for window in expected.windows]
        np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-8 * np.abs(expected.values).max())


def test_a_run_that_is_killed_while_it_trains_a_stack_goes_on_to_the_same_bytes(folder, tmp_path, monkeypatch):
    real, left = stacked.is_finite, [9]

    def killed(state):
        left[0] -= 1
        if not left[0]:
            raise KilledError
        return real(state)

    with monkeypatch.context() as patch:
        patch.setattr(stacked, "is_finite", killed)
        with pytest.raises(KilledError):
            _run(tmp_path)
    assert list(tmp_path.glob("seeds/1/checkpoints/*.safetensors"))
    _run(tmp_path)
    assert _bytes(tmp_path) == _bytes(folder)


def test_what_is_missing_of_one_seed_of_a_stack_is_made_again_to_the_same_bytes(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "run")
    for path in [*copy.glob("seeds/1/scores/*"), *sorted(copy.glob("seeds/0/checkpoints/step-*"))[2:]]:
        path.unlink()
    _run(copy)
    assert _bytes(copy) == _bytes(folder)


def test_the_jobs_of_a_stack_give_what_jobs_of_its_seeds_give(tmp_path):
    plan = Plan(config(scoring_seeds=3), 100, 10, NEW_MODELS, 24)
    train, look = trainings(plan), scorings(plan)
    assert train == [TrainTogether(0, FID, (1,)), Train(2, FID)]
    assert look == [LookTogether(0, FID, (1,), 3), Look(2, FID, 3)]
    assert look[0].needs == (Train(0, FID), Train(1, FID))
    assert [train[0].gives(Train(seed, FID)) for seed in range(3)] == [True, True, False]
    assert look[0].gives(Look(1, FID, 3))
    assert not look[0].gives(Look(1, FID, 4))
    todo = to_do(RunDirectory(tmp_path), plan, [*train, *look])
    assert [job.needs for job in todo] == [(), (), (0,), (1,)]
    alone = Train(2, FID).cost(RunDirectory(tmp_path), plan)
    assert todo[0].cost == Cost(
        steps=2 * alone.steps, saved=2 * alone.saved, loaded=2 * alone.loaded, values=2 * alone.values, together=2
    )
    assert [str(job) for job in (train[0], look[0])] == [
        "training seeds 0 and 1", "scoring seeds 0 and 1 all through their trainings",
    ]  # fmt: skip
