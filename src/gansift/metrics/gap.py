"""How differently groups are decided about: gaps of demographic parity, equalized odds and equal opportunity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.games.laftr import Criterion
from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

#: The criteria, and among whom each compares the groups.
CRITERIA = {
    "dp": "",
    "eo": " among those who are {positive}, or among all others, whichever differs more",
    "eopp": " among those who are {positive}",
}

# A change of a gap that matters.
_SCALE = 0.01


def gap(examples: Examples, criterion: Criterion, protected: Sequence[str], positive: int = 1) -> NetMetric:
    """The largest difference between two groups in the mean probability of the positive label under `predict`.

    ``dp`` looks at all examples (demographic parity), ``eopp`` at those whose label is positive (equal opportunity:
    true positive rates), and ``eo`` takes the larger of that one and the same for all other labels (equalized odds:
    true and false positive rates). Of several protected columns it is the one with the largest gap. The reported twin
    has decisions in place of probabilities, and is what `fairlearn.metrics` calls the demographic parity difference,
    the equalized odds difference and the equal opportunity difference.

    Args:
        examples: held out, with labels and the protected columns.
        criterion: ``dp``, ``eo`` or ``eopp``.
        protected: names of the columns of groups.
        positive: number of the label that is positive.

    Raises:
        UsageError: if the examples have no labels, or no column has two groups to compare.
    """
    cells = _cells(examples, criterion, protected, positive)
    names = examples.class_names
    label = "positive" if names is None else names[positive]
    among = CRITERIA[criterion].format(positive=label)

    def metric(decided: Any, name: str, label: str, meaning: str, reported: NetMetric | None) -> NetMetric:
        return NetMetric(
            partial(_gap, decided, cells, positive), name=name, direction="lower", examples=examples,
            scale=_SCALE, reported=reported, label=label, meaning=meaning,
        )  # fmt: skip

    between = f"the largest difference between groups ({', '.join(protected)}) in"
    hard = metric(
        _decision,
        f"{criterion}-difference",
        f"{criterion} difference",
        f"{between} the share that is decided {label}{among}",
        None,
    )
    return metric(
        _probability,
        f"{criterion}-gap",
        f"{criterion} gap",
        f"{between} the mean probability of {label}{among}",
        hard,
    )


def _cells(
    examples: Examples, criterion: Criterion, protected: Sequence[str], positive: int
) -> list[tuple[str, tuple[int, ...], bool | None]]:
    """Column, groups with members, and whose labels: True for positive ones, False for others, None for all."""
    labels = examples.labels
    if labels is None:
        raise UsageError(f"the metric {criterion}-gap compares decisions about labels, and the examples have none")
    among = {"dp": (None,), "eo": (True, False), "eopp": (True,)}[criterion]
    cells = []
    for name in protected:
        values = examples.columns[name].values
        for which in among:
            looked_at = values if which is None else values[(labels == positive) == which]
            groups = tuple(looked_at.unique().tolist())
            if len(groups) > 1:
                cells.append((name, groups, which))
    if not cells:
        raise UsageError(
            f"the metric {criterion}-gap has nothing to compare: among the held-out examples in question "
            f"{' and '.join(protected) or 'no column'} has fewer than two groups"
        )
    return cells


def _gap(decided: Any, cells: Sequence[Any], positive: int, game: Any, net: Any, batch: Any) -> Tensor:
    shares = decided(game.predict(net, batch.x), positive)
    gaps = []
    for name, groups, which in cells:
        looked_at = (
            torch.ones_like(batch.label, dtype=torch.bool) if which is None else (batch.label == positive) == which
        )
        means = torch.stack([_mean(shares, looked_at & (batch.columns[name] == group)) for group in groups])
        gaps.append(means.max() - means.min())
    return torch.stack(gaps).max()


def _mean(shares: Tensor, member: Tensor) -> Tensor:
    within = member.to(shares.dtype)
    return (shares * within).sum() / within.sum()


def _probability(logits: Tensor, positive: int) -> Tensor:
    return logits.softmax(1)[:, positive]


def _decision(logits: Tensor, positive: int) -> Tensor:
    return (logits.argmax(1) == positive).to(logits.dtype)
