"""Clustering: costs written down once more, exact scores through alignment and re-seeding, and where clusters start."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch.distributions import Normal
from torch.nn.functional import grid_sample, pad

from gansift import games, influence, metrics, training
from gansift.data import Examples
from gansift.errors import TrainingError
from gansift.games import clustering
from gansift.games.batch import Batch, Batches
from gansift.games.draw import Draw
from gansift.games.parameters import Layout, Net
from gansift.influence.doctor import examine
from gansift.models.warp import places

SHAPE = (1, 6, 5)
ADAM = training.Adam(lr=0.02, betas=(0.9, 0.99), eps=1e-2, eps_inside=True)


def images(count, seed=0, shape=SHAPE) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def bound(kind, shape=SHAPE, **settings):
    """A game whose every parameter has moved, its modules and net, in float64."""
    torch.manual_seed(1)
    game = games.Clustering(kind, shape, 3, hidden=4, **settings)
    modules = {name: module.double() for name, module in game.players.items()}
    with torch.no_grad():
        for parameter in modules["clusters"].parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, dtype=torch.float64))
    layouts = {name: Layout(module) for name, module in modules.items()}
    net = Net(modules, layouts, {name: layouts[name].flatten(one) for name, one in modules.items()})
    return game, modules["clusters"], net


def test_plain_costs_are_squared_distances():
    game, clusters, net = bound("kmeans", (4,))
    x = images(5, shape=(4,))
    expected = torch.stack([(x - one).square().sum(1) for one in clusters.prototypes], 1)
    torch.testing.assert_close(game.costs(net, x), expected)
    torch.testing.assert_close(game.loss_of(expected), expected.min(1).values)
    assert torch.equal(game.assigned(net, x), expected.argmin(1))


def test_of_finite_shifts_the_cheapest_counts():
    game, clusters, net = bound("shifts", reach=1)
    x = images(5)
    wide = pad(clusters.prototypes, (1, 1, 1, 1), mode="replicate")
    moved = [wide[..., down : down + 6, right : right + 5] for down in range(3) for right in range(3)]
    distances = torch.stack([(x[:, None] - one).square().sum((2, 3, 4)) for one in moved], 2)
    torch.testing.assert_close(game.costs(net, x), distances.min(2).values)
    aligned = game.align(net, x)
    torch.testing.assert_close((aligned - x[:, None]).square().sum((2, 3, 4)), distances.min(2).values)


def warped(picture, numbers):
    """One image under one transformation: six numbers of an affine map, 32 of splines; by scipy and grid_sample."""
    matrix, shift, moves = numbers[:4].view(2, 2), numbers[4:6], numbers[6:38].view(16, 2)
    where = places(*picture.shape[1:]).double()
    bend = RBFInterpolator(places(4, 4).double().numpy(), moves.numpy(), kernel="thin_plate_spline", degree=1)
    where = where + torch.from_numpy(bend(where.numpy()))
    where = where @ (torch.eye(2).double() + matrix).T + shift
    grid = where.flip(1).view(1, *picture.shape[1:], 2)
    return grid_sample(picture[None], grid, padding_mode="border", align_corners=True)[0]


@pytest.mark.parametrize("shape", [SHAPE, (3, 5, 6)])
def test_costs_of_aligned_prototypes_and_of_gaussians_are_those_of_other_libraries(shape):
    x = images(4, shape=shape)
    for kind in ("dti-kmeans", "dti-gmm"):
        game, clusters, net = bound(kind, shape, sigma_min=0.3)
        numbers = clusters(x).detach()
        assert numbers.shape == (4, 3, 38 + 6 * (shape[0] == 3))
        assert numbers.abs().min() > 0
        for row, own in enumerate(numbers):
            for column, said in enumerate(own):
                mean = warped(clusters.prototypes[column].detach(), said)
                if shape[0] == 3:
                    mean = mean * (1 + said[38:41, None, None]) + said[41:, None, None]
                torch.testing.assert_close(game.align(net, x)[row, column], mean)
                expected = (x[row] - mean).square().sum()
                if kind == "dti-gmm":
                    variance = warped(clusters.spreads[column].detach().square(), said) + 0.3**2
                    expected = -Normal(mean, variance.sqrt()).log_prob(x[row]).sum()
                    expected = expected - clusters.shares.softmax(0)[column].log()
                torch.testing.assert_close(game.costs(net, x)[row, column], expected)
    density = torch.exp(-game.costs(net, x)).sum(1)
    torch.testing.assert_close(game.loss_of(game.costs(net, x)), -density.log())


def test_transformations_are_switched_on_one_after_the_other():
    x = images(4)
    game, clusters, net = bound("dti-kmeans", affine_from=0.25, splines_from=0.5)
    plain = torch.stack([(x - one).square().sum((1, 2, 3)) for one in clusters.prototypes], 1)
    torch.testing.assert_close(game.costs(net, x, 0.2), plain)
    stages = [game.costs(net, x, progress) for progress in (0.25, 0.49, 0.5, 1.0)]
    assert torch.equal(stages[0], stages[1])
    assert torch.equal(stages[2], stages[3])
    assert not torch.isclose(stages[1], plain).any()
    assert not torch.isclose(stages[1], stages[2]).any()
    weight = torch.linspace(0, 2, 4).double()
    batch = Batches({"data": Batch(x, weight, None, step=2, steps=8)})
    expected = (stages[0].min(1).values * weight).mean()
    torch.testing.assert_close(game.loss("clusters", net, batch, None), expected)
    alone, _, bare = bound("dti-kmeans", affine_from=1.0, splines_from=1.0)
    assert "encoder.layers.0.weight" not in dict(alone.players["clusters"].named_parameters())
    assert alone.align(bare, x).shape == (4, 3, *SHAPE)
    torch.testing.assert_close(alone.costs(bare, x).min(1).values, alone.loss_of(alone.costs(bare, x)))


# Events and scores ---------------------------------------------------------------------------------------------------


def crowd(shape=SHAPE) -> Examples:
    """Images of two kinds, and one that is like no other."""
    base = images(3, seed=4, shape=shape)
    kinds = torch.tensor([0, 1] * 6 + [0, 0, 2])
    return Examples.of((0.7 * base[kinds] + 0.3 * images(15, seed=5, shape=shape)).numpy(), name="crowd")


def train(kind="dti-kmeans", weights=None, steps=14, **settings):
    game = games.Clustering(kind, SHAPE, 3, hidden=4, affine_from=0.1, splines_from=0.2, reseed=4, **settings)
    return training.train(
        game, crowd(), steps=steps, batch_size=15, optimizers=ADAM, seed=SEED, dtype="float64", weights=weights,
        checkpoint_every=1,
    )  # fmt: skip


# The image that is like no other is among the first prototypes.
SEED = 9


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Clusters are looked at every other step, and their sizes are what was counted last."""
    monkeypatch.setattr(clustering, "_COUNTED", 2)
    monkeypatch.setattr(clustering, "_FOLLOWED", 1.0)
    monkeypatch.setattr(clustering, "_STARVING", 0.3)


