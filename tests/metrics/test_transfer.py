"""How far shares move in a transfer: counted by hand, by differences, and judged by classifiers of all data sets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gansift import games, metrics
from gansift.data import Examples
from gansift.errors import UsageError
from gansift.games.parameters import Layout


class Shifted(games.Game):
    """Examples of b are those of a with a number added."""

    def line_loss(self, net, batch, draw):
        return games.weighted_mean(net.line(batch.a.x).squeeze(1), batch.a.weight)

    def reconstruct(self, net, x):
        return net.line(x)

    def transfer(self, net, x, source, target):
        return net.line(x) + {"b": 0.7, "c": -0.4}[target] * net.line(x).square()


@pytest.fixture
def trained():
    torch.manual_seed(0)
    game = Shifted(line=nn.Linear(2, 2))
    return games.Trained(game, {"line": Layout(game.players["line"]).flatten(game.players["line"]).double()})


def points(count=30, seed=1, **columns):
    return Examples.of(torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)), name="x", **columns)


def judge(values):
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(2, values), nn.Tanh()).double().requires_grad_(False)


@pytest.mark.parametrize("values", [2, 3])
def test_values_are_those_counted_by_hand(trained, values):
    made, held = judge(values), points()
    metric = metrics.transfer(held, made, "a", "c")
    net, x = trained.net(), held.x.double()
    before, after = (
        made(x).softmax(1) for x in (trained.game.reconstruct(net, x), trained.game.transfer(net, x, "a", "c"))
    )
    moved = [sum(float(after[row, value] - before[row, value]) for row in range(30)) / 30 for value in range(values)]
    assert metric.value(trained) == pytest.approx(sum(map(abs, moved)) / 2, rel=1e-9)
    if values == 2:
        assert metric.value(trained) == pytest.approx(abs(moved[0]), rel=1e-9)
    counts = [sum(int(one.argmax()) == value for one in rows) for rows in (before, after) for value in range(values)]
    shift = sum(abs(one - other) for one, other in zip(counts[:values], counts[values:], strict=True)) / 60
    assert metric.reported.value(trained) == pytest.approx(shift, rel=1e-9)


def test_gradients_are_those_of_differences(trained):
    metric = metrics.transfer(points(), judge(3), "a", "b")
    (gradient,) = metric.gradient(trained).values()
    flat = trained.parameters["line"]
    assert gradient.abs().max() > 1e-3
    for row in range(len(flat)):
        values = []
        for change in (1e-5, -1e-5):
            moved = flat.clone()
            moved[row] += change
            values.append(metric.value(games.Trained(trained.game, {"line": moved})))
        assert gradient[row].item() == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)


def test_a_judge_numbers_values_by_their_names_whatever_the_order_in_a_data_set():
    one = points(40, 3, hair=["dark", "fair"] * 20, label=["p", "q"] * 20)
    other = points(30, 4, hair=["fair", "red", "grey"] * 10)
    made, together = metrics.judge_of([one, other], "hair", steps=5)
    assert together.class_names == ("dark", "fair", "grey", "red")
    assert made.classes == 4
    assert [together.class_names[value] for value in together.labels] == ["dark", "fair"] * 20 + [
        "fair",
        "red",
        "grey",
    ] * 10
    torch.testing.assert_close(together.x, torch.cat([one.x, other.x]))


def test_a_judge_tells_what_it_was_fitted_to():
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    parts = [
        Examples.of(x[rows], side=["left" if one[0] < 0 else "right" for one in x[rows]])
        for rows in (slice(0, 150), slice(150, 300))
    ]
    made, together = metrics.judge_of(parts, "side", steps=200)
    assert (made.logits(together.x).argmax(1) == together.labels).double().mean() > 0.95


def test_a_data_set_without_the_attribute_is_refused():
    with pytest.raises(UsageError, match="no column 'hair' of categories in every data set: one has label"):
        metrics.judge_of([points(12, hair=["p", "q"] * 6), points(12, label=["p", "q"] * 6)], "hair")
