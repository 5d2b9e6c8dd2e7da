"""What a run is expected to take: measured on this machine, counted, and set beside what there is."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from gansift.cleansing.trial import Cell
from gansift.workflow.build import load_data, workplace
from gansift.workflow.config import Config, Way, known
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import estimate, total
from gansift.workflow.jobs import at_once
from gansift.workflow.left import Left, VerifyLeft, left, verify_left
from gansift.workflow.machine import available_memory, free_disk
from gansift.workflow.measure import measure
from gansift.workflow.seeds import chosen_cell, is_cleansed, plan
from gansift.workflow.stages import resolved
from gansift.workflow.states import sizes


def estimated(given: Config, directory: RunDirectory | None, way: Way | None = None) -> dict[str, Any]:
    """What a run takes by stage, all of it, or what is left to do in a run directory; and what there is for it.

    Args:
        given: the configuration; that of the directory where one is given.
        directory: of a run.
        way: of cleansing; default the configured one.

    Returns:
        ``stages`` and ``total`` (see `workflow.estimate.Row`; seconds and bytes), ``jobs``, ``available`` (bytes of
        ``memory``, None where unknown, and ``disk``), and whether it ``fits``.

    Raises:
        UsageError, TrainingError, DataError: as `prepare`.
        GansiftError: for what would stop the run at once.
    """
    splits = load_data(given)
    config = resolved(given, splits)
    way = way or config.way
    config = replace(config, jobs=at_once(config, way, "verify", len(splits.train)))
    of_states = sizes(config, splits.train)
    rows = estimate(
        config,
        way,
        len(splits.train),
        of_states,
        measure(config, way, splits),
        _left(directory, config, way, len(splits.train)),
    )
    everything = total(rows)
    memory, disk = available_memory(), free_disk(directory.root if directory else Path())
    return {
        "stages": [asdict(row) for row in rows],
        "total": asdict(everything),
        "jobs": config.jobs,
        "available": {"memory": memory, "disk": disk},
        "fits": everything.disk <= disk and (memory is None or everything.memory <= memory),
    }


def _left(directory: RunDirectory | None, config: Config, way: Way, examples: int) -> list[tuple[Left, VerifyLeft]]:
    """What is left of every seed; as long as nothing can be chosen, a choice at the mean of the horizons counts."""
    cell: Cell | None = Cell(round(fmean(plan(config, examples)[0])), 0)
    if directory is not None and is_cleansed(directory, workplace(config, directory.cache), way):
        cell = chosen_cell(directory, workplace(config, directory.cache), way)
    with TemporaryDirectory() as empty:
        there = directory or RunDirectory(Path(empty))
        return [
            (left(there, config, way, seed, examples), verify_left(there, config, way, seed, examples, cell))
            for seed in range(known(config.seeds))
        ]
