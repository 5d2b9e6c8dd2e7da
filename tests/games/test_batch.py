"""What a loss sees of the data: named batches, the only one also directly, and means that weights govern."""

from __future__ import annotations

import pytest
import torch
from torch.func import grad, vmap

from gansift import games
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches, check_names, group_mean, weighted_mean
from gansift.games.draw import Draw
from gansift.training import SGD, train
from gansift.training.step import Step
from gansift.training.train import settings_for
from toys import Critic, Perceptron, examples


def _batch(count=4, step=3):
    return Batch(torch.arange(count * 2.0).view(count, 2), torch.linspace(0, 1, count), None, step)


def test_the_only_data_set_is_reached_by_its_name_and_directly():
    own = _batch()
    batch = Batches({"photos": own})
    assert batch.photos is own
    assert batch["photos"] is own
    assert batch.x is own.x
    assert batch.weight is own.weight
    assert batch.rows.tolist() == [0, 1, 2, 3]
    assert (len(batch), batch.step, list(batch)) == (4, 3, ["photos"])


def test_several_data_sets_share_steps_and_turns_but_nothing_else():
    batch = Batches({"source": _batch(4), "target": _batch(2)})
    assert (batch.step, batch.steps, batch.turn, len(batch.target)) == (3, 1, 0, 2)
    with pytest.raises(AttributeError, match=r"batch\.x is of no data set: there are source, target.*batch\.source\.x"):
        batch.x  # noqa: B018
    with pytest.raises(TypeError, match="len"):
        len(batch)
    with pytest.raises(AttributeError, match="no data set 'sauce'; there are source, target"):
        batch.sauce  # noqa: B018


@pytest.mark.parametrize("name", ["values", "items", "keys", "get", "pop", "held-out"])
def test_a_data_set_may_be_called_like_a_method_of_a_dictionary(name):
    assert len(Batches({name: _batch(), "other": _batch(2)})[name]) == 4
    check_names({name: None})


@pytest.mark.parametrize("name", ["x", "weight", "rows", "steps", "raw_weight", "columns", "__len__", "_sets"])
def test_a_data_set_that_a_loss_could_not_name_is_refused_before_training(name):
    game = games.GAN(Perceptron(2, 2), Critic(2))
    with pytest.raises(TrainingError, match=f"cannot be called '{name}'"):
        train(game, {name: examples()}, steps=2, batch_size=4, optimizers=SGD(lr=0.1))


class Seen(games.Game):
    """Notes what its loss is given."""

    def __init__(self):
        super().__init__(critic=Critic(2), schedule=[("critic", 2)])
        self.seen = []

    def critic_loss(self, net, batch, draw):
        self.seen.append(batch)
        return weighted_mean(net.critic(batch.real.x), batch.real.weight)


def _seen(renormalise, shard=None):
    data = {"real": examples(8, name="real"), "made": examples(6, name="made")}
    settings = settings_for(
        Seen(), data, steps=5, batch_size={"real": 4, "made": 2}, optimizers=SGD(lr=0.1), ema=0.0, seed=0,
        renormalise=renormalise, dtype="float64", device="cpu",
    )  # fmt: skip
    step = Step(Seen(), data, settings)
    weights = torch.linspace(0.25, 2, 14, dtype=torch.float64)
    step(step.initial(), 3, weights)
    return step, weights


@pytest.mark.parametrize("renormalise", [False, True])
def test_a_batch_says_which_rows_and_weights_it_has_and_when_it_is_used(renormalise):
    step, weights = _seen(renormalise)
    for turn, batch in enumerate(step.game.seen):
        assert (batch.step, batch.steps, batch.turn) == (3, 5, turn)
        for name in ("real", "made"):
            own = batch[name]
            assert torch.equal(own.rows, step.rows(3, turn)[name])
            assert torch.equal(own.x, step.x[name][own.rows])
            assert torch.equal(own.raw_weight, weights[step.offsets[name] + own.rows])
            factor = len(own) / own.raw_weight.sum() if renormalise else 1
            assert torch.equal(own.weight, own.raw_weight * factor)


class Groups(games.Game):
    """A loss with means over two groups, told apart by the sign of the first number."""

    def __init__(self):
        super().__init__(critic=Critic(2))

    def critic_loss(self, net, batch, draw):
        values = net.critic(batch.x)
        first = group_mean(values, batch.weight, batch.x[:, 0] > 0.5)
        return first - group_mean(values, batch.weight, batch.x[:, 0] <= 0.5) + values.square().mul(batch.weight).mean()


def _values(count=7):
    draw = Draw(0, "group", dtype=torch.float64)
    return draw.normal(count), draw.uniform(count) + 0.2, draw.uniform(count) < 0.5


def test_a_group_mean_is_that_of_its_members_alone():
    values, weight, member = _values()
    expected = sum(w * v for w, v, m in zip(weight, values, member, strict=True) if m) / weight[member].sum()
    torch.testing.assert_close(group_mean(values, weight, member), expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(group_mean(values, 3 * weight, member.double()), expected, rtol=1e-14, atol=0)


def test_derivatives_of_a_group_mean_are_those_of_finite_differences():
    values, weight, member = _values()
    assert torch.autograd.gradcheck(
        lambda v, w: group_mean(v, w, member), (values.requires_grad_(), weight.requires_grad_())
    )


def test_an_empty_group_has_the_mean_0_and_no_derivative():
    values, weight, member = _values()
    nobody = torch.zeros_like(member)
    for w, m in ((weight, nobody), (weight * ~member, member)):
        value, slopes = group_mean(values, w, m), grad(group_mean, argnums=(0, 1))(values, w, m)
        assert float(value) == 0
        assert all(bool((slope == 0).all()) for slope in slopes)


def test_group_means_of_many_weights_are_those_of_each():
    values, weight, member = _values()
    weights = torch.stack([weight, weight * member, weight * ~member])
    together = vmap(group_mean, in_dims=(None, 0, None))(values, weights, member)
    torch.testing.assert_close(together, torch.stack([group_mean(values, w, member) for w in weights]))


def test_group_means_need_one_value_per_example():
    with pytest.raises(ValueError, match=r"members \(2,\)"):
        group_mean(torch.ones(3), torch.ones(3), torch.ones(2))


def test_a_loss_with_group_means_is_refused_in_parts_with_what_to_do():
    arguments = {"steps": 2, "batch_size": 8, "optimizers": SGD(lr=0.1)}
    train(Groups(), examples(16), **arguments)
    with pytest.raises(TrainingError, match=r"group_mean.*micro_batches=1"):
        train(Groups(), examples(16), micro_batches=2, **arguments)
