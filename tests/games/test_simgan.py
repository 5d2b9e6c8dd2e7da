"""SimGAN: losses and buffer written down once more, exact scores of both data sets through the buffer, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gansift import games, influence, metrics, training
from gansift.data import Examples
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches
from gansift.games.draw import Draw
from gansift.games.memory import Memory
from gansift.games.parameters import Layout, Net
from gansift.models import PatchCritic, Refiner

SHAPE = (1, 6, 6)


def images(count, seed=0, name="x", labels=True) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, *SHAPE, generator=generator)
    return Examples.of(x, name=name, label=["a", "b"] * (count // 2) if labels else None)


def moved(refiner) -> Refiner:
    """A refiner that is not the identity any more."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in refiner.last.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return refiner


def game(buffer=8, **arguments) -> games.SimGAN:
    torch.manual_seed(0)
    history = Memory(torch.zeros(buffer, *SHAPE)) if buffer else None
    return games.SimGAN(moved(Refiner(1, 3, 1)), PatchCritic(1, 2), history, **arguments)


def bound(simgan, step=3, steps=10):
    modules = {name: module.double() for name, module in simgan.players.items()}
    layouts = {name: Layout(module) for name, module in modules.items()}

    def batch(count, seed):
        weight = torch.linspace(0, 2, count, dtype=torch.float64)
        return Batch(images(count, seed).x.double(), weight, None, step, steps)

    net = Net(modules, layouts, {name: layouts[name].flatten(one) for name, one in modules.items()})
    return modules, net, Batches({"simulated": batch(6, 1), "real": batch(4, 2)})


def entropy(logits, refined, weight=None):
    """The cross-entropy of what is refined: mean over patches, weighted mean over images."""
    truth = torch.full_like(logits, float(refined))
    each = binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten(1).mean(1)
    return each if weight is None else (each * weight).mean()


@pytest.mark.parametrize("distance", ["squared", "l1"])
def test_the_refiner_has_the_papers_loss(distance):
    simgan = game(distance=distance, penalty=0.7, rise=0.5)
    modules, net, batch = bound(simgan, step=2, steps=10)
    simulated, refined = batch.simulated, modules["refiner"](batch.simulated.x)
    off = (refined - simulated.x).flatten(1)
    far = (off**2 if distance == "squared" else off.abs()).mean(1)
    # -log(1 - D) is the cross-entropy of being real; two tenths of training are two fifths of the rise.
    expected = (
        0.4 * entropy(modules["critic"](refined), False, simulated.weight) + 0.7 * (far * simulated.weight).mean()
    )
    assert simgan.loss("refiner", net, batch, None).item() == pytest.approx(expected.item(), rel=1e-12)
    assert all(term.item() > 0 for term in simgan.refiner_terms(net, batch))


def test_until_the_buffer_is_full_the_critic_sees_fresh_images_alone():
    simgan = game(buffer=9)
    modules, net, batch = bound(simgan, step=2)  # of 9 places 6 are written
    expected = entropy(modules["critic"](modules["refiner"](batch.simulated.x)), True, batch.simulated.weight)
    expected = expected + entropy(modules["critic"](batch.real.x), False, batch.real.weight)
    assert simgan.loss("critic", net, batch, Draw(0)).item() == pytest.approx(expected.item(), rel=1e-12)
    alone = game(buffer=0)
    assert "history" not in alone.players
    _, other, _ = bound(alone, step=2)
    assert alone.loss("critic", other, batch, None).item() == pytest.approx(expected.item(), rel=1e-12)


def test_afterwards_half_of_the_refined_images_are_older_ones():
    simgan = game(buffer=6)
    modules, net, batch = bound(simgan, step=2)
    with torch.no_grad():
        simgan.players["history"].value.copy_(images(6, 7).x.double())
    _, net, _ = bound(simgan, step=2)
    chosen = Draw(4).permutation(6)[:3]
    old = entropy(modules["critic"](images(6, 7).x.double()[chosen]), True).sum()
    fresh = entropy(modules["critic"](modules["refiner"](batch.simulated.x)), True)
    expected = (old + (fresh * batch.simulated.weight)[3:].sum()) / 6
    expected = expected + entropy(modules["critic"](batch.real.x), False, batch.real.weight)
    assert simgan.loss("critic", net, batch, Draw(4)).item() == pytest.approx(expected.item(), rel=1e-12)