def reseedings(run) -> dict[int, tuple[dict, dict]]:
    """The state of the clusters before and after every event that puts one of them elsewhere, by step."""
    found = {}
    for number in range(1, run.steps):
        trace = run.step.trace(run.state(number), number, run.weights)
        before, after = trace.eve["clusters"], trace.after["clusters"]
        if not torch.equal(before["parameters"], after["parameters"]):
            found[number] = before, after
    return found


@pytest.mark.parametrize("kind", ["kmeans", "shifts", "dti-kmeans", "dti-gmm"])
def test_scores_are_those_of_retraining_through_alignment_and_re_seeding(kind):
    metric = metrics.cluster_loss(Examples.of(images(6, seed=9).numpy(), name="held"))
    run = train(kind)
    assert reseedings(run), "a cluster starves and is put elsewhere"
    rows = [0, 1, 14]
    expected = []
    for row in rows:
        values = []
        for change in (-1e-5, 1e-5):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(kind, weights)))
        expected.append((values[0] - values[1]) / 2e-5)
    assert (np.abs(expected) > 1e-6).sum() >= 2
    np.testing.assert_allclose(
        influence.itd(run, metric).values[rows], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max()
    )


def test_a_re_seeded_cluster_goes_on_with_its_own_copy_of_the_largest_ones_moments():
    run = train("dti-gmm")
    layout = run.step.layouts["clusters"]
    number, (before, after) = next(iter(reseedings(run).items()))
    for slot in (name for name in before if name != "parameters"):
        old, new = layout.views(before[slot]), layout.views(after[slot])
        (starved,) = {int(row) for row in (old["prototypes"] != new["prototypes"]).flatten(1).any(1).nonzero()}
        donors = [row for row in range(3) if torch.equal(new["prototypes"][starved], old["prototypes"][row])]
        assert len(donors) == 1
        for name in ("prototypes", "spreads", "shares", *(name for name in old if name.startswith("heads."))):
            assert torch.equal(new[name][starved], old[name][donors[0]]), name
        assert torch.equal(new["encoder.layers.0.weight"], old["encoder.layers.0.weight"])
    later = run.state(number + 2)["clusters"]
    moments = layout.views(later[slot])["prototypes"]
    assert not torch.equal(moments[starved], moments[donors[0]]), "the two are apart from then on"


