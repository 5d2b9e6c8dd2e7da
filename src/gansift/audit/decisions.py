"""Decisions about people of several groups: how right they are, and how differently groups are decided about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm

from gansift.report.answer import Number

#: What is measured of decisions, and what it means.
MEANINGS = {
    "accuracy": "share of right decisions",
    "dp": "demographic parity difference: the largest difference between groups in the share decided positive",
    "eo": "equalized odds difference: the same among positive or among other examples, whichever is larger",
    "eopp": "equal opportunity difference: the same among positive examples",
}

_RESAMPLES = 400


@dataclass(frozen=True, eq=False)
class Held:
    """Held-out examples that are decided about.

    Attributes:
        positive: whether each one's label is the positive one, shape (n,).
        groups: of each protected column the group of each, whole numbers of shape (n,).
        seed: decides the resampling.
    """

    positive: np.ndarray
    groups: Mapping[str, np.ndarray]
    seed: int = 0

    @cached_property
    def resamples(self) -> np.ndarray:
        """How often each example is drawn in each bootstrap resample, shape (resamples, n)."""
        count = len(self.positive)
        drawn = np.random.default_rng(self.seed).integers(count, size=(_RESAMPLES, count))
        return np.stack([np.bincount(row, minlength=count) for row in drawn]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Decisions:
    """What one or more models of the same kind decide about held-out examples.

    Attributes:
        positive: whether each example is taken for positive, by each model, shape (models, n).
        held: the examples.
    """

    positive: np.ndarray
    held: Held

    def number(self, what: str) -> Number:
        """One of `MEANINGS`, the mean over the models, with a bootstrap interval over examples."""
        return _number(self._of(what, self._once)[0], self._of(what, self.held.resamples), MEANINGS[what])

    def change(self, before: Decisions, what: str) -> Number:
        """By how much one of `MEANINGS` is larger than for other models; resamples are the same for both."""
        value, resampled = (
            self._of(what, counts) - before._of(what, counts) for counts in (self._once, self.held.resamples)
        )
        return _number(value[0], resampled, f"change of the {MEANINGS[what]}")

    @property
    def _once(self) -> np.ndarray:
        return np.ones((1, len(self.held.positive)), dtype=np.float32)

    def _of(self, what: str, counts: np.ndarray) -> np.ndarray:
        """The number where every example counts so often: from counts (resamples, n) to (resamples,)."""
        own = self.held.positive
        if what == "accuracy":
            return counts @ (self.positive == own).mean(axis=0) / counts.sum(axis=1)
        among = {"dp": [np.ones_like(own)], "eo": [own, ~own], "eopp": [own]}[what]
        gaps = [
            np.max(
                [_gap(one, groups, which, counts) for groups in self.held.groups.values() for which in among], axis=0
            )
            for one in self.positive
        ]
        return np.mean(gaps, axis=0)


def _gap(decided: np.ndarray, groups: np.ndarray, which: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The largest difference between groups in the share decided positive among some, shape (resamples,)."""
    shares = []
    for group in np.unique(groups[which]):
        member = which & (groups == group)
        total = counts[:, member].sum(axis=1)
        hits = counts[:, member] @ decided[member].astype(np.float32)
        # A resample without any member says nothing of the group.
        shares.append(np.where(total > 0, hits / np.maximum(total, 1), np.nan))
    return np.nanmax(shares, axis=0) - np.nanmin(shares, axis=0)


def _number(value: float, resampled: np.ndarray, meaning: str) -> Number:
    half = float(norm.isf(0.025) * np.std(resampled, ddof=1))
    return Number(float(value), (float(value) - half, float(value) + half), meaning)
