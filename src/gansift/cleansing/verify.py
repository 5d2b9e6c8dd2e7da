"""Verification: scores against real retraining without single examples or random subsets of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gansift.cleansing.agreement import Agreement, agreement, spearman
from gansift.cleansing.control import data_sets, first_of_each, shares
from gansift.cleansing.replicas import Done
from gansift.cleansing.retraining import changes
from gansift.errors import GansiftError, UsageError
from gansift.games.draw import Draw
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Retrainings of which anything can be said.
FEWEST = 3
_SPLITS = 200


@dataclass(frozen=True)
class Verification:
    """Predicted and true changes of the metric for a number of removals.

    Attributes:
        estimator: of the scores.
        metric: that was predicted and measured.
        horizon: last steps that were redone without the removed examples.
        removals: the ids removed together, one tuple for each of M removals.
        predicted: sums of scores, mean over seeds, shape (M,).
        true: change of the metric by retraining, shape (seeds, M); with one seed the truth is that of one model, with
            several what is to be expected over seeds.
    """

    estimator: str
    metric: str
    horizon: int
    removals: tuple[tuple[str, ...], ...]
    predicted: np.ndarray
    true: np.ndarray

    def __repr__(self) -> str:
        seeds = len(self.true)
        return (
            f"Verification({self.estimator}, {self.metric}: {len(self.removals)} retrainings of the last "
            f"{self.horizon} steps without {len(self.removals[0])} of the examples, {seeds} seed{'s'[: seeds > 1]}, "
            f"spearman {self.agreement.spearman.value:.3g})"
        )

    def _repr_html_(self) -> str:
        """How far predictions agree with retraining, in a notebook."""
        return self.agreement._repr_html_()

    @cached_property
    def agreement(self) -> Agreement:
        """Correlations, slope and overlap of the extremes, of predictions and the truth's mean over seeds."""
        return agreement(self.predicted, self.true.mean(axis=0))

    @cached_property
    def ceiling(self) -> float | None:
        """Split-half reliability of the truth: the rank correlation of that of as many other seeds; None for one seed.

        Scores that knew the expected effects would reach about its square root, and those of these very seeds, which
        know their noise, can be above both.

        Seeds are split in two halves many times, the halves' mean truths correlated, and the mean correlation r
        stepped up to the full number of seeds by the Spearman-Brown formula 2 r / (1 + r).
        """
        seeds = len(self.true)
        if seeds < 2:
            return None
        random = np.random.default_rng(0)
        found = []
        for _ in range(_SPLITS):
            order = random.permutation(seeds)
            one, other = order[: seeds // 2], order[seeds // 2 : 2 * (seeds // 2)]
            found.append(spearman(self.true[one].mean(axis=0), self.true[other].mean(axis=0)))
        half = float(np.mean(found))
        return 2 * half / (1 + half) if half > 0 else 0.0


def verify(
    runs: Run | Sequence[Run],
    scores: Scores | Sequence[Scores],
    metric: Metric,
    *,
    count: int,
    removed: int = 1,
    horizon: int | None = None,
    done: Done | None = None,
) -> Verification:
    """Retrain without examples drawn at random, and compare what the metric does with what scores predicted.

    Args:
        runs: one run (retrained with its own seeds: what the owner of one model wants), or several that differ in their
            seed (the truth is then the mean over them).
        scores: of every run, or one for all; of any origin, as long as their ids are the runs'.
        metric: to measure; that of the scores.
        count: removals, M.
        removed: examples in each removal: 1 leaves one example out, more draw random subsets (LDS).
        horizon: last steps to redo; default that of the scores, which is what they predict.
        done: called with the number of training steps redone.

    Raises:
        UsageError: if scores and runs do not belong together, or the numbers do not fit.
        GansiftError: if fewer than 3 of the retrainings end without NaN.
    """
    runs = [runs] if isinstance(runs, Run) else list(runs)
    all_scores = [scores] * len(runs) if isinstance(scores, Scores) else list(scores)
    removals = planned_removals(runs, all_scores, metric, count, removed)
    length = all_scores[0].horizon if horizon is None else horizon
    true = [[change for (change,) in changes(run, removals, length, [metric], done=done)] for run in runs]
    return judge(all_scores, removals, true, length)


def planned_removals(
    runs: Sequence[Run], scores: Sequence[Scores], metric: Metric, count: int, removed: int
) -> list[tuple[str, ...]]:
    """What `verify` removes in each retraining, once it is sure that all fits together.

    Raises:
        UsageError: as `verify`.
    """
    _check(runs, scores, metric, count, removed)
    return random_removals(runs[0], scores[0].ids, count, removed)


def judge(
    scores: Sequence[Scores], removals: Sequence[tuple[str, ...]], true: Sequence[Sequence[float]], horizon: int
) -> Verification:
    """Set what scores predict beside the true changes.

    Args:
        scores: of every run.
        removals: the ids removed together, M times.
        true: change of the metric for every run and removal, NaN where a retraining broke down; such a removal is left
            out for all.
        horizon: last steps that were redone.

    Raises:
        GansiftError: if fewer than 3 of the retrainings ended without NaN.
    """
    predicted = np.array([[_predicted(of_run, ids) for ids in removals] for of_run in scores])
    measured = np.array(true, dtype=float)
    kept = np.isfinite(measured).all(axis=0)
    if not kept.all():
        _log.warning("%d of %d retrainings broke down (NaN) and are left out", int((~kept).sum()), len(removals))
    if kept.sum() < FEWEST:
        raise GansiftError("nearly every retraining broke down (NaN), so nothing can be verified. Train more smoothly.")
    return Verification(
        scores[0].estimator,
        scores[0].metric,
        horizon,
        tuple(ids for ids, keep in zip(removals, kept, strict=True) if keep),
        predicted.mean(axis=0)[kept],
        measured[:, kept],
    )


def random_removals(run: Run, ids: Iterable[str], count: int, removed: int) -> list[tuple[str, ...]]:
    """``count`` sets of ``removed`` examples that are in the run, decided by these numbers and the examples alone.

    Single examples are all different; subsets are drawn independently. Several data sets have the shares that they have
    among the examples that may be removed: in each subset, and in all single examples together.

    Args:
        run: whose examples are removed.
        ids: those that may be removed, such as all that have a score; the others stay.
        count: of sets.
        removed: examples in each.

    Raises:
        UsageError: if there are too few examples.
    """
    scored = set(ids)
    present = [
        identity
        for identity, weight in zip(run.ids, run.weights.tolist(), strict=True)
        if weight > 0 and identity in scored
    ]
    if count * removed > len(present) if removed == 1 else removed >= len(present):
        raise UsageError(f"{count} removals of {removed} cannot be drawn from {len(present)} scored training examples")
    draw, sets = Draw("verification", count, removed), data_sets(run)
    counts = shares(count if removed == 1 else removed, Counter(sets[identity] for identity in present))

    def drawn() -> tuple[str, ...]:
        return first_of_each((present[row] for row in draw.permutation(len(present)).tolist()), sets, counts)

    return [(identity,) for identity in drawn()] if removed == 1 else [drawn() for _ in range(count)]


def _predicted(scores: Scores, ids: Sequence[str]) -> float:
    rows = scores.rows
    return float(sum(scores.values[rows[identity]] for identity in ids))


def _check(runs: Sequence[Run], scores: Sequence[Scores], metric: Metric, count: int, removed: int) -> None:
    if count < FEWEST or removed < 1:
        raise UsageError(f"verification needs 3 or more removals of 1 or more examples, not {count} of {removed}")
    if not runs or len(runs) != len(scores):
        raise UsageError(f"{len(runs)} runs but {len(scores)} sets of scores")
    for run, of_run in zip(runs, scores, strict=True):
        if run.ids != runs[0].ids:
            raise UsageError("the runs have different training examples")
        if of_run.metric != metric.name:
            raise UsageError(f"these scores predict {of_run.metric}, not {metric.name}")
        if of_run.removal != run.step.settings.removal:
            raise UsageError(
                f"these scores are of {of_run.removal} removal; the run's is {run.step.settings.removal}. "
                "Score this run."
            )
        if of_run.direction != metric.direction:
            raise UsageError(
                f"these scores say that {of_run.direction} is better for {metric.name}, but {metric.direction} is. "
                "Turn their column direction, and the signs if they were made for it."
            )
        if of_run.horizon > run.steps:
            raise UsageError(f"these scores are of the last {of_run.horizon} steps, but the run has {run.steps}")
        _check_ids(run, of_run)


def _check_ids(run: Run, scores: Scores) -> None:
    """Refuse scores of strangers; examples without a score are named in the log and never drawn."""
    known = set(run.ids)
    strangers = [identity for identity in scores.ids if identity not in known]
    if strangers:
        raise UsageError(
            f"{len(strangers)} of {len(scores)} scores are of no training example of the run, e.g. {strangers[0]!r}"
        )
    missing = [identity for identity in run.ids if identity not in scores.rows]
    if missing:
        _log.warning(
            "%d of %d training examples have no score, e.g. %r; they are in none of the removals",
            len(missing),
            len(run.ids),
            missing[0],
        )
