"""Values without blocks of held-out examples or latents, against metrics that never had them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import metrics
from gansift.games import Game, Trained
from gansift.metrics.blocks import kept_rows
from gansift.metrics.replicates import BLOCKS

HELD_OUT = torch.from_numpy(np.random.default_rng(0).standard_normal((45, 3)))


class _Sampler(Game):
    """Samples that are an affine map of the latents."""

    def line_loss(self, net, batch, draw):
        raise NotImplementedError

    def sample(self, net, count, draw):
        return net.line(draw.normal(count, 3))


@pytest.fixture(scope="module")
def trained():
    line = torch.nn.Linear(3, 3).double()
    torch.manual_seed(0)
    torch.nn.init.normal_(line.weight)
    flat = torch.cat([line.weight.detach().flatten(), line.bias.detach()])
    return Trained(_Sampler(line=line), {"line": flat})


def _identity(x):
    return x


MAKERS = {
    "fid": lambda reference: metrics.FID(_identity, reference, latents=50, seed=3),
    "kid": lambda reference: metrics.KID(_identity, reference, latents=50, seed=3),
    "all": lambda reference: metrics.ALL(reference, latents=50, seed=3),
}


@pytest.mark.parametrize("name", MAKERS)
def test_without_a_block_it_is_the_metric_that_never_saw_those_examples(name, trained):
    found = metrics.replicates(MAKERS[name](HELD_OUT), trained)
    assert found.value == pytest.approx(MAKERS[name](HELD_OUT).value(trained), rel=1e-12)
    assert len(found.without_examples) == BLOCKS
    for rows, value in zip(kept_rows(len(HELD_OUT), BLOCKS), found.without_examples, strict=True):
        assert value == pytest.approx(MAKERS[name](HELD_OUT[rows]).value(trained), rel=1e-10)


@pytest.mark.parametrize("name", MAKERS)
def test_without_a_block_of_latents_it_is_the_metric_of_the_other_samples(name, trained):
    metric = MAKERS[name](HELD_OUT)
    samples = torch.cat(list(metric._samples(trained)))
    found = metrics.replicates(metric, trained)
    assert len(found.without_latents) == BLOCKS
    for rows, value in zip(kept_rows(50, BLOCKS), found.without_latents, strict=True):
        assert value == pytest.approx(metric.value(samples[rows]), rel=1e-10)


def test_a_metric_of_players_leaves_out_its_own_examples_and_has_no_latents(trained):
    def mean(game, net, batch):
        return net.line(batch.x).square().mean()

    metric = metrics.NetMetric(mean, name="mean", direction="lower", examples=HELD_OUT)
    found = metrics.replicates(metric, trained)
    for rows, value in zip(kept_rows(len(HELD_OUT), BLOCKS), found.without_examples, strict=True):
        other = metrics.NetMetric(mean, name="mean", direction="lower", examples=HELD_OUT[rows])
        assert value == pytest.approx(other.value(trained), rel=1e-12)
    assert found.without_latents == ()
    assert metric.reference is HELD_OUT


def test_a_metric_that_cannot_do_with_fewer_examples_has_no_replicates(trained):
    def needs_all(game, net, batch):
        return net.line(batch.x).mean() / (len(batch.x) == len(HELD_OUT))

    metric = metrics.NetMetric(needs_all, name="all", direction="lower", examples=HELD_OUT)
    assert metrics.replicates(metric, trained) == (metric.value(trained), (), ())


def test_a_metric_without_held_out_examples_has_its_value_alone(trained):
    class Own:
        name, direction = "own", "lower"

        def value(self, source):
            return 7.0

        def gradient(self, source):
            return {}

    assert metrics.replicates(Own(), trained) == (7.0, (), ())


def test_every_row_is_left_out_once_and_few_rows_make_no_blocks():
    left_out = [set(range(45)) - set(rows.tolist()) for rows in kept_rows(45, BLOCKS)]
    assert sorted(row for block in left_out for row in block) == list(range(45))
    assert list(kept_rows(39, BLOCKS)) == []
