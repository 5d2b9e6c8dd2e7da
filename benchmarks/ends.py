"""Does searching over (horizon, number removed) beat the two ends that papers tried: one epoch, and the whole run?

    python benchmarks/ends.py RUN_DIR [--out benchmarks/results/ends.json]

Reads the trials of a finished `gansift run --for-this-model`, whose horizons must have both ends among them. Every seed
is judged on test data at the cell that the *other* seeds choose on validation data: from the whole grid, from its
shortest horizon only, and from the whole run only. The cell chosen is the one whose gain can be relied on most, as in
that run; or, in the line `best mean`, the one whose mean gain over the other seeds is largest. Differences are paired
by seed, with Student's 95 % interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import command_line

from gansift.cleansing import Cell, Trial, complete_cells, cross_fitted, mean_interval
from gansift.cleansing.statistics import Interval
from gansift.files import read_json
from gansift.workflow.choosing import read_trials
from gansift.workflow.config import Way, load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import place_of


def judged(trials: Sequence[Trial], horizons: Sequence[int], seeds: int, direction: str) -> list[Trial]:
    """Every seed's trial at the cell of these horizons that the other seeds choose."""
    cells = complete_cells([trial for trial in trials if trial.horizon in horizons], seeds)
    if not cells:
        raise SystemExit(f"no removal of horizon {horizons} was tried by all {seeds} seeds")
    return cross_fitted(cells, direction)


def judged_by_mean(trials: Sequence[Trial], seeds: int, direction: str) -> list[Trial]:
    """Every seed's trial at the cell with the best mean over the other seeds."""
    cells, sign = complete_cells(trials, seeds), 1 if direction == "lower" else -1

    def of_others(cell: Cell, seed: int) -> float:
        return sign * sum(trial.validation for trial in cells[cell] if trial.seed != seed)

    return [cells[min(cells, key=lambda cell: of_others(cell, seed))][seed] for seed in range(seeds)]


def against(one: Sequence[Trial], other: Sequence[Trial]) -> Interval:
    """By how much one choice changes the test metric more than another, paired by seed."""
    return mean_interval([a.test - b.test for a, b in zip(one, other, strict=True)])


def main() -> None:
    """Compare and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    directory = RunDirectory(arguments.run)
    config, report = load(directory.config), read_json(directory.result)
    seeds, direction = config.seeds, report["direction"]
    trials = read_trials(directory, place_of(config, directory.cache).plan(Way("itd", config.from_start)))
    horizons = sorted({trial.horizon for trial in trials})
    ways = {"best of all": horizons, "shortest horizon": horizons[:1], "whole run": [config.steps]}
    found = {name: judged(trials, chosen, seeds, direction) for name, chosen in ways.items()}
    found["best mean"] = judged_by_mean(trials, seeds, direction)
    result: dict[str, Any] = {"run": arguments.run.name, "seeds": seeds, "test": report["test"]["before"]}
    print(f"Test {report['metric']} {result['test']:.4g} over {seeds} seeds, {direction} is better")
    columns = {"chosen from": "way", "change": "change:+.3f", "best of all against it": "best_against_it:+.3f"}
    table = command_line.Table(columns | {"best mean": "mean_against_it:+.3f", "(horizon, removed)": "cells"})
    for name, of_way in found.items():
        result[name] = {
            "change": mean_interval([trial.test for trial in of_way]),
            "best_against_it": against(found["best of all"], of_way),
            "mean_against_it": against(found["best mean"], of_way),
            "cells": sorted({(trial.horizon, trial.removed) for trial in of_way}),
        }
        table.add({"way": name, **result[name], "cells": ", ".join(map(str, result[name]["cells"]))})
    command_line.save(arguments.out, result)


if __name__ == "__main__":
    main()
