"""The audit of transfer: what it says of flows that keep content, lose it, or leave the data set to be told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.audit.judged import Judged, mean_share
from gansift.audit.probes import probe
from gansift.audit.typical import typicality
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout

SIDE = 8
NAMES = ("lying", "standing", "slant")


def images(count, seed, dark, thick) -> Examples:
    """Bars that lie, stand or slant; in the data set b white on black; of a share that is thick."""
    rng = np.random.default_rng(seed)
    labels, wide = rng.integers(3, size=count), rng.random(count) < thick
    x = 0.2 * rng.random((count, 1, SIDE, SIDE))
    for row, label in enumerate(labels.tolist()):
        place = int(rng.integers(SIDE - 1))
        for offset in range(2 if wide[row] else 1):
            where = {0: (place + offset, slice(None)), 1: (slice(None), place + offset),
                     2: (range(SIDE - offset), range(offset, SIDE))}[label]  # fmt: skip
            x[row, 0][where] = 0.9
    signed = 2 * x - 1
    return Examples.of(
        (-signed if dark else signed).astype(np.float32), name=f"i{seed}",
        label=[NAMES[one] for one in labels.tolist()], width=["thick" if one else "thin" for one in wide.tolist()],
    )  # fmt: skip


def splits(name, seed, dark, thick) -> Splits:
    return Splits(name, *(images(count, seed + part, dark, thick) for part, count in enumerate((40, 400, 200))))


@pytest.fixture(scope="module")
def data():
    return {"a": splits("a", 0, False, 0.53), "b": splits("b", 10, True, 0.47)}


class Moving(games.Game):
    """A flow that is a fixed function: what is white on black in one data set is black on white in the other."""

    def __init__(self, change=lambda x: x, content=lambda x, name: x.flatten(1), back=lambda x: x) -> None:
        self.change, self.made_content, self.back = change, content, back
        super().__init__(nothing=nn.Linear(1, 1))

    def nothing_loss(self, net, batch, draw):
        return net.nothing(batch.a.x.flatten(1)[:, :1]).mean()

    def represent(self, net, x):
        return x.flatten(1)

    def content(self, net, x, source):
        return self.made_content(x if source == "a" else -x, source)

    def render(self, net, v, target):
        x = v.unflatten(1, (1, SIDE, SIDE))
        return x if target == "a" else -x

    def transfer(self, net, x, source, target):
        x = self.back(x)
        return x if source == target else self.change(-x)

    def log_densities(self, net, x):
        """The brighter, the more likely in b."""
        light = x.flatten(1).mean(1)
        return torch.stack([-light, light], 1)


def subject(data, name="run", **functions):
    game = Moving(**functions)
    flat = {"nothing": Layout(game.players["nothing"]).flatten(game.players["nothing"])}
    return Subject(name, data, [games.Trained(game, flat), games.Trained(game, flat)])


def audited(one, **settings):
    return run_audit("transfer", one, **{"steps": 400} | settings)


@pytest.fixture(scope="module")
def kept(data):
    return audited(subject(data))


def test_a_flow_that_keeps_the_content_is_said_to(kept):
    assert (kept.finding, kept.badge) == (False, "content kept")
    for pair in ("a to b", "b to a"):
        content = kept.numbers[f"content, {pair}"]
        assert 0.9 < content.ci95[0] < content.value <= content.ci95[1]
        assert content.expected == pytest.approx(content.value, abs=0.05)


def test_the_data_set_is_told_from_the_latents_and_not_from_the_content(kept):
    for kind in ("linear", "network"):
        assert kept.numbers[f"probe of z, {kind}"].value > 0.95
        assert kept.numbers[f"probe of v, {kind}"].value < 0.65
        assert kept.numbers[f"probe of v, {kind}"].expected == 0.5


def test_the_share_of_the_attribute_stays_where_nothing_but_the_greys_is_transferred(kept, data):
    here, there = ((one.test.columns["width"].values == 0).double().mean().item() for one in data.values())
    value, shares = ("thick", (here, there)) if "thick, a to b" in kept.numbers else ("thin", (1 - here, 1 - there))
    assert [row[:2] for row in kept.tables[f"Share of {value}"].rows] == [("a", "b"), ("b", "a")]
    moved = kept.numbers[f"{value}, a to b"]
    assert (moved.value, moved.expected) == pytest.approx(shares, abs=0.08)
    assert f"The share of {value} is" in kept.verdict


def test_one_that_turns_bars_round_is_meaningless(data):
    answer = audited(subject(data, change=lambda x: x.transpose(2, 3)))
    assert (answer.finding, answer.badge) == (True, "content not kept")
    assert "meaningless here, for content is not kept" in answer.verdict
    slants = (data["a"].test.labels == NAMES.index("slant")).double().mean().item()
    assert answer.numbers["content, a to b"].value == pytest.approx(slants, abs=0.25)


def test_an_autoencoder_that_loses_the_content_is_named(data):
    answer = audited(subject(data, back=lambda x: x * 0 + x.mean((2, 3), keepdim=True)))
    assert (answer.finding, answer.badge) == (True, "autoencoder loses content")
    assert "--latent" in answer.verdict
    assert answer.numbers["reconstruction error, a"].value == pytest.approx(1.0, abs=0.1)


def test_a_data_set_that_is_told_from_v_is_said_to_be(data):
    answer = audited(subject(data, content=lambda x, name: x.flatten(1) + (name == "b")))
    assert (answer.finding, answer.badge) == (True, "data set told from v")
    assert answer.numbers["probe of v, linear"].value > 0.95


def test_without_labels_nothing_is_claimed(data):
    bare = {
        name: Splits(name, *(replace(part, columns={}) for part in (one.train, one.valid, one.test)))
        for name, one in data.items()
    }
    answer = audited(subject(bare))
    assert (answer.finding, answer.badge) == (None, "content unknown")
    assert set(answer.tables) == {"Typicality"}
    assert "reconstruction error, a" in answer.numbers


def test_content_is_in_rows_and_data_sets_are_in_columns(kept, data):
    gallery = kept.pictures["Transfers"]
    assert gallery.headings == ("example", "as a", "as b")
    x = data["b"].test.x[:6].numpy()
    np.testing.assert_allclose(gallery.x[6:], np.stack([x, -x, x], 1), rtol=1e-6)
    between = kept.pictures["From one content to another"]
    assert between.headings == ("as a", "as b")
    np.testing.assert_allclose(between.x[2, 0], between.x[[0, -1], 0].mean(0), atol=1e-6)
    np.testing.assert_allclose(between.x[:, 1], -between.x[:, 0], atol=1e-6)


def test_the_most_and_the_least_typical_examples_are_those_of_the_densities(kept, data):
    light = {name: one.test.x.flatten(1).mean(1) for name, one in data.items()}
    most, least = kept.pictures["Most typical of each data set"], kept.pictures["Least typical of each data set"]
    assert most.headings == least.headings == ("a", "b")
    for gallery, sign in ((most, 1), (least, -1)):
        for column, (name, own) in enumerate((("a", -1), ("b", 1))):
            order = (-sign * own * light[name]).argsort()[:6]
            np.testing.assert_allclose(gallery.x[:, column], data[name].test.x[order].numpy(), rtol=1e-6)


@pytest.mark.parametrize("own", range(3))
def test_typicality_is_that_of_brute_force(own):
    densities = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)) * 3 - 40
    for row, found in zip(densities.double().tolist(), typicality(densities, own), strict=True):
        others = sum(math.exp(one) for one in row) / 3
        assert found == pytest.approx(row[own] - math.log(others), rel=1e-9)


def test_a_probe_is_judged_on_examples_it_has_not_seen_and_over_all_seeds():
    rng = np.random.default_rng(0)

    def seed(apart, count):
        return {"a": rng.normal(size=(count, 2)), "b": rng.normal(size=(count, 2)) + apart}

    fitted, tested = [[seed(apart, count) for apart in (9.0, 0.0)] for count in (300, 400)]
    right = probe(fitted, tested, network=False)
    assert right.shape == (800,)
    assert set(right) <= {0.0, 0.5, 1.0}
    assert right.mean() == pytest.approx(0.75, abs=0.03)
    circles = [{"a": rng.normal(size=(300, 2)) * 0.2, "b": rng.normal(size=(300, 2)) * 3}] * 2
    assert (
        probe(circles[:1], circles[1:], network=True).mean()
        > 0.85
        > probe(circles[:1], circles[1:], network=False).mean()
    )


def test_values_that_no_validation_example_has_are_judged_wrong(data):
    odd = replace(data["a"].test, columns=Examples.of(data["a"].test.x, label=["heap"] * 200).columns)
    sets = {"a": Splits("a", data["a"].train, data["a"].valid, odd)}
    judged = Judged.of(sets, [{("a", "a"): odd.x}], "label", steps=10)
    assert judged.names == ("lying", "slant", "standing")
    assert judged.right("a").sum() == judged.right("a", "a").sum() == 0
    assert mean_share(judged.right("a")).ci95[0] == 0


def test_what_cannot_be_audited_is_refused(data):
    with pytest.raises(UsageError, match="is data alone"):
        audited(Subject("data", data))
    classifier = games.Classifier(nn.Linear(3, 2))
    flat = {"network": Layout(classifier.players["network"]).flatten(classifier.players["network"])}
    with pytest.raises(UsageError, match="run transfers none"):
        audited(Subject("run", data, [games.Trained(classifier, flat)]))
    with pytest.raises(
        UsageError, match="--content hair: no such column of categories in all data sets; there is label"
    ):
        audited(subject(data), content="hair")
    with pytest.raises(UsageError, match="--attribute hair"):
        audited(subject(data), attribute="hair")
