"""Trainings from scratch of seeds that were never scored, with everything and without what each way removes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dirty.arms import Arm
from dirty.sets import DirtySet
from gansift import training
from gansift.cleansing.replicas import retrained_players, stack_size
from gansift.files import read_json, write_json
from gansift.metrics.replicates import replicates
from gansift.training.train import untrained


def judge(
    data: DirtySet,
    seed: int,
    arms: Sequence[Arm],
    file: Path,
    say: Callable[[str], None],
    until: float | None = None,
    renormalise: bool = False,
) -> None:
    """Train a judging seed once for each arm, and keep what the metric says of it.

    That is its value on unseen images with its replicates, and its value on those that scores are of. What the file
    holds already is not done again, if the same images are removed.

    Args:
        data: the set.
        seed: of the trainings.
        arms: what each training goes without.
        file: of the results.
        say: told after every training, or stack of them.
        until: no further training is begun after this time of `time.monotonic`.
        renormalise: see `fresh`.
    """
    known: dict[str, Any] = read_json(file) if file.exists() else {}
    left = [arm for arm in arms if known.get(arm.key, {}).get("removed") != list(arm.removed)]
    if not left:
        return
    run = fresh(data, seed, renormalise)
    size = stack_size(run.step)
    for first in range(0, len(left), size):
        if until is not None and time.monotonic() > until:
            return
        chunk = left[first : first + size]
        begun = time.monotonic()
        players = retrained_players(run, [arm.removed for arm in chunk], run.steps)
        values = [None if player is None else replicates(data.judged_on, player)._asdict() for player in players]
        scored_on = [None if player is None else data.scored_on.value(player) for player in players]
        seconds = (time.monotonic() - begun) / len(chunk)
        for arm, value, own in zip(chunk, values, scored_on, strict=True):
            removed = list(arm.removed)
            known[arm.key] = {"removed": removed, "seconds": seconds, "value": value, "scored_on": own}
        write_json(file, known)
        say(f"seed {seed}: {', '.join(arm.key for arm in chunk)} in {seconds * len(chunk):.0f} s")


def fresh(data: DirtySet, seed: int, renormalise: bool = False) -> training.Run:
    """A training that has not begun.

    Args:
        data: the set.
        seed: of the training.
        renormalise: the loss of a batch is divided by what is left in it, as if the rest did not exist; else by its
            size, as scores predict it.
    """
    settings = data.place.training | {"renormalise": renormalise}
    return untrained(data.game(seed), {"data": data.train}, steps=data.place.config.steps, seed=seed, **settings)
