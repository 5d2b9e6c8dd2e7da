"""Parameters that a loss does not reach, or that it takes from elsewhere than `net`, are named before training."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from gansift import games, models, training
from gansift.errors import TrainingError
from gansift.games.batch import weighted_mean
from gansift.influence.doctor import examine
from toys import Critic, Perceptron, examples, gan

SGD = training.SGD(lr=0.01)


def _train(game, **arguments):
    return training.train(game, examples(), **{"steps": 4, "batch_size": 4, "optimizers": SGD} | arguments)


def _warnings(game, caplog):
    with caplog.at_level(logging.WARNING, logger="gansift"):
        _train(game)
    return [record.getMessage() for record in caplog.records]


class Lazy(nn.Module):
    """As a flow of zuko: it returns a distribution that calls the network only when it is asked."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(2, 2)
        self.hyper = Perceptron(2, 2, width=16)

    def forward(self, x):
        context = self.embedding(x)
        return lambda y: -(y - self.hyper(context)).square().sum(1)

    def log_prob(self, x, y):
        return self.forward(x)(y)


class Likelihood(games.Game):
    """A flow of one's own, asked for the likelihood of each example."""

    stackable = True

    def __init__(self, lazily=True):
        super().__init__(flow=Lazy())
        self.lazily = lazily

    def flow_loss(self, net, batch, draw):
        likelihood = net.flow(batch.x)(batch.x) if self.lazily else net.flow.log_prob(batch.x, batch.x)
        return -weighted_mean(likelihood, batch.weight)


def test_a_lazy_flow_is_refused_with_the_names_of_what_would_not_be_trained():
    with pytest.raises(TrainingError, match=r"82 of 88 parameters of 'flow'.*hyper.first.weight.*log_prob"):
        _train(Likelihood())
    fault = examine(Likelihood(), examples(), batch_size=4, optimizers=SGD, quick=True)[0]
    assert (fault.check, fault.verdict) == ("training", "fault")
    assert "82 of 88 parameters" in fault.message


def test_a_flow_that_is_asked_by_its_own_method_trains_whole(caplog):
    game = Likelihood(lazily=False)
    assert _warnings(game, caplog) == []
    run = _train(game)
    moved = run.state(4)["flow"]["parameters"] != run.state(0)["flow"]["parameters"]
    assert moved.all()


class Conditional(nn.Module):
    """A flow of zuko behind an embedding: the distribution that it returns calls the flow lazily."""

    def __init__(self, zuko):
        super().__init__()
        self.embedding = nn.Linear(2, 2)
        self.flow = zuko.flows.NSF(features=2, context=2, transforms=1, hidden_features=(8,))

    def forward(self, context):
        return self.flow(self.embedding(context))

    def log_prob(self, x, context):
        return self.forward(context).log_prob(x)


class OfZuko(games.Game):
    def __init__(self, zuko, lazily):
        super().__init__(flow=Conditional(zuko))
        self.lazily = lazily

    def flow_loss(self, net, batch, draw):
        context = batch.x.flip(1)
        likelihood = net.flow(context).log_prob(batch.x) if self.lazily else net.flow.log_prob(batch.x, context)
        return -weighted_mean(likelihood, batch.weight)


def test_a_flow_of_zuko_trains_by_a_method_and_is_refused_where_it_is_lazy(caplog):
    zuko = pytest.importorskip("zuko")
    with pytest.raises(TrainingError, match=r"parameters of 'flow' otherwise than through net.*flow\.transform"):
        _train(OfZuko(zuko, lazily=True))
    assert _warnings(OfZuko(zuko, lazily=False), caplog) == []


OUTSIDE = Critic(2)


class Kept(games.GAN):
    """Losses that use a network which they have kept, in one of several ways."""

    def __init__(self, how):
        super().__init__(Perceptron(2, 2), Critic(2) if how != "global" else OUTSIDE)
        self.critic, self.how = self.players["discriminator"], how

    def generator_loss(self, net, batch, draw):
        fake = self.sample(net, len(batch), draw)
        if self.how == "global":
            return OUTSIDE(fake).mean()
        if self.how == "weight":
            return (fake @ self.critic.first.weight.mT).square().mean()
        if self.how == "no_grad":
            with torch.no_grad():
                return self.critic(self.sample(net, 3, draw)).mean() + 0 * fake.mean()
        return self.critic(fake).mean()


@pytest.mark.parametrize("how", ["attribute", "global", "weight", "no_grad"])
def test_a_network_that_is_used_outside_net_is_refused_by_name(how):
    game = Kept(how)
    before = [(value.data_ptr(), value.clone()) for value in game.critic.parameters()]
    with pytest.raises(TrainingError, match=r"generator's loss uses .* of 'discriminator' otherwise than through net"):
        _train(game)
    for (place, old), value in zip(before, game.critic.parameters(), strict=True):
        assert (value.data_ptr(), value.tolist()) == (place, old.tolist())
    messages = [found.message for found in examine(game, examples(), batch_size=4, optimizers=SGD, quick=True)]
    assert any("otherwise than through net" in message for message in messages)


class Spare(games.GAN):
    """Its discriminator has a head that only some steps use, or none."""

    def __init__(self, every):
        critic = Critic(2)
        critic.spare = nn.Linear(2, 1)
        super().__init__(Perceptron(2, 2), critic)
        self.every = every

    def discriminator_loss(self, net, batch, draw):
        loss = super().discriminator_loss(net, batch, draw)
        if self.every and batch.step % self.every == self.every - 1:
            loss = loss + weighted_mean(net.discriminator.spare(batch.x).squeeze(1), batch.weight)
        return loss


def test_parameters_that_no_loss_reaches_are_named_and_stay(caplog):
    assert _warnings(Spare(0), caplog) == [
        "the discriminator's loss reaches 13 of 16 parameters; it was tried in several steps. The others stay what "
        "they are: spare.weight, spare.bias"
    ]
    finding = examine(Spare(0), examples(), batch_size=4, optimizers=SGD, quick=True)[0]
    assert (finding.check, finding.verdict) == ("training", "warning")
    assert "spare.weight" in finding.message


def test_parameters_that_are_reached_in_a_later_step_only_are_not_warned_of(caplog):
    assert _warnings(Spare(2), caplog) == []


@pytest.mark.parametrize(
    "game",
    [
        lambda: gan(r1=0.3, r1_interval=3),
        lambda: gan(loss="wasserstein", gradient_penalty=1.0, schedule="5:1"),
        lambda: games.GAN(models.lora.Adapted(Perceptron(2, 2), 1), models.lora.Adapted(Critic(2), 1), latent=2),
    ],
)
def test_penalties_of_some_steps_and_adapters_that_start_from_zero_are_reached(game, caplog):
    assert _warnings(game(), caplog) == []


class Constant(games.Game):
    def __init__(self):
        super().__init__(critic=Critic(2))

    def critic_loss(self, net, batch, draw):
        return weighted_mean(net.critic(batch.x).detach(), batch.weight)


def test_a_player_none_of_whose_parameters_is_reached_is_refused():
    with pytest.raises(TrainingError, match="critic's loss reaches none of the player's 13 parameters"):
        _train(Constant())


def test_players_that_share_a_parameter_are_refused_by_name():
    generator, critic = Perceptron(2, 2), Critic(2)
    critic.first = generator.first
    with pytest.raises(TrainingError, match=r"'generator' and 'discriminator' share .* discriminator\.first\.weight"):
        _train(games.GAN(generator, critic))
    generator.first.requires_grad_(False)  # what is frozen may be shared
    _train(games.GAN(generator, critic))
