"""The game of StyleGAN2: its penalties against brute force, its scores against retraining, also with adapters."""

import numpy as np
import pytest
import torch

from gansift import games, influence, models, training
from gansift.data.examples import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games import Draw
from gansift.games.batch import Batch
from gansift.games.parameters import Layout, Net
from gansift.influence.doctor import examine
from toys import MeanWave, unrolled

SHAPE = (3, 32, 32)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _pair():
    return (
        models.StyleGAN2Generator(3, 1, SHAPE, most=2, depth=1, activation="silu"),
        models.StyleGAN2Discriminator(1, SHAPE, most=2, activation="silu"),
    )


def _game(adapted=False, **settings):
    pair = _pair()
    if adapted:
        pair = [models.Adapted(network, 1, start="kaiming") for network in pair]
    return games.StyleGAN2(*pair, **{"r1": 0.5} | settings)


def _examples(count=9):
    x = Draw(0, "images").uniform(count, *SHAPE) * 2 - 1
    ids = tuple(f"{row}" for row in range(count))
    return Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def _net(game):
    layouts = {}
    for name, module in game.players.items():
        module.double()
        layouts[name] = Layout(module)
    return Net(game.players, layouts, {name: layouts[name].flatten(game.players[name]) for name in layouts})


def _batch(step, count=4):
    x = _examples(count).x.double()
    return Batch(x, torch.linspace(0.5, 1, count, dtype=torch.float64), None, step)


def _draw(key=0):
    return Draw(key, "test", dtype=torch.float64)


def test_lazy_r1_comes_at_its_interval_and_counts_as_often():
    game, plain = _game(r1_interval=4), _game(r1=0.0)
    net = _net(game)
    x = _batch(0).x.requires_grad_()
    (slope,) = torch.autograd.grad(net.discriminator(x).sum(), x)
    penalty = (slope.square().sum((1, 2, 3)) * _batch(0).weight).mean()
    for step, times in ((0, 4), (1, 0), (3, 0), (4, 4), (8, 4)):
        more = game.discriminator_loss(net, _batch(step), _draw()) - plain.discriminator_loss(
            net, _batch(step), _draw()
        )
        torch.testing.assert_close(more, times * 0.5 / 2 * penalty, rtol=1e-9, atol=1e-12)


def test_path_lengths_are_those_of_the_jacobian_in_the_styles():
    game = _game(path_length=2.0, path_interval=4)
    net, draw = _net(game), _draw()
    generator = game.players["generator"]
    z, y = draw.normal(4, 3), draw.normal(4, *SHAPE) / 32
    noise = [draw.normal(4, 1, side, side) for side in generator.noises]
    lengths = []
    for row in (0, 2):  # half the batch

        def image(offset, row=row):
            return generator(z[row : row + 1], [part[row : row + 1] for part in noise], offset=offset)

        still = torch.zeros(1, generator.styles, 3, dtype=torch.float64)
        jacobian = torch.func.jacfwd(image)(still)  # (1, *SHAPE, 1, styles, 3)
        pulled = torch.einsum("chw,chwlk->lk", y[row], jacobian[0, ..., 0, :, :])
        lengths.append(pulled.square().sum(1).mean().sqrt())
    lengths = torch.stack(lengths)
    torch.testing.assert_close(game.path_loss(net, _batch(0), _draw()), lengths.square().mean() / 2)
    assert game.path_loss(net, _batch(3), _draw()) == 0
    plain = _game()

    def more(step):
        return game.generator_loss(net, _batch(step), _draw()) - plain.generator_loss(net, _batch(step), _draw())

    assert more(4) > 0
    assert more(5) == 0


def test_the_path_player_is_the_moving_average_of_mean_lengths():
    game = _game(path_length=0.5, path_interval=2)
    adam = training.Adam(lr=1e-3, betas=(0.0, 0.99))
    run = training.train(
        game, _examples(), steps=6, batch_size=4, dtype="float64", checkpoint_every=1,
        optimizers={"discriminator": adam, "generator": adam, "path": training.SGD(lr=0.25)},
    )  # fmt: skip
    mean = 0.0
    for number in range(6):
        if number % 2 == 0:
            state = run.state(number)
            net = run.step.net({name: slots["parameters"] for name, slots in state.items()})
            length = run.step.game._path_lengths(net, 4, run.step.draw(number, "path", 0)).mean()
            mean += 0.25 * (float(length) - mean)
        found = float(run.state(number + 1)["path"]["parameters"][0])
        assert found == pytest.approx(mean, rel=1e-12)
    assert mean > 0


