"""Retrainings on random halves of the examples: what training on an example does to its own score, on average."""

from __future__ import annotations

import numpy as np
import torch

from gansift.cleansing.replicas import Done, reweighted_players
from gansift.errors import GansiftError
from gansift.influence.baselines.ranking import own_scores_of_run
from gansift.training.trajectory import Run


def halves(count: int, shadows: int, seed: int) -> np.ndarray:
    """Whom each shadow model is trained on, shape (shadows, count).

    Models come in pairs, of which one has a random half of the examples and the other one the rest. So every example
    is inside of as many models as it is outside of, and all models have as many examples, or one more.

    Args:
        count: number of examples.
        shadows: number of models, even.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(count) < count // 2 for _ in range(shadows // 2)]
    return np.stack([half for one in drawn for half in (one, ~one)])


def exposure_by_halves(run: Run, retrainings: int = 64, seed: int = 0, done: Done | None = None) -> np.ndarray:
    """By how much training on an example raises its own score (`metrics.own_score`), shape (N,).

    It is the mean over retrainings that have the example less the mean over those that do not. All of them begin as
    the run did and see its batches in its order; a loss is divided as the run's removal convention says.

    Args:
        run: a recorded run, of one data set.
        retrainings: how many, even; half of them have a given example.
        seed: of the halves.
        done: as of `reweighted_players`.

    Raises:
        UsageError: if the game says nothing of an example.
        GansiftError: if retrainings break down, so that an example is in all or in none of those that are left.
    """
    inside = halves(len(run.ids), retrainings, seed)
    weights = [run.weights * torch.from_numpy(half).to(run.weights) for half in inside]
    trained = reweighted_players(run, weights, run.steps - run.start, done)
    kept = [row for row, players in enumerate(trained) if players is not None]
    scores = np.array([own_scores_of_run(run, players) for players in trained if players is not None])
    inside = inside[kept]
    if not (inside.any(0) & ~inside.all(0)).all():
        raise GansiftError(f"{retrainings - len(kept)} of {retrainings} retrainings on halves broke down (NaN)")
    return (scores * inside).sum(0) / inside.sum(0) - (scores * ~inside).sum(0) / (~inside).sum(0)
