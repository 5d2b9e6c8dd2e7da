"""The estimate: counted exactly from the costs of one of each thing, and against what a real run leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from gansift import terminal
from gansift.cleansing.trial import Cell
from gansift.training.checkpoints import DiskCheckpoints
from gansift.workflow import measure, stages
from gansift.workflow.config import NEW_MODELS, Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import ROWS, Costs, Pace, Piece, estimate, makespan, stacks, total
from gansift.workflow.forecast import after_choice
from gansift.workflow.jobs import Score, Train, comparison, pipeline, retrainings, to_do
from gansift.workflow.plan import Plan
from gansift.workflow.states import Sizes
from gansift.workflow.together import scorings, trainings
from tiny_run import invoke, request

ITD = Way("itd", False)
SETTINGS = {
    "for_this_model": True,
    "source": "normal-1d", "steps": 20, "seeds": 3, "horizons": "0.5,1", "remove": "5,9", "latents": 50, "width": 4,
    "jobs": 1, "verify": 3, "baselines": "density",
}  # fmt: skip
# Nothing costs anything; each test gives a price to what it counts.
FREE = Costs(
    slowdown=1, command=0, worker=0, place=0, opening=0, step=0, save=0, load=0, values=0,
    stacked={4: 0, 3: 0, 1: 0},
    paces={"itd": Pace(0, 0), "density": Pace(0, 0)}, imports=0, report=0, checkpoint=0, scores=0, growth=0, name=0,
    files={}, parent=0, peaks=dict.fromkeys(ROWS, 0), steps=20,
)  # fmt: skip
STATES = Sizes(state=100, record=100, readout=30, stack=33)
NOWHERE = RunDirectory(Path("nowhere"))  # where nothing is done yet


EPOCH = 1478 // 50


@pytest.fixture(scope="module")
def config():
    resolved = stages.resolved(request(SETTINGS | {"batch": 50})).config
    return replace(resolved, horizons=f"{10 / EPOCH},all")


def _plan(config, way=ITD):
    return Plan(config, 1478, EPOCH, way)


def _left(plan, done=()):
    """What is left until removals are tried, and after the choice of the longest horizon."""
    cell = Cell(plan.horizons[-1], 5)
    unknown = [("",) * 20] * plan.config.verify
    after = [comparison(plan, seed, cell) for seed in plan.seeds]
    after += retrainings(plan.main, plan.metric, cell.horizon, unknown, STATES.stack)
    before = [job for job in pipeline(plan, "cleanse") if job.stage not in done]
    return to_do(NOWHERE, plan, before), to_do(NOWHERE, plan, after)


def _rows(config, costs, left=None, states=STATES):
    before, after = left or _left(_plan(config))
    return {row.stage: row for row in estimate(config, states, costs, before, after)}


def _work(config, left=None, states=STATES, **costs):
    rows = _rows(config, replace(FREE, **costs), left, states)
    return {stage: row.work for stage, row in rows.items() if row.work}


def test_seeds_in_one_stack_cost_what_each_takes_there(config):
    plan = Plan(replace(config, for_this_model=False, scoring_seeds=3), 1478, EPOCH, NEW_MODELS, together=24)
    left = to_do(NOWHERE, plan, [*trainings(plan), *scorings(plan)]), []
    costs = replace(FREE, step=3.0, paces={"itd": Pace(0, 7.0)}, together={2: (1.0, 2.0)})
    rows = _rows(plan.config, costs, left)
    assert rows["train"].work == 20 * (2 * 1.0 + 3.0)
    # Every step of the sweep also runs a step again.
    assert rows["score"].work == 20 * (2 * (1.0 + 2.0) + 3.0 + 7.0)


def test_training_is_its_steps_checkpoints_and_four_values(config, tmp_path):
    # 20 steps keep the states before steps 0, 4, 8, 12, 16 and 20.
    assert _work(config, step=1.0)["train"] == 3 * 20
    assert _work(config, save=1.0) == {"train": 3 * 6}
    assert _work(config, values=1.0)["train"] == 3 * 2
    halfway, plan = RunDirectory(tmp_path), _plan(config)
    for number in (0, 4, 8, 11):
        DiskCheckpoints(halfway.checkpoints(0)).save(number, {"player": {"parameters": torch.zeros(1)}})
    left = to_do(halfway, plan, [Train(0, (plan.metric,))]), []
    assert _work(config, left, step=1.0)["train"] == 9
    assert _work(config, left, save=1.0) == {"train": 3}  # 12, 16 and 20


def test_scoring_is_one_sweep_of_the_longest_horizon_and_its_steps_run_again(config):
    pace = {"itd": Pace(once=0, step=1.0), "density": Pace(0, 0)}
    assert _work(config, paces=pace) == {"score": 3 * 20}
    assert _work(config, step=1.0)["score"] == 3 * 20
    assert _work(config, paces={"itd": Pace(1.0, 0), "density": Pace(0, 0)}) == {"score": 3}
    # Room for one record of four: 4 + 3 + 2 + 1 steps between two checkpoints instead of 4.
    assert _work(replace(config, memory="100"), step=1.0)["score"] == 3 * 5 * 10


def test_cleansing_retrains_at_every_horizon_for_every_number_and_at_random_and_judges_twice(config):
    assert _work(config, values=1.0)["cleanse"] == 3 * 2 * 4
    assert _work(config, stacked={4: 1.0, 3: 0, 1: 0}) == {"cleanse": 3 * (10 + 20)}
    alone = STATES._replace(stack=1)
    # The horizon of 10 starts at step 10, two steps after the checkpoint before it.
    assert _work(config, states=alone, step=1.0)["cleanse"] == 3 * (4 * (10 + 2) + 4 * 20)
    whole = _work(config, _left(_plan(config, Way("itd", True))), alone, step=1.0)
    assert whole["cleanse"] == 3 * 4 * 20 * 2


def test_verification_compares_every_seed_and_verifies_the_first(config):
    assert _work(config, values=1.0)["verify"] == 3 + 3
    assert _work(config, stacked={4: 0, 3: 1.0, 1: 0}) == {"verify": 20}
    assert _work(config, stacked={4: 0, 3: 0, 1: 1.0}) == {"verify": 3 * 20}
    assert _work(config, paces={"itd": Pace(0, 0), "density": Pace(1.0, 0)}) == {"verify": 3}


def test_processes_start_and_fit_features_once_each_and_the_command_to_choose(config):
    two = replace(config, jobs=2)
    assert _work(config, worker=1.0, opening=1e-9).get("start", 0) == 0
    assert _work(config, place=1.0, opening=1e-9)["start"] == 1
    every_job = {"train": 3e-9, "score": 3e-9, "cleanse": 6e-9, "verify": 4e-9}
    assert _work(two, worker=1.0, opening=1e-9) == pytest.approx({"start": 2} | every_job)
    assert _work(two, place=1.0, opening=1e-9) == pytest.approx({"start": 2} | every_job | {"verify": 1.0})
    assert _work(replace(config, jobs=99), worker=1.0)["start"] == 12  # no more than there are jobs until all is tried
    rows = _rows(two, replace(FREE, worker=1.0, command=10.0, opening=1e-9))
    assert rows["start"].seconds == 11


def test_jobs_share_the_work_on_the_clock(config):
    alone = [[Piece("train", seconds) for seconds in of_seeds] for of_seeds in ([1.0, 1.0, 1.0], [3.0, 1.0, 1.0, 1.0])]
    assert [makespan(pieces, 2) for pieces in alone] == [2.0, 3.0]
    # Three trainings of 20 and three sweeps of 20 by two jobs take 60, then the trials, of 2 each, 4 more.
    rows = _rows(replace(config, jobs=2), replace(FREE, step=1.0))
    before = [rows[stage] for stage in ("train", "score", "cleanse")]
    assert [row.work for row in before] == [60.0, 60.0, 6.0]
    assert sum(row.seconds for row in before) == pytest.approx(64.0)
    assert before[0].seconds == before[1].seconds
    slow = _rows(replace(config, jobs=2), replace(FREE, step=1.0, slowdown=1.5))
    assert (slow["train"].seconds, slow["train"].work) == (1.5 * before[0].seconds, 60.0)


def test_a_seeds_trials_go_on_at_the_same_time_once_it_is_scored():
    seed = [Piece("train", 1.0), Piece("score", 2.0, (0,)), Piece("cleanse", 5.0, (1,)), Piece("cleanse", 4.0, (0, 1))]
    assert [makespan(seed, jobs) for jobs in (1, 2, 9)] == [12.0, 8.0, 8.0]
    # The second seed is trained while the first is scored.
    assert makespan([*seed, Piece("train", 2.0)], 2) == 8.0
    # What needs the scores of all seeds waits for the last of them.
    assert makespan([Piece("score", 1.0), Piece("score", 3.0), Piece("cleanse", 1.0, (0, 1))], 2) == 4.0
    assert makespan([], 2) == 0.0


def test_stages_add_up_and_the_highest_memory_counts(config):
    peaks = dict(zip(ROWS, (1, 2, 3, 5, 4, 3), strict=True))
    costs = replace(FREE, step=1.0, command=3.0, report=2.0, stacked={4: 1.0, 3: 1.0, 1: 1.0}, peaks=peaks, parent=7)
    rows = list(_rows(replace(config, jobs=2), costs).values())
    everything = total(rows)
    for name in ("seconds", "work", "disk"):
        assert getattr(everything, name) == sum(getattr(row, name) for row in rows)
    assert (everything.memory_job, everything.memory) == (5, 2 * 5 + 7)


def test_memory_grows_by_the_states_that_the_miniature_did_not_hold(config):
    alone, costs = STATES._replace(stack=1), replace(FREE, step=1.0, steps=4)
    long = replace(config, steps=100, horizons="all", seeds=1)
    rows = _rows(long, costs, states=alone)
    # 100 steps are recorded every 10, 4 of them every 2.
    assert rows["score"].memory_job == (10 - 2) * 100
    assert rows["cleanse"].memory_job == (11 - 3) * 100
    short = _rows(replace(long, memory="300"), costs, states=alone)
    assert short["score"].memory_job == (3 - 2) * 100


def test_a_stage_that_is_done_costs_nothing(config):
    costs = replace(FREE, step=1.0, opening=1.0, values=1.0, command=1.0, report=1.0, checkpoint=1)
    trained = _rows(config, costs, _left(_plan(config), done=("train",)))
    assert asdict(trained["train"]) == asdict(
        replace(trained["train"], seconds=0, work=0, memory=0, memory_job=0, disk=0)
    )
    assert trained["score"].work > 0
    for row in _rows(config, costs, ([], [])).values():
        assert (row.seconds, row.work, row.memory, row.memory_job, row.disk) == (0, 0, 0, 0, 0)


def test_what_is_written_takes_disk_at_its_own_stage(config):
    sizes = {"checkpoint": 1000, "scores": 100, "growth": 10, "name": 1}
    rows = _rows(config, replace(FREE, step=1.0, opening=1.0, **sizes))
    assert {stage: row.disk for stage, row in rows.items() if row.disk} == {
        "train": 3 * 6 * 1000, "score": 3 * (2 * 100 + 20 * 10), "verify": 3 * 20,
    }  # fmt: skip


def test_a_sweep_for_two_metrics_is_one_where_the_estimator_allows_it(config):
    left = [to_do(NOWHERE, _plan(config), [Score(0, ("a", "b"), name, (10, 20))]) for name in ("itd", "density")]
    paces = {"itd": Pace(once=1.0, step=0), "density": Pace(1.0, 0)}
    assert [_work(config, (one, []), paces=paces)["score"] for one in left] == [1, 2]


def test_stacks_are_full_but_for_the_last():
    assert [stacks(count, 4) for count in (0, 3, 4, 9)] == [[], [3], [4], [4, 4, 1]]


def test_what_is_left_goes_down_to_nothing(tmp_path):
    settings = SETTINGS | {"steps": 8, "seeds": 2, "horizons": "0.05,all", "remove": "5", "batch": 20}
    directory, config = stages.prepare(request(settings), tmp_path)
    place = stages.resolved(request(settings))
    plan = place.plan()

    def counted():
        left = to_do(directory, plan, pipeline(plan, "cleanse"))
        return {stage: sum(job.stage == stage for job in left) for stage in ("train", "score", "cleanse")}

    def to_verify():
        return [(job.cost.swept != (), job.cost.replicas) for job in after_choice(directory, plan, place, 33)]

    assert counted() == {"train": 2, "score": 2, "cleanse": 4}
    stages.work(directory, config, "train", config.way, True)
    assert counted() == {"train": 0, "score": 2, "cleanse": 4}
    stages.work(directory, config, "score", config.way, True)
    assert counted() == {"train": 0, "score": 0, "cleanse": 4}
    assert to_verify() == [(True, 1), (True, 1), (False, 3)]
    stages.work(directory, config, "verify", config.way, True)
    assert counted() == {"train": 0, "score": 0, "cleanse": 0}
    assert to_verify() == []


def _verb(*arguments, **changes):
    given = {key: value for key, value in (SETTINGS | changes).items() if key not in ("source", "for_this_model")}
    flags = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    return invoke(["estimate", *arguments, "--json", "--for-this-model", *flags])


@pytest.fixture(scope="module")
def estimated():
    """An estimate of a tiny run, by the verb."""
    done = _verb("normal-1d", seeds=1)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_verb_tells_programs_all_numbers(estimated):
    assert set(estimated) == {"stages", "total", "jobs", "available", "fits"}
    assert [row["stage"] for row in estimated["stages"]] == list(ROWS)
    for row in (*estimated["stages"], estimated["total"]):
        assert set(row) == {"stage", "seconds", "work", "memory_job", "memory", "disk"}
        assert row["seconds"] > 0
        assert row["memory"] > 2**20
    assert estimated["fits"] is True


@pytest.mark.slow
def test_the_disk_estimated_for_training_is_what_its_checkpoints_take(estimated, tmp_path):
    directory, config = stages.prepare(request(SETTINGS | {"seeds": 1}), tmp_path)
    stages.work(directory, config, "train", ITD, True)
    written = sum(path.stat().st_size for path in tmp_path.glob("seeds/*/checkpoints/*"))
    assert estimated["stages"][1]["disk"] == pytest.approx(written, rel=0.01)
    left = json.loads(invoke(["estimate", str(tmp_path), "--json"]).stdout)
    stage = {row["stage"]: row for row in left["stages"]}
    assert stage["train"]["seconds"] == stage["train"]["disk"] == 0
    assert stage["score"]["seconds"] > 0


def test_what_does_not_fit_is_said_in_words(estimated):
    text = terminal.estimate_text(estimated)
    assert text.splitlines()[-2].startswith("total")
    assert "1 job at a time. Available here:" in text
    assert "does not fit" not in text
    assert "fewer --jobs, a smaller --memory" in terminal.estimate_text(estimated | {"fits": False})
    assert [terminal._clock(seconds) for seconds in (7.4, 75, 3725)] == ["7 s", "1 m 15 s", "1 h 02 m"]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody is asked")
def test_what_a_killed_estimate_left_is_removed_and_that_of_a_living_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(measure.tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (f"gansift-estimate-{dead.pid}-abc", f"gansift-estimate-{os.getpid()}-abc", "gansift-estimate-mine-x"):
        (tmp_path / name / "0").mkdir(parents=True)
    measure._clean_up()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f"gansift-estimate-{os.getpid()}-abc", "gansift-estimate-mine-x"]
