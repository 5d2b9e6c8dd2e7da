"""Several seeds of one game, trained together where that is faster."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import Tensor

from gansift.data.examples import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games.game import Game
from gansift.games.trained import Trained
from gansift.progress import watched
from gansift.training.checkpoints import Checkpoints
from gansift.training.stacked import (
    BrokenError,
    Member,
    Stack,
    StackedCheckpoints,
    alike,
    groups,
    seeds_together,
    stack_fault,
)
from gansift.training.train import Task, prepared, record
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Called with the number of training steps that have just been made, over all seeds.
Made = Callable[[int], None]

#: One weight per training example, or None for all 1.
Weights = Tensor | np.ndarray | Sequence[float] | None


def train_seeds(
    make_game: Callable[[int], Game],
    data: Examples | Mapping[str, Examples],
    seeds: Sequence[int],
    *,
    outdirs: Sequence[str | Path | None] | None = None,
    weights: Sequence[Weights] | None = None,
    stack: int | None = None,
    progress: Made | bool | None = None,
    **settings: Any,
) -> list[Run]:
    """Train a game with several seeds, each as `train` would.

    Small networks of a game that says it is `stackable`, and proves it in the first step, are trained together, as many
    at a time as are fast (`training.stacked`): the same runs as alone but for rounding, several times faster. Others
    are trained one after the other. A run that was trained in a stack records that, and replays to the same bits by
    itself; `train` opens it like any other, and goes on with it if it is not finished.

    Args:
        make_game: from a seed to what is trained.
        data: as in `train`.
        seeds: one for each run; a seed may come more than once, with other weights.
        outdirs: a run directory for each, or None for a run in memory; default all in memory.
        weights: the weights of the examples for each; default all 1.
        stack: how many are trained together at most; default as many as are fast, 1 for one after the other.
        progress: called after every step with the number of runs that made it; True shows a bar.
        settings: all other arguments of `train`.

    Returns:
        The runs, in the order of ``seeds``.

    Raises:
        TrainingError: as `train`; if some seeds break down, with what is said of each, once all others are trained.
        UsageError: if there are not as many directories or weights as seeds.
        ReplayError, GansiftError: as `train`.

    Examples:
        >>> from gansift import data, games, models, training
        >>> def make_game(seed):
        ...     return games.GAN(models.FCGenerator(latent=2, width=8), models.FCDiscriminator(width=8))
        >>> points = data.load("normal-2d", seed=0).train
        >>> runs = train_seeds(make_game, points, range(3), steps=4, batch_size=8, optimizers=training.SGD(lr=0.1))
        >>> [(run.step.settings.seed, run.step.settings.stack) for run in runs]
        [(0, 3), (1, 3), (2, 3)]
    """
    tasks = _tasks(make_game, data, seeds, outdirs, weights, stack, settings)
    runs: dict[int, Run] = {}
    broken: list[str] = []
    work = sum(task.step.settings.steps for task in tasks)
    with watched(progress, f"training {len(tasks)} seeds", work, float) as tell:
        for found, messages in _trained(tasks, tell):
            runs |= found
            broken += messages
    if broken:
        raise TrainingError("; ".join(broken))
    return [runs[row] for row in range(len(tasks))]


def players_of_seeds(
    make_game: Callable[[int], Game],
    data: Examples | Mapping[str, Examples],
    seeds: Sequence[int],
    *,
    weights: Sequence[Weights] | None = None,
    stack: int | None = None,
    progress: Made | None = None,
    **settings: Any,
) -> list[Trained | None]:
    """The trained players of several seeds, as `train_seeds` trains them, and nothing else of their trainings.

    Args:
        make_game: as in `train_seeds`, like all that follow.
        data: the training examples.
        seeds: one for each training.
        weights: of the examples, for each.
        stack: how many are trained together at most.
        progress: called after every step.
        settings: other arguments of `train`.

    Returns:
        The players, in the order of ``seeds``; None where a training broke down.

    Raises:
        TrainingError, UsageError: as `train_seeds`, but for trainings that break down.
    """
    ends = settings | {"checkpoint_every": settings["steps"]}
    tasks = _tasks(make_game, data, seeds, None, weights, stack, ends)
    players: dict[int, Trained] = {}
    for found, _ in _trained(tasks, progress):
        players |= {row: run.trained() for row, run in found.items()}
    return [players.get(row) for row in range(len(tasks))]


def _tasks(
    make_game: Callable[[int], Game],
    data: Examples | Mapping[str, Examples],
    seeds: Sequence[int],
    outdirs: Sequence[str | Path | None] | None,
    weights: Sequence[Weights] | None,
    stack: int | None,
    settings: dict[str, Any],
) -> list[Task]:
    folders = [None] * len(seeds) if outdirs is None else outdirs
    vectors = [None] * len(seeds) if weights is None else weights
    for name, given in (("outdirs", folders), ("weights", vectors)):
        if len(given) != len(seeds):
            raise UsageError(f"there are {len(seeds)} seeds and {len(given)} {name}; give one for each seed")
    tasks = [
        prepared(make_game(seed), data, seed=seed, outdir=folder, weights=vector, **settings)
        for seed, folder, vector in zip(seeds, folders, vectors, strict=True)
    ]
    return _placed(tasks, stack)


def _placed(tasks: Sequence[Task], most: int | None) -> list[Task]:
    """The same runs; those that are new are given places in stacks, where the game can be stacked."""
    placed = list(tasks)
    new = [row for row, task in enumerate(tasks) if not task.begun]
    while new:
        first = tasks[new[0]]
        first.examine()
        kin = [row for row in new if alike(first.step, tasks[row].step) and tasks[row].stride == first.stride]
        new = [row for row in new if row not in kin]
        size = seeds_together(first.step) if most is None else min(most, max(1, seeds_together(first.step)))
        if size > 1 and len(kin) > 1 and (fault := _fault([tasks[row] for row in kin[:2]])) is not None:
            _log.warning(
                "%s says that it is stackable, and it is not: %s. Its seeds are trained one by one.",
                type(first.game).__name__,
                fault,
            )
            size = 1
        for chunk in (part.tolist() for part in np.array_split(kin, math.ceil(len(kin) / size))):
            for place, row in enumerate(chunk):
                placed[row] = tasks[row].in_stack(len(chunk), place) if len(chunk) > 1 else tasks[row]
    return placed


def _fault(tasks: Sequence[Task]) -> str | None:
    steps = [task.in_stack(len(tasks), place).step for place, task in enumerate(tasks)]
    return stack_fault(Stack(cast("list[Member]", steps)))


def _trained(tasks: Sequence[Task], progress: Made | None) -> Iterator[tuple[dict[int, Run], list[str]]]:
    """The runs of one stack after the other, by the rows of their tasks, and what is said of those that broke down."""
    for rows in groups([task.step for task in tasks], [task.stride for task in tasks]):
        found, messages = _together([tasks[row] for row in rows], progress)
        yield {rows[row]: run for row, run in found.items()}, messages


def _together(tasks: Sequence[Task], progress: Made | None) -> tuple[dict[int, Run], list[str]]:
    """Record runs together; those that are finished, by their rows, and what is said of those that broke down."""
    with ExitStack() as claims:
        stores = [claims.enter_context(task.claimed()) for task in tasks]
        left = [row for row, task in enumerate(tasks) if task.step.settings.steps not in stores[row].numbers()]
        messages: dict[int, str] = {}
        while left and tasks[0].step.settings.stack > 1:
            stack = Stack([cast("Member", tasks[row].step) for row in left])
            own = [stores[row] for row in left]
            try:
                _record(stack, [tasks[row] for row in left], own, progress)
                break
            except BrokenError as error:
                broken = [row for row in left if tasks[row].step.settings.place in error.messages]
                messages |= {row: error.messages[tasks[row].step.settings.place] for row in broken}
                left = [row for row in left if row not in broken]
        runs = {}
        for row, (task, store) in enumerate(zip(tasks, stores, strict=True)):
            if row in messages:
                continue
            try:
                runs[row] = record(
                    task.step, task.weights, 0, store, task.stride, outdir=task.folder, progress=_one(progress)
                )
            except TrainingError as error:
                messages[row] = f"seed {task.step.settings.seed}: {error}"
    return {row: tasks[row].finished(run) for row, run in runs.items()}, [messages[row] for row in sorted(messages)]


def _record(stack: Stack, tasks: Sequence[Task], stores: Sequence[Checkpoints], progress: Made | None) -> None:
    kept = StackedCheckpoints(stack, stores)
    made = None if progress is None else lambda number, losses: progress(len(tasks))
    record(stack, stack.filled([task.weights for task in tasks]), 0, kept, tasks[0].stride, progress=made)


def _one(progress: Made | None) -> Callable[[int, dict[str, Tensor]], None] | None:
    return None if progress is None else lambda number, losses: progress(1)
