"""What is left of a run goes down to nothing, as its jobs' files come in."""

from __future__ import annotations

from gansift.cleansing.trial import Cell
from gansift.workflow import stages
from gansift.workflow.build import load_data, workplace
from gansift.workflow.config import merge
from gansift.workflow.left import Left, VerifyLeft, left, verify_left
from gansift.workflow.seeds import chosen_cell, plan

SETTINGS = {
    "source": "normal-1d", "steps": 8, "seeds": 2, "horizons": "0.2,all", "remove": "5", "latents": 50, "width": 4,
    "batch": 20, "jobs": 1, "verify": 3, "baselines": "density",
}  # fmt: skip


def test_what_is_left_goes_down_to_nothing(tmp_path):
    directory, config = stages.prepare(merge(SETTINGS, None), tmp_path)
    examples = len(load_data(config).train)
    horizons, _ = plan(config, examples)
    seeds = range(2)

    def to_try():
        return [left(directory, config, config.way, seed, examples) for seed in seeds]

    def to_verify(cell):
        return [verify_left(directory, config, config.way, seed, examples, cell) for seed in seeds]

    assert to_try() == [Left(8, horizons, horizons)] * 2
    assert to_verify(Cell(8, 5)) == [VerifyLeft(8, ["density"], 3), VerifyLeft(8, ["density"], 0)]
    stages.work(directory, config, "train", config.way, True)
    assert to_try() == [Left(0, horizons, horizons)] * 2
    stages.work(directory, config, "score", config.way, True)
    assert to_try() == [Left(0, [], horizons)] * 2
    stages.work(directory, config, "verify", config.way, True)
    assert to_try() == [Left(0, [], [])] * 2
    cell = chosen_cell(directory, workplace(config, directory.cache), config.way)
    assert [(seed.compared, seed.removals) for seed in to_verify(cell)] == [([], 0)] * 2
