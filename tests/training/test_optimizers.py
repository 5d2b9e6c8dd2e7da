"""Functional optimizers against stock `torch.optim`, step by step in float64."""

from __future__ import annotations

import functools
import itertools
import math

import pytest
import torch

from gansift import training
from gansift.errors import TrainingError
from gansift.training.state import checksum
from toys import examples, gan

CASES = [
    (training.SGD, torch.optim.SGD, {"momentum": [0.0, 0.9], "nesterov": [False], "weight_decay": [0.0, 0.1]}),
    (training.SGD, torch.optim.SGD, {"momentum": [0.7], "nesterov": [True], "weight_decay": [0.0, 0.1]}),
    (
        training.Adam,
        torch.optim.Adam,
        {"betas": [(0.0, 0.99), (0.9, 0.999)], "eps": [1e-8, 1e-2], "weight_decay": [0.0, 0.1]},
    ),
    (training.AdamW, torch.optim.AdamW, {"betas": [(0.5, 0.9)], "weight_decay": [0.0, 0.3]}),
    (
        training.RMSprop,
        torch.optim.RMSprop,
        {"alpha": [0.9, 0.99], "eps": [1e-8, 1e-2], "momentum": [0.0, 0.5], "weight_decay": [0.0, 0.1]},
    ),
]


def _arguments(grid):
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _gradients():
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(25, 7, dtype=torch.float64, generator=generator)
    gradients[:, 3] = 0  # a dead parameter
    return gradients


@pytest.mark.parametrize(
    ("ours", "stock", "arguments"),
    [(ours, stock, arguments) for ours, stock, grid in CASES for arguments in _arguments(grid)],
)
def test_every_step_equals_torch_optim(ours, stock, arguments):
    optimizer = ours(lr=0.03, **arguments)
    parameters = torch.linspace(-1, 1, 7, dtype=torch.float64)
    slots = optimizer.slots(parameters)
    reference = torch.nn.Parameter(parameters.clone())
    theirs = stock([reference], lr=0.03, **arguments)
    for count, gradient in enumerate(_gradients(), start=1):
        parameters, slots = optimizer.update(parameters, slots, gradient, count, 0.03)
        reference.grad = gradient.clone()
        theirs.step()
        torch.testing.assert_close(parameters, reference.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("optimizer", [training.Adam(lr=0.1), training.RMSprop(lr=0.1)])
def test_a_dead_parameter_has_a_finite_derivative(optimizer):
    gradient = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    parameters = torch.ones(3, dtype=torch.float64)
    new, _ = optimizer.update(parameters, optimizer.slots(parameters), gradient, 1, 0.1)
    (derivative,) = torch.autograd.grad(new.sum(), gradient)
    assert torch.isfinite(derivative).all()


def test_epsilon_inside_the_root_is_added_squared():
    optimizer = training.Adam(lr=1.0, betas=(0.0, 0.0), eps=3.0, eps_inside=True)
    parameters = torch.zeros(1, dtype=torch.float64)
    new, _ = optimizer.update(parameters, optimizer.slots(parameters), torch.tensor([4.0], dtype=torch.float64), 1, 1.0)
    assert float(new) == pytest.approx(-4 / 5)


def test_warmup_rises_linearly_and_cosine_ends_near_zero():
    rates = [training.SGD(lr=2.0, warmup=4, decay="cosine").rate(step, 104) for step in range(104)]
    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    assert rates[4] == 2.0
    assert rates[54] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.001
    assert {training.SGD(lr=2.0).rate(step, 10) for step in range(10)} == {2.0}


def test_a_cosine_ends_at_its_final_share_of_the_rate():
    optimizer = training.SGD(lr=2.0, warmup=4, decay="cosine", final=0.25)
    rates = [optimizer.rate(step, 104) for step in range(105)]
    assert rates[4] == 2.0
    assert rates[54] == pytest.approx(1.25)
    assert rates[104] == pytest.approx(0.5)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    with pytest.raises(TrainingError, match=r"^final=1\.5 of SGD must be a share"):
        training.SGD(lr=2.0, final=1.5)


def falling(progress):
    """As in DANN (Ganin et al. 2016, section 5.2.2)."""
    return 1 / (1 + 10 * progress) ** 0.75


def rising_beyond(progress):
    return float("inf") if progress > 0.5 else 1.0


def test_a_decay_may_be_a_function_of_the_progress_after_the_warmup():
    optimizer = training.SGD(lr=2.0, warmup=4, decay=falling)
    rates = [optimizer.rate(step, 104) for step in range(104)]
    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    assert rates[4:] == pytest.approx([2 / (1 + 10 * p / 100) ** 0.75 for p in range(100)], rel=1e-15)
    stock = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=2.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(stock, lambda step: falling(step / 10))
    plain = training.SGD(lr=2.0, decay=falling)
    for step in range(10):
        assert plain.rate(step, 10) == pytest.approx(schedule.get_last_lr()[0], rel=1e-15)
        stock.step()
        schedule.step()


def test_a_decay_is_recorded_by_the_name_that_it_can_be_found_by(tmp_path):
    assert training.SGD(lr=2.0, decay=falling).settings()["decay"] == f"{__name__}:falling"
    assert training.SGD(lr=2.0, decay="cosine").settings()["decay"] == "cosine"

    def train(decay):
        optimizers = training.SGD(lr=0.1, decay=decay)
        return training.train(gan(), examples(), steps=4, batch_size=4, optimizers=optimizers, outdir=tmp_path)

    first = train(falling)
    assert checksum(train(falling).state(4)) == checksum(first.state(4))
    with pytest.raises(TrainingError, match="holds another run: it differs in optimizers"):
        train("cosine")


@pytest.mark.parametrize("decay", [lambda progress: 1.0, functools.partial(pow, 0.5)])
def test_a_decay_without_a_name_is_refused_with_what_to_do(decay):
    with pytest.raises(TrainingError, match="write it with `def` at the top of a module"):
        training.SGD(lr=2.0, decay=decay)


def test_a_decay_that_is_no_factor_is_refused_by_name():
    with pytest.raises(TrainingError, match=r"rising_beyond gives inf at progress 0\.6"):
        training.SGD(lr=2.0, decay=rising_beyond).rate(6, 10)
    with pytest.raises(TrainingError, match=r"final=0\.1 of SGD belongs to a cosine"):
        training.SGD(lr=2.0, decay=falling, final=0.1)


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(TrainingError, match=r"^lr=0 of SGD must be positive and finite$"):
        training.SGD(lr=0)
    with pytest.raises(TrainingError, match=r"^weight_decay=nan of SGD must be finite and not negative$"):
        training.SGD(lr=1, weight_decay=math.nan)
    with pytest.raises(TrainingError, match="unknown decay 'linear'"):
        training.Adam(lr=0.1, decay="linear")
