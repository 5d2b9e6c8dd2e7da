"""A metric's value without each of several blocks of held-out examples, and without each of several of latents.

With other held-out examples, or other latents, the value of the very same players would be another one. How much it
would differ is told by the delete-a-group jackknife (Quenouille 1949, Tukey 1958): the data are cut into G blocks, and
the metric is computed without each of them. Changes of two trainings are compared on the same blocks, so what both have
in common cancels.
"""

from __future__ import annotations

from typing import NamedTuple

from gansift.errors import GansiftError
from gansift.games import Trained
from gansift.metrics.metric import HasTrained, Metric, SampleMetric

#: Blocks into which held-out examples, and latents, are cut; fewer in spaces where each value takes seconds.
BLOCKS, FEWER = 20, 8
_WIDE = 512


class Replicates(NamedTuple):
    """A value of a metric with what it would be on a little less data.

    Attributes:
        value: on everything.
        without_examples: without each block of held-out examples; empty for a metric that does not tell.
        without_latents: without each block of latents; empty for a metric that has none.
    """

    value: float
    without_examples: tuple[float, ...] = ()
    without_latents: tuple[float, ...] = ()


def replicates(metric: Metric, source: Trained | HasTrained) -> Replicates:
    """The value of any metric with its replicates, as far as it has some.

    A metric of one's own takes part with a method ``without_examples(source, blocks)`` that gives its values without
    each of so many blocks of its held-out examples, as `metrics.NetMetric` does.

    Args:
        metric: of players or of samples.
        source: trained players, or a run.
    """
    if isinstance(metric, SampleMetric):
        return _of_samples(metric, source)
    value, without = metric.value(source), getattr(metric, "without_examples", None)
    try:
        return Replicates(value, () if without is None else tuple(without(source, BLOCKS)))
    except GansiftError:  # a gap between groups, say, of which one has no example left
        return Replicates(value)


def _of_samples(metric: SampleMetric, source: Trained | HasTrained) -> Replicates:
    features = metric.features_of(source)
    blocks = BLOCKS if features.shape[1] <= _WIDE else FEWER
    without = metric.without_examples(features, blocks), metric.without_latents(features, blocks)
    return Replicates(metric.evaluate(features)[0], *map(tuple, without))
