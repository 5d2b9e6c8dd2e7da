"""Effects of groups: what removing all examples of a kind is predicted to do.

A group averages over its examples as looks average over windows and seeds, so that which *kinds* of examples hurt is
sure long before single examples are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gansift.errors import UsageError
from gansift.influence.averaging import look_weights, standard_errors
from gansift.influence.looks import Looks


@dataclass(frozen=True)
class Group:
    """Examples of one kind.

    Attributes:
        name: what they have in common, such as ``label 7`` or ``exact copies``.
        ids: of the examples.
    """

    name: str
    ids: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Group({self.name!r}, {len(self.ids)} examples)"


@dataclass(frozen=True)
class GroupEffect:
    """What removing a group is predicted to do to the metric of one more model.

    Attributes:
        group: that is removed.
        predicted: change of the metric, the sum over its examples.
        ci95: 95 % interval over looks; None for a single look.
    """

    group: Group
    predicted: float
    ci95: tuple[float, float] | None


def group_effects(looks: Sequence[Looks], groups: Sequence[Group]) -> list[GroupEffect]:
    """The predicted effect of each group, in the order given.

    Sums are linear: effects of examples of one kind may add up to less or more than that when all of them are removed.
    Looks are weighed as `influence.combine` weighs them.

    Args:
        looks: of one or more runs by one metric, as from `influence.rolling`.
        groups: of examples that were scored.

    Raises:
        UsageError: for a group of an example that was not scored, or if there are no looks.

    Examples:
        >>> from gansift.influence.looks import Window
        >>> words = dict(metric="fid", direction="lower", steps=9, removal="fixed-denominator")
        >>> looks = Looks(("a", "b", "c"), np.array([[-1.0, -2.0, 3.0]]), (Window(0, 9, 3),), **words)
        >>> [(effect.group.name, effect.predicted) for effect in group_effects([looks], [Group("blurred", ("a", "b"))])]
        [('blurred', -3.0)]
    """
    if not looks:
        raise UsageError("there are no looks to sum up over groups")
    ids, values = looks[0].ids, np.concatenate([part.values for part in looks])
    rows = {identity: row for row, identity in enumerate(ids)}
    members = np.zeros((len(ids), len(groups)))
    for column, group in enumerate(groups):
        unknown = [identity for identity in group.ids if identity not in rows]
        if unknown:
            raise UsageError(
                f"the group {group.name!r} has {len(unknown)} examples without a score, e.g. {unknown[0]!r}"
            )
        members[[rows[identity] for identity in group.ids], column] = 1
    weights = look_weights(values, "spread")
    sums = values @ members
    mean = weights @ sums
    seeds = [window.seed for part in looks for window in part.windows]
    order = {seed: number for number, seed in enumerate(dict.fromkeys(seeds))}
    errors, freedom = standard_errors(sums, weights, np.array([order[seed] for seed in seeds]), mean)
    if errors is None:
        return [GroupEffect(group, float(value), None) for group, value in zip(groups, mean, strict=True)]
    half = stats.t.ppf(0.975, freedom) * errors
    return [
        GroupEffect(group, float(value), (float(value - reach), float(value + reach)))
        for group, value, reach in zip(groups, mean, half, strict=True)
    ]
