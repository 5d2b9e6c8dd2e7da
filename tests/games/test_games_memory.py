"""State beside parameters and events: exact adjoints, the same bits when replayed, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gansift import games, influence, training
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.retrain import retrain
from gansift.errors import TrainingError
from gansift.games.batch import weighted_mean
from gansift.influence.doctor import examine
from gansift.influence.itd import itd_metrics
from gansift.training.state import checksum
from toys import Critic, KilledError, MeanWave, Perceptron, examples, kill_at

STEPS = 10
ADAM = training.Adam(lr=0.05, betas=(0.5, 0.9), eps=1e-2)
DATA = {"simulated": examples(8, name="simulated"), "real": examples(10, seed=1, name="real")}


class Refining(games.Game):
    """A refiner against a critic that is also shown what is remembered, and a running mean that both feel."""

    averaged = ("refiner",)
    stackable = True

    def __init__(self, schedule=None):
        super().__init__(
            schedule=schedule,
            refiner=Perceptron(2, 2),
            critic=Critic(2),
            history=games.Memory(torch.linspace(-1, 1, 12).view(6, 2)),
            level=games.Memory(torch.zeros(2)),
        )

    def critic_loss(self, net, batch, draw):
        real = softplus(-net.critic(batch.real.x - net.level()))
        fake = softplus(net.critic(net.refiner(batch.simulated.x)))
        old = softplus(net.critic(net.history()[draw.permutation(6)[:2]]))
        return weighted_mean(real, batch.real.weight) + weighted_mean(fake, batch.simulated.weight) + old.mean()

    def refiner_loss(self, net, batch, draw):
        fake = net.refiner(batch.simulated.x)
        off = (fake - batch.simulated.x).square().sum(1) - net.critic(fake) + (fake * net.level()).sum(1)
        return weighted_mean(off, batch.simulated.weight)

    def history_loss(self, net, batch, draw):
        slots = draw.permutation(6)[: len(batch.simulated)]
        return net.history.write(slots, net.refiner(batch.simulated.x), batch.simulated.raw_weight)

    def level_loss(self, net, batch, draw):
        values = net.refiner(batch.real.x) * batch.real.weight[:, None]
        return net.level.towards(values.mean(0), 0.2)

    def sample(self, net, count, draw):
        return net.refiner(draw.normal(count, 2)) + net.history().mean(0)


def _refine(game=None, **arguments):
    settings = {"steps": STEPS, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"}
    return training.train(game or Refining(), DATA, **settings | arguments)


def _differences(train, run, metric, rows, stride=1e-5):
    """What the removal of each row would change at the slope that central differences of retraining have."""

    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return metric.value(train(weights=weights))

    return np.array([(value(row, -stride) - value(row, stride)) / (2 * stride) for row in rows])


def _exact(train, metric, rows):
    run = train()
    expected = _differences(train, run, metric, rows)
    found = influence.itd(run, metric).values[rows]
    assert np.abs(expected).min() > 0
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("schedule", [None, [("critic", 2), (("refiner", "history", "level"), 1)]])
def test_the_adjoint_of_memory_is_that_of_finite_differences(schedule, renormalise):
    _exact(
        lambda **arguments: _refine(Refining(schedule), renormalise=renormalise, **arguments),
        MeanWave(),
        [0, 3, 7, 8, 12, 17],
    )


def test_differenced_products_see_memory_as_exact_ones_do():
    run = _refine()
    exact = influence.itd(run, MeanWave()).values
    differenced = influence.itd(run, MeanWave(), products="central-difference").values
    assert np.abs(differenced - exact).max() < 1e-4 * np.abs(exact).max()


def test_a_slot_holds_what_was_written_and_a_removed_example_leaves_it_as_it_was():
    weights = torch.ones(18, dtype=torch.float64)
    weights[:3] = 0
    run = _refine(weights=weights, steps=1, renormalise=True, checkpoint_every=1)
    rows = run.step.rows(0, 0)["simulated"]
    slots = run.step.draw(0, "history", 0).permutation(6)[:4]
    before, after = run.state(0), run.state(1)
    # The refiner moves first, so that what is written is that of the refiner after its move.
    fresh = run.step.net({name: values["parameters"] for name, values in after.items()}).refiner(
        run.step.x["simulated"][rows]
    )
    expected = before["history"]["parameters"].view(6, 2).clone()
    assert 0 < sum(int(row) < 3 for row in rows) < 4
    for slot, row, value in zip(slots, rows, fresh, strict=True):
        if row >= 3:
            expected[slot] = value
    torch.testing.assert_close(after["history"]["parameters"].view(6, 2), expected, rtol=0, atol=1e-15)


def test_a_memory_goes_its_share_of_the_way_to_its_target():
    start, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5.0, 0.0])
    for rate in (0.0, 0.25, 1.0, torch.tensor([[0.5], [1.0]])):
        memory = games.Memory(start)
        memory.towards(target, rate).backward()
        torch.testing.assert_close(start - memory.value.grad, (1 - rate) * start + rate * target)


def test_memories_move_by_their_own_optimizer_whatever_the_others_have():
    optimizers = _refine().step.settings.optimizers
    assert optimizers == {"refiner": ADAM, "critic": ADAM, "history": training.SGD(lr=1.0), "level": training.SGD(lr=1)}
    assert _refine(optimizers={"refiner": ADAM, "critic": ADAM}).step.settings.optimizers == optimizers
    with pytest.raises(TrainingError, match=r"'level' is a games\.Memory, which moves by SGD"):
        _refine(optimizers={"refiner": ADAM, "critic": ADAM, "level": ADAM})


class Overshooting(Refining):
    def history_loss(self, net, batch, draw):
        slots = draw.permutation(6)[: len(batch.simulated)]
        return net.history.write(slots, net.refiner(batch.simulated.x), batch.simulated.weight)


class Twice(Refining):
    def history_loss(self, net, batch, draw):
        slots = draw.permutation(6)[: len(batch.simulated)] // 2
        return net.history.write(slots, net.refiner(batch.simulated.x), batch.simulated.raw_weight)


class Itself(Refining):
    def level_loss(self, net, batch, draw):
        return net.level.towards(net.level().flip(0).sin(), 0.5)


@pytest.mark.parametrize(
    ("game", "memory", "renormalise"),
    [(Overshooting, "history", True), (Twice, "history", False), (Itself, "level", False)],
)
def test_a_memory_that_would_not_go_to_its_target_is_refused_by_name(game, memory, renormalise):
    with pytest.raises(TrainingError, match=f"the memory '{memory}' does not go to its target"):
        _refine(game(), renormalise=renormalise)


class Clusters(nn.Module):
    def __init__(self):
        super().__init__()
        self.centres = nn.Parameter(torch.tensor([[0.0, 0.0], [1.0, 0.5], [4.0, 4.0]]))
        self.width = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return (x[:, None] - self.centres).square().sum(2) / (1 + self.width.square())


class Starving(games.Game):
    """Soft clusters of encoded points; every third step the lightest centre is put beside the heaviest.

    Args:
        fixed: what is new counts as fixed.
        given: the very numbers that are put there, by step, in place of new ones.
    """

    averaged = ("clusters", "encoder")
    stackable = True

    def __init__(self, fixed=False, given=None):
        super().__init__(encoder=Perceptron(2, 2), clusters=Clusters())
        self.fixed, self.given, self.put = fixed, given, {}

    def clusters_loss(self, net, batch, draw):
        return weighted_mean(-torch.logsumexp(-net.clusters(net.encoder(batch.x)), 1), batch.weight)

    def encoder_loss(self, net, batch, draw):
        z = net.encoder(batch.x)
        near = -torch.logsumexp(-net.clusters(z), 1)
        return weighted_mean(near + (z - batch.x).square().sum(1), batch.weight)

    def event(self, net, batch, draw):
        if batch.step % 3 != 2:
            return {}
        z, centres = net.encoder(batch.x), net.clusters.centres
        mass = (-net.clusters(z)).softmax(1).mul(batch.weight[:, None]).sum(0)
        new = centres[mass.argmax()] + 0.3 * weighted_mean(z.sum(1).tanh(), batch.weight) + 0.1 * draw.normal(2)
        if self.given:
            new = self.given[batch.step]
        self.put[batch.step] = new.detach().clone()
        lightest = torch.arange(3)[:, None] == mass.argmin()
        return {"clusters": {"centres": torch.where(lightest, new.detach() if self.fixed else new, centres)}}

    def sample(self, net, count, draw):
        return net.clusters.centres[draw.permutation(16) % 3] + net.encoder(draw.normal(16, 2))


def _starve(game=None, **arguments):
    settings = {"steps": STEPS, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"}
    return training.train(game or Starving(), examples(), **settings | arguments)


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("every", [1, 4])
def test_the_adjoint_of_events_is_that_of_finite_differences(renormalise, every):
    _exact(
        lambda **arguments: _starve(renormalise=renormalise, checkpoint_every=every, **arguments),
        MeanWave(),
        [0, 4, 5, 11],
    )


def test_what_an_event_detaches_counts_as_fixed():
    """The scores are those of a training in which the very numbers are put there that the event had come to."""
    run = _starve(Starving(fixed=True))
    given = run.step.game.put
    same = _starve(Starving(given=given))
    assert set(given) == {2, 5, 8}
    assert checksum(same.state(STEPS)) == checksum(run.state(STEPS))
    found, free = influence.itd(run, MeanWave()).values, influence.itd(_starve(), MeanWave()).values
    assert np.array_equal(found, influence.itd(same, MeanWave()).values)
    assert np.abs(found - free).max() > 1e-3 * np.abs(free).max()
    _exact(lambda **arguments: _starve(Starving(given=given), **arguments), MeanWave(), [0, 5, 11])


def test_what_is_replaced_starts_anew_and_what_is_left_goes_on():
    run = _starve(checkpoint_every=1)
    eve, after = run.step.trace(run.state(2), 2, run.weights).eve["clusters"], run.state(3)["clusters"]
    changed = after["parameters"] != eve["parameters"]
    assert changed.sum() == 2
    for name, value in after.items():
        start = after["parameters"] if name == "average" else torch.zeros(7, dtype=torch.float64)
        assert torch.equal(value[~changed], eve[name][~changed])
        if name != "parameters":
            assert torch.equal(value[changed], start[changed])
            assert not torch.equal(eve[name][changed], start[changed])


@pytest.mark.parametrize("train", [_refine, _starve])
def test_memory_and_events_resume_and_replay_to_the_same_bits(train, tmp_path):
    whole = train()
    with pytest.raises(KilledError):
        train(outdir=tmp_path, checkpoint_every=4, progress=kill_at(7))
    resumed = train(outdir=tmp_path, checkpoint_every=4)
    for number in (3, 6, STEPS):
        assert checksum(resumed.state(number)) == checksum(whole.state(number))
    assert checksum(retrain(resumed, [], horizon=7).state(STEPS)) == checksum(whole.state(STEPS))
    kept_all = influence.itd(train(checkpoint_every=1), MeanWave()).values
    assert np.array_equal(influence.itd(resumed, MeanWave()).values, kept_all)


@pytest.mark.parametrize("train", [_refine, _starve])
def test_stacked_retrainings_with_memory_and_events_are_those_alone(train):
    run = train()
    removals = [[run.ids[0]], [run.ids[5], run.ids[7]]]
    for removed, found in zip(removals, retrained_players(run, removals, 8), strict=True):
        alone = retrain(run, removed, horizon=8).trained()
        for name, value in alone.parameters.items():
            torch.testing.assert_close(found.parameters[name], value, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("train", [_refine, _starve])
def test_several_metrics_in_one_sweep_go_through_memory_and_events_as_each_alone(train):
    run, metrics = train(), [MeanWave(), MeanWave(2.0)]
    for metric, scores in zip(metrics, itd_metrics(run, metrics, [STEPS]), strict=True):
        expected = influence.itd(run, metric, horizon=STEPS).values
        assert np.abs(scores[STEPS].values - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize(("game", "data"), [(Refining, DATA), (Starving, examples())])
def test_the_doctor_finds_nothing_wrong_with_memory_and_events(game, data):
    findings = examine(game(), data, batch_size=4, optimizers=ADAM, ema=0.8, quick=True)
    assert [found for found in findings if found.verdict != "ok"] == []


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"centres": {}}, "names 'centres'; the players are encoder, clusters"),
        ({"clusters": {"middle": torch.zeros(1)}}, r"clusters\.middle, which is no parameter.*centres, width"),
        ({"clusters": {"width": torch.zeros(2)}}, r"clusters\.width of shape \(1,\) by a tensor of shape \(2,\)"),
    ],
)
def test_an_event_that_replaces_what_is_not_there_is_refused_by_name(named, message):
    game = type("Wrong", (Starving,), {"event": lambda self, net, batch, draw: named})()
    with pytest.raises(TrainingError, match=message):
        _starve(game)
