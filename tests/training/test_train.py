"""Recording, exact replay, resuming, and what training refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from gansift import games, influence, training
from gansift.errors import ReplayError, TrainingError
from gansift.games.batch import weighted_mean
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.state import checksum
from toys import Critic, KilledError, MeanWave, Perceptron, examples, gan, kill_at

ADAM = training.Adam(lr=0.05, eps=1e-2)


def _train(game=None, data=None, **arguments):
    settings = {"steps": 10, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "checkpoint_every": 3} | arguments
    return training.train(game or gan(r1=0.3), data or examples(), **settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_state_is_replayed_bit_for_bit(tmp_path, dtype):
    every = _train(checkpoint_every=1, dtype=dtype)
    sparse = _train(outdir=tmp_path, dtype=dtype)
    assert sparse.checkpoints.numbers() == [0, 3, 6, 9, 10]
    for number in range(11):
        assert checksum(sparse.state(number)) == checksum(every.checkpoints.load(number))


def test_steps_can_be_redone_alone_and_in_any_order():
    run = _train(checkpoint_every=1)
    for number in [7, 2, 9, 0]:
        redone = run.step(run.state(number), number, run.weights)
        assert checksum(redone) == checksum(run.state(number + 1))


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    whole = _train(outdir=tmp_path / "whole")

    with pytest.raises(KilledError):
        _train(outdir=tmp_path / "killed", progress=kill_at(7))
    seen = []
    resumed = _train(outdir=tmp_path / "killed", progress=lambda number, losses: seen.append(number))
    assert seen == [7, 8, 9, 10]
    for number in whole.checkpoints.numbers():
        name = f"checkpoints/step-{number:08d}.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert checksum(resumed.state(10)) == checksum(whole.state(10))


def test_a_finished_run_is_returned_without_training(tmp_path):
    _train(outdir=tmp_path)
    seen = []
    _train(outdir=tmp_path, progress=lambda number, losses: seen.append(number))
    assert seen == []


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 1}, "seed"), ({"ema": 0.5}, "ema"), ({"optimizers": training.SGD(lr=0.1)}, "optimizers")],
)
def test_a_directory_of_another_run_is_refused_naming_the_difference(tmp_path, change, named):
    _train(outdir=tmp_path)
    with pytest.raises(TrainingError, match=f"holds another run: it differs in .*{named}"):
        _train(outdir=tmp_path, **change)


def test_networks_that_begin_otherwise_each_time_are_told_from_another_run(tmp_path):
    def script(seed):
        torch.manual_seed(seed)  # as a script without a seed of its own
        bare = {name: torch.nn.Sequential(module) for name, module in gan().players.items()}  # nothing resets these
        game = games.GAN(**bare, latent=gan().latent)
        training.train(
            game, examples(), steps=2, batch_size=4, optimizers=training.SGD(lr=0.1), outdir=tmp_path
        )  # fmt: skip

    script(0)
    script(0)
    with pytest.raises(TrainingError, match=r"differs in initial .*call torch\.manual_seed\(0\) before they are made"):
        script(1)


@pytest.mark.parametrize("content", ["[]", "3", '{"stack": "x"}'])
def test_a_configuration_of_another_kind_is_damaged(tmp_path, content):
    _train(outdir=tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(TrainingError, match=r"config\.json is damaged.*delete that file"):
        _train(outdir=tmp_path)


def test_other_data_in_the_same_directory_is_refused(tmp_path):
    _train(outdir=tmp_path)
    with pytest.raises(TrainingError, match="differs in data"):
        _train(data=examples(name="other"), outdir=tmp_path)


def test_a_drifted_replay_stops_naming_the_step(tmp_path):
    _train(outdir=tmp_path)
    (tmp_path / "checkpoints/checksums.txt").unlink()
    store = DiskCheckpoints(tmp_path / "checkpoints")
    state = store.load(6)
    state["generator"]["parameters"][0] += 1e-6
    store.save(6, state)
    with pytest.raises(ReplayError, match="steps 6 to 9"):
        influence.itd(_train(outdir=tmp_path), MeanWave())


def test_states_are_plain_tensors_with_named_keys(tmp_path):
    _train(outdir=tmp_path)
    keys = set(load_file(tmp_path / "checkpoints/step-00000003.safetensors"))
    assert {"generator/parameters", "generator/average", "generator/first_moment", "discriminator/parameters"} <= keys
    assert "discriminator/average" not in keys


def test_the_seed_decides_initial_parameters_order_and_latents():
    def final(**arguments):
        return checksum(_train(**arguments).state(10))

    torch.manual_seed(1)
    first = final()
    torch.manual_seed(2)
    assert final() == first
    assert final(seed=1) != first


def test_a_network_without_reset_parameters_keeps_what_it_came_with():
    generator = nn.Linear(2, 2)
    generator.reset_parameters = None
    game = games.GAN(generator, Critic(2), latent=2)
    run = _train(game)
    expected = torch.cat([value.detach().reshape(-1) for value in generator.parameters()])
    assert torch.equal(run.state(0)["generator"]["parameters"], expected)


def test_training_leaves_the_users_modules_alone():
    game = gan()
    before = [value.detach().clone() for value in game.players["generator"].parameters()]
    _train(game, dtype="float64")
    for old, new in zip(before, game.players["generator"].parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.dtype == torch.float32


def test_float32_and_float64_runs_see_the_same_draws():
    single, double = _train(), _train(dtype="float64")
    torch.testing.assert_close(
        single.state(10)["generator"]["parameters"].double(),
        double.state(10)["generator"]["parameters"],
        rtol=1e-3,
        atol=1e-4,
    )


def test_nan_stops_with_the_step_and_keeps_earlier_states(tmp_path):
    data = examples()
    data.x[4] = float("nan")
    with pytest.raises(TrainingError, match=r"broke down at step [1-3] of 10"):
        _train(data=data, outdir=tmp_path)
    assert DiskCheckpoints(tmp_path / "checkpoints").numbers() == [0]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_batch_whose_examples_are_all_removed_stays_finite_under_both_conventions():
    for renormalise in (False, True):
        run = _train(weights=np.zeros(12), renormalise=renormalise)
        assert torch.isfinite(run.state(10)["generator"]["parameters"]).all()
        assert np.isfinite(influence.itd(run, MeanWave()).values).all()


class Normalised(Critic):
    def __init__(self, layer):
        super().__init__(2)
        self.norm = layer

    def forward(self, x):
        return self.second(self.norm(torch.tanh(self.first(x)))).squeeze(1)


class Mixing(Critic):
    def forward(self, x):
        return super().forward(x) + x.std(0).mean()


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (lambda: games.GAN(Perceptron(2, 2), Normalised(nn.BatchNorm1d(3, track_running_stats=False))),
         r"discriminator.norm \(BatchNorm1d\) mixes"),
        (lambda: games.GAN(Perceptron(2, 2), Normalised(nn.BatchNorm1d(3))), r"discriminator.norm \(BatchNorm1d\)"),
        (lambda: games.GAN(Perceptron(2, 2), Normalised(nn.LayerNorm(3)), r1=1.0), "wrong third derivatives"),
        (lambda: games.GAN(Perceptron(2, 2), Normalised(nn.Dropout(0.5))), r"discriminator.norm \(Dropout\)"),
        (lambda: games.GAN(Perceptron(2, 2), Mixing(2)),
         "the discriminator's loss depends on an example of 'data' whose weight is 0.*mixes the examples"),
        (lambda: games.GAN(Perceptron(2, 2), Perceptron(2, 1)), "one logit per example"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be_scored_are_refused_by_name(game, message):
    with pytest.raises(TrainingError, match=message):
        _train(game())


class OwnGame(games.Game):
    """Two losses written out; ``forget`` leaves the weights of the real examples out."""

    def __init__(self, critic=None, forget=False):
        super().__init__(generator=Perceptron(2, 2), critic=critic or Critic(2))
        self.forget = forget

    def generator_loss(self, net, batch, draw):
        return -net.critic(net.generator(draw.normal(len(batch), 2))).mean()

    def critic_loss(self, net, batch, draw):
        real = torch.nn.functional.softplus(-net.critic(batch.x))
        fake = torch.nn.functional.softplus(net.critic(net.generator(draw.normal(len(batch), 2))))
        return (real.mean() if self.forget else weighted_mean(real, batch.weight)) + fake.mean()


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (lambda: OwnGame(forget=True), "the critic's loss depends on an example of 'data' whose weight is 0"),
        (lambda: OwnGame(Mixing(2)), "a layer mixes the examples of a batch"),
        (lambda: OwnGame(Normalised(nn.BatchNorm1d(3, track_running_stats=False))), r"critic.norm \(BatchNorm1d\)"),
        (lambda: OwnGame(Normalised(nn.BatchNorm1d(3))), "critic.norm.running_mean changes with every call"),
        (lambda: OwnGame(Normalised(torch.nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3)))),
         "critic.norm.parametrizations.weight.*changes with every call"),
    ],
)  # fmt: skip
def test_a_game_of_ones_own_in_which_removal_has_no_meaning_is_refused(game, message):
    with pytest.raises(TrainingError, match=message):
        _train(game(), ema=0.0)


def test_an_average_needs_a_player_to_average():
    assert _train(OwnGame(), ema=0.0).steps == 10
    with pytest.raises(TrainingError, match="needs a player to average, and OwnGame names none"):
        _train(OwnGame(), ema=0.8)


def test_moments_that_overflow_stop_the_run():
    """Adam's second moment at infinity would freeze its parameter for good while every parameter stays finite."""
    with pytest.raises(TrainingError, match="optimizer moments are NaN or infinite"):
        _train(weights=np.full(12, 1e25))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 13}, "batch of 13 cannot be drawn from 12"),
        ({"steps": 0}, "steps"),
        ({"optimizers": {"generator": ADAM}}, "optimizers has nothing for the player discriminator"),
        ({"batch_size": {"other": 4}}, "batch_size has nothing for the data set data"),
        ({"ema": 1.0}, "ema"),
        ({"dtype": "bfloat16"}, "unknown dtype"),
        ({"weights": np.ones(5)}, "one number per training example"),
        ({"weights": -np.ones(12)}, "not negative"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(TrainingError, match=message):
        _train(**arguments)


def test_the_remainder_of_an_epoch_is_dropped_and_every_epoch_reshuffled():
    run = _train(data=examples(14), batch_size=4)
    epochs = [[run.step.rows(3 * epoch + slot, 0)["data"] for slot in range(3)] for epoch in range(3)]
    visited = [torch.cat(rows).tolist() for rows in epochs]
    assert all(len(set(rows)) == 12 for rows in visited)
    assert visited[0] != visited[1] != visited[2]


def test_each_of_several_updates_in_a_step_gets_a_batch_of_its_own():
    run = _train(gan(schedule="2:1"))
    assert not torch.equal(run.step.rows(0, 0)["data"], run.step.rows(0, 1)["data"])
    assert torch.equal(run.step.rows(1, 0)["data"], run.step.rows(0, 2)["data"])
    assert run.epoch == 1.5
