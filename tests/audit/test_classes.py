"""Samples of requested classes: those of another class are found, and those that are all alike, and no others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.audit.variety import Variety
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games import Draw
from gansift.games.parameters import Layout
from gansift.report import answer_text, read_answers, write_answer

NAMES = ("left", "right", "top")
CENTRES = torch.tensor([[-3.0, 0.0], [3.0, 0.0], [0.0, 4.0]])


def drawn(label, draw, spread=1.0):
    return CENTRES[label] + spread * draw.normal(len(label), 2).float()


class Maker(games.Game):
    """Makes what it is asked for, but for a share of "top" that becomes "left", and with its own spread."""

    def __init__(self, wrong=0.0, spread=1.0):
        super().__init__(generator=nn.Linear(1, 1))
        self.wrong, self.spread = wrong, spread

    def generator_loss(self, net, batch, draw): ...

    def sample(self, net, count, draw, label=None):
        label = (3 * draw.uniform(count)).long() if label is None else label
        mistaken = (label == 2) & (draw.uniform(count) < self.wrong)
        return drawn(torch.where(mistaken, 0, label), draw, self.spread)


def subject(*games_):
    parts = []
    for number in range(3):
        label = torch.arange(150) % 3
        x = drawn(label, Draw(number, "points"))
        parts.append(Examples.of(x, name=f"p{number}", label=[NAMES[row] for row in label]))
    players = [
        games.Trained(game, {"generator": Layout(game.players["generator"]).flatten(game.players["generator"])})
        for game in games_
    ]
    return Subject("points", {"points": Splits("points", *parts)}, players)


def audited(*games_, **settings):
    return run_audit("classes", subject(*games_), **{"samples": 600, "steps": 150} | settings)


@pytest.fixture(scope="module")
def honest():
    return audited(Maker(), Maker())


def test_samples_like_real_data_are_not_found(honest):
    assert honest.finding is False
    assert honest.numbers["agreement"].value == pytest.approx(honest.numbers["classifier_accuracy"].value, abs=0.03)
    assert honest.numbers["diversity"].ci95[0] < 1 < honest.numbers["diversity"].ci95[1]
    assert honest.numbers["intra_fid"].value == pytest.approx(honest.numbers["intra_fid"].expected, abs=0.3)


def test_samples_of_another_class_are_found_and_named():
    answer = audited(Maker(wrong=0.6))
    assert answer.finding is True
    assert answer.numbers["agreement"].value == pytest.approx(0.8, abs=0.06)
    assert answer.verdict.startswith("Only ")
    rows = {row[0]: row for row in answer.tables["By class"].rows}
    assert rows["top"][1] == pytest.approx(0.4, abs=0.12)
    assert rows["top"][2] == "left"
    assert rows["right"][1] > 0.9


def test_samples_that_are_all_alike_are_found_although_each_is_of_its_class():
    answer = audited(Maker(spread=0.02), same=0.05)
    assert answer.finding is True
    assert answer.numbers["agreement"].value > 0.97
    assert answer.numbers["duplicates"].value == 1
    assert answer.numbers["diversity"].value == pytest.approx(0.02, abs=0.005)
    assert answer.verdict.startswith("Too many samples are alike: 100.0 % are duplicates")


def test_the_answer_is_kept_and_shown_with_a_row_of_samples_for_each_class(honest, tmp_path):
    write_answer(tmp_path, honest)
    (again,) = read_answers(tmp_path)
    assert answer_text(again) == answer_text(honest)
    gallery = again.pictures["Samples by class"]
    assert gallery.captions == NAMES
    assert gallery.x.shape == (3, 6, 2)
    nearest = torch.cdist(torch.tensor(gallery.x[:, 1:]).mean(1), CENTRES).argmin(1)
    assert nearest.tolist() == [0, 1, 2]
    assert "100 samples of each class and of 2 training seeds" in again.shown[0]


def test_duplicates_and_diversity_are_those_of_pairs():
    samples = np.array([[0.0], [0.1], [2.0], [9.0]])
    real = np.array([[0.0], [1.0], [3.0]])
    variety = Variety.of(samples, real)
    assert variety.count == 3
    assert variety.diversity == pytest.approx(((0.1 + 2 + 1.9) / 3) / 2)
    assert variety.duplicates(0.2).tolist() == [True, True, False], "within 0.4, a fifth of the mean distance 2"
    assert not variety.real_duplicates(0.2).any()
    many = Variety.of(*(np.random.default_rng(seed).normal(size=(60, 3)) * (1 + seed) for seed in (0, 1)))
    again = many.resampled(np.random.default_rng(0), 500)
    assert np.mean(again) == pytest.approx(many.diversity, rel=0.02)
    assert 0.02 < np.std(again) < 0.1


def test_runs_that_cannot_be_asked_and_too_few_examples_are_refused():
    class Plain(Maker):
        def sample(self, net, count, draw):
            return draw.normal(count, 2)

    with pytest.raises(UsageError, match=r"such as --game acgan, or your own whose sample has a parameter `label`"):
        audited(Plain())
    with pytest.raises(UsageError, match=r"there are 50 and 9\. Hold more data out"):
        audited(Maker(), samples=27)
    with pytest.raises(UsageError, match="such as --game acgan"):
        audited()
