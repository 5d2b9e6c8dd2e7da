"""What is left to do of a run, in numbers: what an estimate counts, and a check of what fits."""

from __future__ import annotations

from typing import NamedTuple

from gansift.cleansing.trial import Cell
from gansift.workflow.config import Config, Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Compare, Score, Train, Try
from gansift.workflow.seeds import MAIN_SEED, compared_with, plan
from gansift.workflow.verification import has_verified_itself, own_removals


class Left(NamedTuple):
    """What is left to do of one seed until removals are tried.

    Attributes:
        steps: of training.
        scored: horizons to score, in steps; empty once they are.
        tried: horizons to try removals at, in steps.
    """

    steps: int
    scored: list[int]
    tried: list[int]


class VerifyLeft(NamedTuple):
    """What is left to do of one seed's stage `verify`.

    Attributes:
        horizon: of the choice, in steps; the longest that is scored if nothing is chosen.
        compared: estimators to compare the choice with.
        removals: random ones to verify the scores by.
    """

    horizon: int
    compared: list[str]
    removals: int


def left(directory: RunDirectory, config: Config, way: Way, seed: int, examples: int) -> Left:
    """What is left to do of one seed, for ``examples`` training examples; all of it if nothing is there."""
    horizons, _ = plan(config, examples)
    return Left(
        round(Train(seed).work(directory, config, examples)),
        [] if Score(seed, way.estimator).done(directory) else horizons,
        [horizon for horizon in horizons if not Try(seed, horizon, way).done(directory)],
    )


def verify_left(
    directory: RunDirectory, config: Config, way: Way, seed: int, examples: int, cell: Cell | None
) -> VerifyLeft:
    """What is left of the stage `verify` for one seed, once a cell is chosen, or None."""
    horizons, _ = plan(config, examples)
    scored = [horizon for horizon in horizons if directory.has_scores(seed, way.estimator, horizon)]
    horizon = max(scored or horizons) if cell is None else cell.horizon
    compared = cell is not None and not Compare(seed, cell, way).done(directory)
    verified = seed != MAIN_SEED or has_verified_itself(directory, config, way.estimator, horizon, examples)
    return VerifyLeft(
        horizon,
        compared_with(config, way) if compared else [],
        0 if verified else own_removals(config, examples)[0],
    )