def test_parts_of_a_batch_measure_the_path_lengths_of_the_whole():
    game, data = _game(path_length=0.5, path_interval=1), _examples()
    adam = training.Adam(lr=1e-3)
    optimizers = {"discriminator": adam, "generator": adam, "path": training.SGD(lr=0.25)}
    whole, parts = (
        training.train(game, data, steps=2, batch_size=4, dtype="float64", optimizers=optimizers, micro_batches=count)
        for count in (1, 2)
    )
    for player, slots in whole.state(2).items():
        torch.testing.assert_close(parts.state(2)[player]["parameters"], slots["parameters"], rtol=1e-9, atol=1e-10)


def test_style_mixing_is_for_training_and_metrics_see_one_latent_each():
    game = _game(mixing=1.0)
    net = _net(game)
    torch.testing.assert_close(game.sample(net, 3, _draw()), _game(mixing=0.0).fakes(net, 3, _draw()))
    mixed, z = game.fakes(net, 200, _draw()), _draw().normal(200, 3)
    unmixed = net.generator(z)
    assert (mixed - unmixed).abs().amax((1, 2, 3)).min() > 0
    half = _game(mixing=0.5).fakes(net, 200, _draw())
    assert 60 < int(((half - unmixed).abs().amax((1, 2, 3)) < 1e-12).sum()) < 140


SETTINGS = {
    "lazy": {"r1_interval": 2},
    "path lengths": {"r1_interval": 2, "path_length": 0.1, "path_interval": 2},
    "augmented": {"r1_interval": 2, "augment": ("translation", "colour", "cutout"), "mirror": True, "mixing": 0.5},
}


def _sgd(parameters, slots, gradient, count, number):
    return parameters - 0.02 * gradient, []


def _relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("adapted", [False, True], ids=["whole", "adapters"])
@pytest.mark.parametrize("name", SETTINGS)
def test_scores_equal_unrolled_autodiff_and_retraining(name, adapted):
    game, data, metric = _game(adapted, **SETTINGS[name]), _examples(), MeanWave()

    def train(weights=None):
        return training.train(
            game, data, steps=5, batch_size=3, optimizers=training.SGD(lr=0.02), ema=0.5, dtype="float64",
            weights=weights,
        )  # fmt: skip

    run = train()
    values = influence.itd(run, metric).values
    expected = -unrolled(run, metric, _sgd).numpy()
    assert np.abs(expected).max() > 1e-9
    assert _relative(values, expected) < 1e-9
    weights, step = run.weights.clone(), 1e-4
    row = int(np.abs(values).argmax())

    def changed(change):
        moved = weights.clone()
        moved[row] += change
        return metric.value(train(moved))

    assert values[row] == pytest.approx((changed(-step) - changed(step)) / (2 * step), rel=1e-5)


def test_states_of_adapted_networks_hold_adapters_alone():
    adam = training.Adam(lr=1e-3)
    whole, thin = (
        training.train(_game(adapted), _examples(), steps=1, batch_size=3, optimizers=adam).state(1)
        for adapted in (False, True)
    )
    for player in ("generator", "discriminator"):
        adapters = sum(value.numel() for value in _game(True).players[player].adapters.parameters())
        assert {len(value) for value in thin[player].values()} == {adapters}
        assert {len(value) for value in whole[player].values()} == {
            sum(v.numel() for v in _game().players[player].parameters())
        }


def test_frozen_weights_decide_whose_a_run_directory_is(tmp_path):
    def train(game):
        adam = training.Adam(lr=1e-3)
        return training.train(game, _examples(), steps=2, batch_size=3, optimizers=adam, outdir=tmp_path / "run")

    game = _game(adapted=True)
    train(game)
    train(game)
    game.players["generator"].network.constant.value.data[0, 0, 0] += 1
    with pytest.raises(TrainingError, match="frozen"):
        train(game)


@pytest.mark.parametrize("adapted", [False, True], ids=["whole", "adapters"])
def test_the_doctor_finds_nothing_wrong(adapted):
    adam = training.Adam(lr=1e-3, betas=(0.0, 0.99), eps=1e-3, eps_inside=True)
    game = _game(adapted, path_length=0.1, augment=("translation", "colour", "cutout"), mirror=True)
    optimizers = {"generator": adam, "discriminator": adam, "path": training.SGD(lr=0.01)}
    findings = examine(game, _examples(12), batch_size=6, optimizers=optimizers, ema=0.9, quick=True)
    assert [found for found in findings if found.verdict != "ok"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"mixing": 1.5}, "probability"), ({"path_interval": 0}, "1 step"), ({"r1_interval": 0}, "1 step")],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        _game(**settings)