def test_the_smallest_starving_cluster_takes_half_of_the_largest():
    rows, sizes = clustering._reseeded(torch.tensor([0.04, 0.6, 0.0, 0.36]))
    assert rows.tolist() == [3, 1, 1, 3]
    torch.testing.assert_close(sizes, torch.tensor([0.18, 0.3, 0.3, 0.18]))
    rows, sizes = clustering._reseeded(torch.tensor([0.3, 0.7]))
    assert rows.tolist() == [0, 1]


def test_clusters_start_as_different_examples_of_the_first_batch_and_never_as_removed_ones():
    run = train("kmeans")
    starts = run.step.layouts["clusters"].views(run.state(1)["clusters"]["parameters"])["prototypes"]
    chosen = [int((run.step.x["data"] - one).abs().flatten(1).sum(1).argmin()) for one in starts]
    torch.testing.assert_close(starts, run.step.x["data"][chosen])
    assert len(set(chosen)) == 3
    assert 14 in chosen
    weights = torch.ones(15)
    weights[14] = 0.0
    without = train("kmeans", weights).state(1)["clusters"]["parameters"]
    starts = run.step.layouts["clusters"].views(without)["prototypes"]
    assert (starts - run.step.x["data"][14]).abs().flatten(1).sum(1).min() > 0.1


def test_nothing_is_re_seeded_at_the_end_or_where_it_is_switched_off():
    assert max(reseedings(train("kmeans", steps=30))) <= 24
    game = games.Clustering("kmeans", SHAPE, 3, reseed=0)
    batch = Batches({"data": Batch(images(4), torch.ones(4).double(), None, step=4, steps=30)})
    _, _, net = bound("kmeans")
    assert game.event(net, batch, Draw(0)) == {}


def test_prototypes_images_and_aligned_prototypes_are_shown():
    game, clusters, net = bound("dti-kmeans")
    x = images(4)
    shown = game.show(net, {"data": x})
    assert torch.equal(shown["prototypes"], clusters.prototypes)
    torch.testing.assert_close(
        (shown["aligned prototypes"] - x).square().sum((1, 2, 3)), game.loss_of(game.costs(net, x))
    )


def test_what_cannot_be_clustered_is_refused():
    with pytest.raises(TrainingError, match="not 'medoids'"):
        games.Clustering("medoids", SHAPE, 3)
    with pytest.raises(TrainingError, match="clusters of the kind shifts are of images"):
        games.Clustering("shifts", (4,), 3)
    with pytest.raises(TrainingError, match="3 clusters start as examples of the first batch, which has 2"):
        training.train(games.Clustering("kmeans", SHAPE, 3), crowd(), steps=2, batch_size=2, optimizers=ADAM)


def test_the_doctor_finds_no_wrong_derivative_although_clusters_jump_in_the_first_step():
    game = games.Clustering("dti-kmeans", SHAPE, 3, hidden=4)
    findings = examine(game, crowd(), batch_size=15, optimizers=ADAM, quick=True)
    assert [found for found in findings if found.verdict == "fault"] == []
