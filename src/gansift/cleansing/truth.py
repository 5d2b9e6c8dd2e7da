"""Truths: what removals do to trainings, found by retraining once and kept, so that any scores are judged at once.

Scores of whatever origin are compared with the same retrainings, without training anything: a yardstick that two people
who compare two ways of scoring have in common.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gansift.cleansing.replicas import Done
from gansift.cleansing.retraining import changes
from gansift.cleansing.verify import Verification, judge
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Truth:
    """The true changes of M_e metrics by M removals among N examples, in trainings of S seeds.

    Attributes:
        name: of the truth, in a word.
        training: what was trained, and on what, for whoever wants to train the same.
        ids: the training examples; those of several data sets are ``<data set>:<id>``.
        hashes: SHA-256 of the content of each, in hexadecimal.
        metrics: which is better, ``lower`` or ``higher``, by the name of each metric.
        removal: the convention of removal, ``fixed-denominator`` or ``renormalised``.
        steps: of each training; every retraining redoes all of them.
        seeds: of the trainings; a retraining has the seed of its training.
        removed: which examples each removal takes, bool, shape (M, N).
        values: of the metrics without any removal, float64, shape (M_e, S).
        changes: of the metrics by each removal, float64, shape (M_e, M, S); NaN where a retraining broke down.
    """

    name: str
    training: Mapping[str, Any] = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    hashes: tuple[str, ...] = field(repr=False)
    metrics: Mapping[str, str]
    removal: str
    steps: int
    seeds: tuple[int, ...]
    removed: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    changes: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        examples, kinds, seeds = len(self.ids), len(self.metrics), len(self.seeds)
        expected = {
            "removed": (len(self.removed), examples),
            "values": (kinds, seeds),
            "changes": (kinds, len(self.removed), seeds),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is of shape {getattr(self, name).shape}, and {shape} is expected")
        if len(self.hashes) != examples or len(set(self.ids)) != examples:
            raise ValueError("every example has one id of its own, and one hash")
        if not set(self.metrics.values()) <= {"lower", "higher"}:
            raise ValueError("of a metric lower or higher is better")

    def judge(self, scores: Scores) -> tuple[Verification, ...]:
        """Compare what scores predict with the true changes of their metric: for each size of removals, from the least.

        The prediction for a removal is the sum of its scores, and the truth its mean change over seeds.

        Args:
            scores: of every example, of any origin.

        Raises:
            UsageError: if the scores are of other examples, or of a metric, a direction, a convention of removal or a
                length of training that the truth does not have.
        """
        self._check(scores)
        of_metric, sizes = self.changes[list(self.metrics).index(scores.metric)], self.removed.sum(axis=1)
        return tuple(self._judged(scores, of_metric, np.flatnonzero(sizes == size)) for size in np.unique(sizes))

    def _judged(self, scores: Scores, of_metric: np.ndarray, rows: np.ndarray) -> Verification:
        removals = [tuple(self.ids[column] for column in np.flatnonzero(self.removed[row])) for row in rows]
        return judge([scores], removals, of_metric[rows].T.tolist(), self.steps)

    def _check(self, scores: Scores) -> None:
        if scores.metric not in self.metrics:
            raise UsageError(
                f"these scores predict {scores.metric}, and the truth {self.name} is of {' and '.join(self.metrics)}. "
                "If one of these is meant, write it into their column metric."
            )
        direction = self.metrics[scores.metric]
        if scores.direction != direction:
            raise UsageError(
                f"these scores say that {scores.direction} is better for {scores.metric}, but {direction} is. Turn "
                "their column direction, and the signs if they were made for it."
            )
        if scores.removal != self.removal:
            raise UsageError(f"these scores are of {scores.removal} removal; the truth's is {self.removal}")
        if scores.steps != self.steps:
            raise UsageError(
                f"these scores are of a training of {scores.steps} steps; those of the truth {self.name} have "
                f"{self.steps}"
            )
        self._check_ids(scores)
        if scores.horizon < scores.steps:
            _log.warning(
                "these scores look back over %d of %d steps, and the truth %s is of whole trainings",
                scores.horizon,
                scores.steps,
                self.name,
            )

    def _check_ids(self, scores: Scores) -> None:
        known = set(self.ids)
        strangers = [identity for identity in scores.ids if identity not in known]
        if strangers:
            raise UsageError(
                f"{len(strangers)} of {len(scores)} scores are of no training example of the truth {self.name}, e.g. "
                f"{strangers[0]!r}; its examples are like {self.ids[0]!r}"
            )
        missing = [identity for identity in self.ids if identity not in scores.rows]
        if missing:
            raise UsageError(
                f"{len(missing)} of {len(self.ids)} training examples of the truth {self.name} have no score, e.g. "
                f"{missing[0]!r}. Removals hold any of them, so give each a score; 0 predicts no change."
            )


def measured(
    name: str,
    training: Mapping[str, Any],
    runs: Sequence[Run],
    examples: Mapping[str, Examples],
    removals: Sequence[Iterable[str]],
    metrics: Sequence[Metric],
    done: Done | None = None,
) -> Truth:
    """The truth of removals, by redoing whole trainings without them.

    Args:
        name: of the truth.
        training: what was trained, see `Truth`.
        runs: that differ in their seed alone.
        examples: that they were trained on, by data set.
        removals: the ids that are removed together, one set for each retraining of every run.
        metrics: that are measured.
        done: called with the number of training steps redone.

    Raises:
        UsageError: for unknown ids.
    """
    first = runs[0]
    found = [changes(run, removals, run.steps, metrics, done=done) for run in runs]
    return Truth(
        name=name,
        training=training,
        ids=first.ids,
        hashes=tuple(content for part in examples.values() for content in part.hashes),
        metrics={metric.name: metric.direction for metric in metrics},
        removal=first.step.settings.removal,
        steps=first.steps,
        seeds=tuple(run.step.settings.seed for run in runs),
        removed=np.array([[identity in gone for identity in first.ids] for gone in map(set, removals)]),
        values=np.array([[metric.value(run) for run in runs] for metric in metrics], dtype=np.float64),
        changes=np.array(found, dtype=np.float64).transpose(2, 1, 0),
    )
