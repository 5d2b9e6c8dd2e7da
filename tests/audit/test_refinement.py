"""The audit of refinement: what it says of refiners that do nothing, lose labels or help, and how it compares runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout

SIDE = 8


def images(count, seed, real) -> Examples:
    """Bars that lie, stand or slant, with noise; the other way round in the real world."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    x = 0.3 * rng.random((count, 1, SIDE, SIDE))
    for row, label in enumerate(labels):
        place = rng.integers(SIDE)
        x[row, 0][{0: (place, slice(None)), 1: (slice(None), place), 2: (range(SIDE), range(SIDE))}[int(label)]] = 0.9
    x = 1 - x if real else x
    names = ["lying", "standing", "slant"]
    return Examples.of(x.astype(np.float32), name=f"i{seed}", label=[names[one] for one in labels.tolist()])


def splits(seed, real) -> Splits:
    return Splits("bars", *(images(count, seed + part, real) for part, count in enumerate((120, 120, 150))))


class Refining(games.Game):
    """A refiner that is a fixed function."""

    def __init__(self, function, penalty=1.0) -> None:
        self.function, self.penalty = function, penalty
        super().__init__(nothing=nn.Linear(1, 1))

    def nothing_loss(self, net, batch, draw):
        return net.nothing(batch.simulated.x.flatten(1)[:, :1]).mean()

    def refine(self, net, x):
        return self.function(x)


@pytest.fixture(scope="module")
def data():
    return {"simulated": splits(0, real=False), "real": splits(10, real=True)}


def run(data, function, name="run", **more):
    game = Refining(function, **more)
    flat = {"nothing": Layout(game.players["nothing"]).flatten(game.players["nothing"])}
    return Subject(name, data, [games.Trained(game, flat)])


def audited(*subjects, **settings):
    return run_audit("refinement", *subjects, **{"rounds": 3, "steps": 150} | settings)


def test_a_refiner_that_does_nothing_is_said_to():
    data = {"simulated": splits(0, real=False), "real": splits(10, real=False)}
    answer = audited(run(data, lambda x: x + 0.001))
    assert (answer.finding, answer.badge) == (True, "nothing changes")
    assert answer.numbers["change"].value == pytest.approx(0.0005, rel=1e-3)
    assert "gradients" not in answer.numbers


def test_one_that_makes_simulated_images_real_helps(data):
    answer = audited(run(data, lambda x: -x))
    assert (answer.finding, answer.badge) == (False, "refining helps")
    assert answer.numbers["accuracy_refined"].value > 0.9
    assert answer.numbers["gain"].ci95[0] > 0
    x = data["simulated"].test.x
    assert answer.numbers["change"].value == pytest.approx(x.abs().mean().item(), rel=1e-4)
    np.testing.assert_allclose(answer.pictures["Simulated and refined"].x[:, 1], -x[:12].numpy(), rtol=1e-6)


def test_one_that_turns_images_into_others_has_moved_labels():
    same = {"simulated": splits(0, real=False), "real": splits(10, real=False)}
    answer = audited(run(same, lambda x: x.transpose(2, 3)))  # what lay stands now
    assert (answer.finding, answer.badge) == (True, "labels moved")
    assert answer.numbers["gain"].ci95[1] < 0


def test_the_best_of_several_runs_is_told_by_validation_images(data):
    answer = audited(run(data, lambda x: x * 0.9, "weak", penalty=40.0), run(data, lambda x: -x, "strong"))
    rows = answer.tables["Runs"].rows
    assert [row[:2] for row in rows] == [("simulated images", None), ("weak", 40.0), ("strong", 1.0)]
    assert rows[2][4] > rows[1][4]
    assert "Of all, strong does best on 120 real validation images" in answer.verdict


def test_a_penalty_is_chosen_by_validation_images_and_what_that_gains_is_told_by_test_images(data):
    asked = []

    def variants(changes, count):
        asked.append((changes["penalty"], count))
        sign = {0.5: -1, 3.0: 1}.get(changes["penalty"])
        if sign is None:
            return [None] * count
        return run(data, lambda x: sign * x, penalty=changes["penalty"]).players * count

    subject = replace(run(data, lambda x: x * 0.9, penalty=40.0), variants=variants)
    answer = audited(subject, penalties="0.5,3,40,7")
    assert asked == [(0.5, 1), (3.0, 1), (7.0, 1)]  # 40 is the run itself
    rows = answer.tables["Runs"].rows
    assert [row[:2] for row in rows[1:]] == [("run", 40.0), ("penalty 0.5", 0.5), ("penalty 3", 3.0)]
    assert "Of all, penalty 0.5 does best on 120 real validation images" in answer.verdict
    assert answer.shown[-1].startswith("The training of penalty 7 broke down")
    # Where test images are of the simulated world, what validation images choose is shown to lose.
    other = {**data, "real": replace(data["real"], test=splits(30, real=False).test)}
    subject = replace(run(other, lambda x: x * 0.9, penalty=40.0), variants=variants)
    answer = audited(subject, penalties="0.5")
    assert "Of all, penalty 0.5 does best" in answer.verdict
    assert "that gains -" in answer.verdict


def test_penalties_need_numbers_and_a_game_that_has_one_and_can_be_trained_anew(data):
    for text in ("few", "-1", "1,,2", "inf"):
        with pytest.raises(UsageError, match="--penalties must be numbers from 0"):
            audited(run(data, lambda x: x), penalties=text)
    with pytest.raises(UsageError, match="--penalties: the game of run has no penalty"):
        audited(run(data, lambda x: x), penalties="1")


def test_the_gradients_of_the_games_own_terms_are_compared(data):
    torch.manual_seed(0)

    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.off = nn.Parameter(torch.tensor(0.5))

        def forward(self, x):
            return x + self.off

    critic = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 1))
    game = games.SimGAN(Line(), critic, penalty=3.0)
    flat = {name: Layout(module).flatten(module) for name, module in game.players.items()}
    found = audited(Subject("run", data, [games.Trained(game, flat)])).numbers["gradients"].value
    x = data["simulated"].train.x
    off = game.players["refiner"].off
    told = torch.nn.functional.softplus(critic(x + off)).mean()
    expected = torch.autograd.grad(told, off)[0].abs() / (3.0 * 2 * 0.5)
    assert found == pytest.approx(expected.item(), rel=1e-4)
    free = games.SimGAN(Line(), critic, penalty=0.0)
    assert "gradients" not in audited(Subject("run", data, [games.Trained(free, flat)])).numbers


def test_what_cannot_be_compared_is_refused(data):
    with pytest.raises(UsageError, match="is data alone"):
        audited(Subject("data", data))
    classifier = games.Classifier(nn.Linear(3, 2))
    flat = {"network": Layout(classifier.players["network"]).flatten(classifier.players["network"])}
    with pytest.raises(UsageError, match="and run refines none"):
        audited(Subject("run", data, [games.Trained(classifier, flat)]))
    other = {"simulated": data["simulated"], "real": splits(20, real=True)}
    with pytest.raises(UsageError, match="second is a run on other data"):
        audited(run(data, lambda x: x), run(other, lambda x: x, "second"))
    bare = replace(data["real"], test=replace(data["real"].test, columns={}))
    with pytest.raises(UsageError, match="no labels of held-out real images"):
        audited(run({**data, "real": bare}, lambda x: x))
