"""Parts of held-out examples: disjoint, together the whole, and each the metric that never saw the others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import metrics
from gansift.data import Examples
from gansift.metrics import part_of

HELD_OUT = torch.from_numpy(np.random.default_rng(0).standard_normal((90, 3)))
SAMPLES = torch.from_numpy(np.random.default_rng(1).standard_normal((40, 3)))


def _identity(x):
    return x


MAKERS = {
    "fid": lambda reference: metrics.FID(_identity, reference),
    "kid": lambda reference: metrics.KID(_identity, reference),
    "all": lambda reference: metrics.ALL(reference),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("kind", ["tensor", "examples"])
def test_a_part_is_the_metric_of_its_examples_alone_under_the_same_name(name, kind):
    reference = HELD_OUT if kind == "tensor" else Examples.of(HELD_OUT.float())
    whole = MAKERS[name](reference)
    before = whole.value(SAMPLES)
    for number in range(3):
        part = part_of(whole, number, 3)
        rows = torch.arange(90)[number::3]
        alone = MAKERS[name](HELD_OUT[rows] if kind == "tensor" else reference.subset(rows))
        assert part.name == whole.name
        assert part.value(SAMPLES) == pytest.approx(alone.value(SAMPLES), rel=1e-12)
        features = part.features(SAMPLES).double()
        assert part.without_examples(features, 5) == pytest.approx(alone.without_examples(features, 5), rel=1e-10)
    assert whole.value(SAMPLES) == before


def test_a_metric_of_players_is_cut_too():
    metric = metrics.NetMetric(lambda game, net, batch: batch.x.sum(), name="x", direction="lower", examples=HELD_OUT)
    parts = [part_of(metric, number, 3) for number in range(3)]
    assert [len(part.reference) for part in parts] == [30, 30, 30]
    assert sum(float(part.reference.sum()) for part in parts) == pytest.approx(float(HELD_OUT.sum()))


@pytest.mark.parametrize("count", [1, 5, 90])
def test_too_few_examples_for_so_many_parts_leave_the_metric_whole(count):
    whole = MAKERS["all"](HELD_OUT)
    assert part_of(whole, 0, count) is whole


def test_a_distance_keeps_enough_examples_for_its_features():
    wide = torch.from_numpy(np.random.default_rng(2).standard_normal((90, 20)))
    whole = metrics.FID(_identity, wide)
    assert part_of(whole, 1, 3) is whole  # 30 examples in 20 dimensions
    assert len(part_of(whole, 1, 2).reference) == 45


def test_a_metric_without_held_out_examples_stays_whole():
    class Own:
        name, direction = "own", "lower"

    own = Own()
    assert part_of(own, 0, 3) is own
    free = metrics.NetMetric(lambda game, net: net.x, name="x", direction="lower")
    assert part_of(free, 0, 3) is free
