from functools import cache

import numpy as np
import pytest
import torch

from gansift import games, training
from gansift.games.draw import Draw
from gansift.influence.baselines.most_copied import most_copied, nearness
from gansift.metrics import ALL
from toys import Critic, Perceptron, examples

COPIED = [3, 8]


class Copier(games.GAN):
    """Once trained, it emits two of the examples by turns, with a little noise; every third is like none of them."""

    originals = None

    def sample(self, net, count, draw):
        if self.originals is None:
            return super().sample(net, count, draw)
        rows = torch.arange(count) % 3
        copies = self.originals[COPIED[0] * (rows == 0) + COPIED[1] * (rows == 1)].to(draw.dtype)
        fresh = 1.5 * draw.normal(count, 2) + 0.5
        return torch.where((rows == 2)[:, None], fresh, copies + 1e-3 * draw.normal(count, 2))


@cache
def trained(weights=None):
    data = examples(40, seed=5)
    game = Copier(Perceptron(2, 2), Critic(2))
    run = training.train(
        game, data, steps=2, batch_size=4, optimizers=training.SGD(lr=0.01), dtype="float64", weights=weights
    )
    run.step.game.originals = data.x  # a run has a copy of its game
    return run


METRIC = ALL(examples(10, seed=3), latents=60)


def test_copied_examples_come_first_and_most_others_have_no_score():
    scores = most_copied(trained(), METRIC)
    assert set(scores.harmful(2).ids) == {trained().ids[row] for row in COPIED}
    harm = np.sort(scores.harm)[::-1]
    assert harm[1] > 10 * harm[2]
    assert (scores.harm == 0).sum() > 20


def test_scores_are_sums_over_the_samples_of_what_exceeds_chance():
    run = trained()
    x = run.step.x[next(iter(run.step.x))].double().numpy()
    samples = run.trained().sample(60, Draw(0, "nearest samples", dtype=torch.float64)).numpy()

    def near(points, skip):
        apart = np.linalg.norm(points[:, None] - x[None], axis=2)
        order = np.argsort(apart, axis=1)[:, skip : 10 + skip]
        found = np.take_along_axis(apart, order, axis=1)
        return order[:, 0], np.log(np.minimum(found.mean(axis=1) / found[:, 0], 1e3))

    least = np.quantile(near(x, 1)[1], 0.95)
    expected = np.zeros(len(x))
    for row, value in zip(*near(samples, 0), strict=True):
        expected[row] += max(0, value - least)
    np.testing.assert_allclose(most_copied(run, METRIC).harm, expected - expected.min(), rtol=1e-9)


def test_an_exact_copy_counts_and_an_example_that_is_there_twice_is_overlooked():
    rows, near = nearness(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    assert rows.tolist() == [0]
    assert near.item() == pytest.approx(np.log(1e3))
    assert nearness(torch.zeros(1, 2), torch.zeros(3, 2))[1].item() == 0


def test_an_example_that_was_left_out_has_no_score_and_takes_none_from_others():
    weights = tuple(0.0 if row == COPIED[0] else 1.0 for row in range(40))
    scores = most_copied(trained(weights), METRIC)
    assert scores.values[COPIED[0]] == 0
    assert scores.harmful(1).ids[0] == trained().ids[COPIED[1]]


def test_scores_are_noted_down_like_those_of_any_estimator():
    scores = most_copied(trained(), METRIC, 1)
    assert (scores.estimator, scores.metric, scores.direction, scores.horizon) == (
        "most-copied", METRIC.name, "higher", 1,
    )  # fmt: skip
    assert scores.ids == trained().ids