def train(weights=None, renormalise=False, steps=7, **arguments):
    data = {"simulated": images(10, 1, "s"), "real": images(8, 2, "r", labels=False)}
    return training.train(
        game(**arguments), data, steps=steps, batch_size=4, renormalise=renormalise, weights=weights,
        optimizers=training.Adam(lr=0.02, betas=(0.5, 0.9), eps=1e-2), dtype="float64", seed=3,
    )  # fmt: skip


def test_the_oldest_images_are_replaced_and_those_of_removed_examples_never_get_there():
    run = train(buffer=4, penalty=50.0, steps=5)
    held = run.trained().net().history()
    assert (held.flatten(1).abs().sum(1) > 0).all()
    without = train(torch.cat([torch.zeros(10), torch.ones(8)]).double(), buffer=4, steps=5)
    assert (without.trained().net().history() == 0).all()


@pytest.mark.parametrize(
    "arguments", [{"buffer": 4}, {"buffer": 6, "distance": "l1", "renormalise": True}, {"buffer": 0, "refinements": 1}],
    ids=["through the buffer", "l1, renormalised", "without a buffer"],
)  # fmt: skip
def test_scores_of_both_data_sets_are_those_of_retraining(arguments):
    simulated, held = images(10, 1, "s"), images(12, 9, "h")
    metric = metrics.downstream(
        lambda game, net, x: game.refine(net, x), lambda x: torch.tanh(x.flatten(1)[:, ::5]), simulated, held,
        slice(0, 10),
    )  # fmt: skip
    run = train(**arguments)
    scores = influence.itd(run, metric)
    rows = [0, 4, 9, 10, 13, 17]  # the first ten are simulated
    expected = []
    for row in rows:
        values = []
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(weights, **arguments)))
        expected.append((values[0] - values[1]) / 2e-4)
    expected = np.array(expected)
    assert min(np.abs(expected[:3]).max(), np.abs(expected[3:]).max()) > 1e-7, "both data sets have a say"
    for part in (slice(0, 3), slice(3, 6)):
        assert np.abs(scores.values[rows] - expected)[part].max() < 1e-5 * np.abs(expected[part]).max()


def test_it_shows_what_becomes_of_simulated_images():
    simgan = game()
    _, net, batch = bound(simgan)
    shown = simgan.show(net, {"simulated": batch.simulated.x, "real": batch.real.x})
    assert list(shown) == ["simulated", "refined", "real"]
    assert torch.equal(shown["refined"], simgan.refine(net, batch.simulated.x))


def test_other_data_are_refused():
    def refused(message, data, **arguments):
        with pytest.raises(TrainingError, match=message):
            training.train(game(**arguments), data, steps=2, batch_size=4, optimizers=training.SGD(lr=0.1))

    refused("simulated and real, not on simulated", {"simulated": images(8)})
    small = Examples.of(torch.rand(8, 1, 4, 4), name="small")
    refused(r"of shape \(1, 6, 6\), and real ones of \(1, 4, 4\)", {"simulated": images(8), "real": small})
    refused("the buffer holds 1 images, and half a batch", {"simulated": images(8), "real": images(8, 1)}, buffer=1)
    with pytest.raises(TrainingError, match="squared or l1, not 'l2'"):
        game(distance="l2")


def test_a_refiner_is_the_identity_before_training_whatever_the_seed():
    x = torch.randn(3, 1, 7, 9)
    for seed in range(2):
        torch.manual_seed(seed)
        refiner = Refiner(1, 4, 2)
        assert torch.equal(refiner(x), x)
    assert PatchCritic(1, 4)(x).shape == (3, 1, 2, 3)
