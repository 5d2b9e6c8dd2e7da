"""Tiny games, data and metrics in float64 that several tests share, and an independent unrolled training loop."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from gansift import games
from gansift.data.columns import Column
from gansift.data.examples import Examples
from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.parameters import Layout, Net


def examples(count: int = 12, dim: int = 2, seed: int = 0, name: str = "x") -> Examples:
    x = Draw(seed, "toy", name).normal(count, dim) * 1.5 + 0.5
    ids = tuple(f"{name}/{row:03d}" for row in range(count))
    return Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def labelled(part: Examples) -> Examples:
    """The same examples in classes a, b and c by turns."""
    classes = Column(torch.arange(len(part)) % 3, ("a", "b", "c"))
    return replace(part, columns={**part.columns, "label": classes})


class KilledError(Exception):
    """What stands for a kill in the middle of training."""


def kill_at(step: int):
    """Progress that kills training once it has come so far."""

    def progress(number, losses):
        if number == step:
            raise KilledError

    return progress


class Perceptron(nn.Module):
    """A small smooth network with an initialisation of its own."""

    def __init__(self, inputs: int, outputs: int, width: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, outputs)
        self.latent = inputs

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x)))

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5)


class Critic(Perceptron):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(1)


def gan(**arguments) -> games.GAN:
    return games.GAN(Perceptron(2, 2), Critic(2), **arguments)


class Told(Perceptron):
    """A generator whose class, 0, 1 or 2, is an input like the others."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.latent = 2

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return super().forward(torch.cat([z, label[:, None].to(z.dtype) - 1], 1))


def acgan(kind=games.ACGAN, **arguments) -> games.ProjectionGAN:
    """A game that is told three classes, which come as often as `SHARES` says."""
    return kind(Told(), Perceptron(2, 1 + len(SHARES)), SHARES, **arguments)


SHARES = (0.5, 0.3, 0.2)


class ThreePlayers(games.Game):
    """A refiner-like game: two data sets, three players, unequal update counts, a coefficient that grows."""

    averaged = ("refiner", "encoder")
    stackable = True

    def __init__(self) -> None:
        super().__init__(
            schedule=[("critic", 2), (("refiner", "encoder"), 1), ("encoder", 2)],
            refiner=Perceptron(2, 2),
            critic=Critic(2),
            encoder=Perceptron(2, 1),
        )

    def critic_loss(self, net, batch, draw):
        fake = net.refiner(batch.simulated.x + 0.1 * draw.normal(len(batch.simulated), 2))
        real = torch.nn.functional.softplus(-net.critic(batch.real.x))
        return weighted_mean(real, batch.real.weight) + weighted_mean(
            torch.nn.functional.softplus(net.critic(fake)), batch.simulated.weight
        )

    def refiner_loss(self, net, batch, draw):
        fake = net.refiner(batch.simulated.x)
        stay = (fake - batch.simulated.x).square().sum(1)
        pull = torch.nn.functional.softplus(-net.critic(fake)) + net.encoder(fake).squeeze(1).tanh()
        return weighted_mean(pull + 0.01 * batch.simulated.step * stay, batch.simulated.weight)

    def encoder_loss(self, net, batch, draw):
        error = (net.encoder(net.refiner(batch.simulated.x)).squeeze(1) - batch.simulated.x[:, 0]).square()
        return weighted_mean(error, batch.simulated.weight) + 0.1 * weighted_mean(
            net.encoder(batch.real.x).squeeze(1).square(), batch.real.weight
        )

    def sample(self, net, count, draw):
        fake = net.refiner(draw.normal(count, 2))
        return fake + net.encoder(fake)


class MeanWave:
    """A smooth metric of samples: the mean of sin(frequency x) + x^2 / 4, differentiated by autograd."""

    name = "wave"
    direction = "lower"

    def __init__(self, frequency: float = 1.0) -> None:
        self.frequency = frequency

    def _of(self, trained, parameters) -> Tensor:
        samples = trained.sample(16, Draw(99, "wave", dtype=trained.dtype), parameters)
        return ((self.frequency * samples).sin() + samples.square() / 4).mean()

    def value(self, source) -> float:
        trained = source if isinstance(source, games.Trained) else source.trained()
        return float(self._of(trained, trained.parameters).detach())

    def gradient(self, source) -> dict[str, Tensor]:
        trained = source if isinstance(source, games.Trained) else source.trained()
        leaves = {name: value.clone().requires_grad_() for name, value in trained.parameters.items()}
        found = torch.autograd.grad(
            self._of(trained, leaves), list(leaves.values()), allow_unused=True, materialize_grads=True
        )
        return dict(zip(leaves, found, strict=True))


def unrolled(run, metric, optimizer, start: int = 0) -> Tensor:
    """d metric / d weight of every example through a fully unrolled run, by autograd alone.

    Nothing of the adjoint is used: the graph of the whole run from step ``start`` is kept, with an optimizer written
    out here (`optimizer(parameters, slots, gradient, count)`, slots a list of two tensors).
    """
    step, settings = run.step, run.step.settings
    game = step.game
    layouts = {name: Layout(module) for name, module in game.players.items()}
    weights = run.weights.clone().requires_grad_()
    state = run.state(start)
    parameters = {name: slots["parameters"].clone() for name, slots in state.items()}
    own = {
        name: [value for slot, value in slots.items() if slot not in ("parameters", "average")]
        for name, slots in state.items()
    }
    averages = {name: slots["average"] for name, slots in state.items() if "average" in slots}
    per_step = {name: sum(n for names, n in game.schedule if name in names) for name in game.players}
    for number in range(start, settings.steps):
        turns = dict.fromkeys(game.players, 0)
        for names, times in game.schedule:
            for _ in range(times):
                moved = {}
                for name in names:
                    turn = turns[name]
                    batches = {}
                    for data, index in step.rows(number, turn).items():
                        weight = weights[step.offsets[data] + index]
                        if settings.renormalise:
                            weight = weight / weight.sum() * len(index)
                        label = None if step.labels[data] is None else step.labels[data][index]
                        batches[data] = Batch(step.x[data][index], weight, label, number)
                    batch = Batches(batches)
                    # The loss sees an alias of the player's parameters: paths through other players' updates of this
                    # step do not belong to its gradient.
                    alias = parameters[name].clone()
                    if not alias.requires_grad:
                        alias.requires_grad_()
                    net = Net(game.players, layouts, parameters | {name: alias})
                    draw = Draw(settings.seed, "step", number, name, turn, dtype=step.dtype)
                    loss = game.loss(name, net, batch, draw)
                    (gradient,) = torch.autograd.grad(loss, alias, create_graph=True)
                    count = number * per_step[name] + turn + 1
                    moved[name] = optimizer(parameters[name], own[name], gradient, count, number)
                for name, (new, slots) in moved.items():
                    parameters[name], own[name] = new, slots
                    turns[name] += 1
        averages = {
            name: settings.ema * value + (1 - settings.ema) * parameters[name] for name, value in averages.items()
        }
    final = parameters | averages
    trained = run.trained()
    value = metric._of(trained, final)
    torch.testing.assert_close(float(value.detach()), metric.value(run), rtol=1e-12, atol=0)
    return torch.autograd.grad(value, weights)[0]
