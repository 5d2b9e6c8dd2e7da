"""Is a metric what it says? Its value, its gradient, and its features of samples, before anything is judged by them."""

from __future__ import annotations

import logging
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gansift.errors import GansiftError
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.influence.doctor.differences import disagreement
from gansift.influence.doctor.finding import first_line
from gansift.metrics.features import extract
from gansift.metrics.metric import Metric, SampleMetric

_log = logging.getLogger(__name__)

#: Examples, or samples, that features are tried on.
ROWS = 8

# Features of an example alone may differ from those among others by so much of their size: other kernels add up in
# another order.
_ROUNDING = 1e-3
# In float64 a right derivative agrees to 1e-5, and kinks are kept out of the way.
_EXACT = 1e-3
# In float32 only what is wrong by a third, and by much more than rounding, can be told.
_COARSE, _NOISE, _STEPS = 0.3, 1e-4, (1e-3, 1e-2, 1e-1)


def metric_faults(metric: Metric, trained: Trained, exact: Trained, *, gradient: bool) -> list[str]:
    """What is wrong with a metric, a sentence each.

    Args:
        metric: to be tried.
        trained: players to ask it for, as in the run.
        exact: the same in float64, for differences; a metric that cannot compute in it is asked for the others.
        gradient: whether its gradient is needed.
    """
    try:
        return list(_metric_faults(metric, trained, exact, gradient))
    except GansiftError as error:
        return [str(error)]


def features_faults(function: Callable[[Tensor], Tensor], x: Tensor, name: str) -> list[str]:
    """What is wrong with features, a sentence each.

    Args:
        function: samples (n, *shape) -> features (n, d).
        x: some samples, in the type that they have in the run.
        name: what the features are called, or whose they are.
    """
    try:
        return list(_features_faults(function, x, name))
    except GansiftError as error:
        return [str(error)]


def _metric_faults(metric: Metric, trained: Trained, exact: Trained, gradient: bool) -> Iterator[str]:
    if isinstance(metric, SampleMetric):
        samples = trained.sample(ROWS, Draw(0, "try", dtype=trained.dtype, device=trained.device)).detach()
        found = features_faults(metric.features, samples, f"of {metric.name}")
        yield from found
        if found:
            return
    value = _value(metric, trained)
    again = _value(metric, trained)
    if value != again:
        yield (
            f"its value is {value:.6g}, and {again:.6g} when it is asked again for the same players: it takes random "
            "numbers from elsewhere than its seed, or keeps something between calls"
        )
        return
    if gradient:
        yield from _gradient_faults(metric, trained, exact)


def _value(metric: Metric, source: Trained) -> float:
    value = _asked(metric, "value", source)
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise GansiftError(f"its value for players that are not trained yet is {value!r}; it must be a finite float")
    return float(value)


def _asked(metric: Metric, what: str, source: Trained) -> Any:
    try:
        return getattr(metric, what)(source)
    except GansiftError:
        raise
    except Exception as error:  # a person's code, which may raise anything
        raise GansiftError(
            f"its {what} failed for players that are not trained yet: {type(error).__name__}: {first_line(error)}"
        ) from error


def _gradient(metric: Metric, source: Trained) -> dict[str, Tensor]:
    """The gradient, of the form that it must have."""
    found = _asked(metric, "gradient", source)
    wanted = {name: tuple(flat.shape) for name, flat in source.parameters.items()}
    shapes = {name: tuple(part.shape) for name, part in found.items()} if isinstance(found, Mapping) else found
    if shapes != wanted:
        raise GansiftError(
            "its gradient must be a dictionary with a vector for each player, zeros for one that it does not use: "
            f"shapes {wanted}, not {shapes!r}"
        )
    broken = [name for name, part in found.items() if not part.isfinite().all()]
    if broken:
        raise GansiftError(f"its gradient in the parameters of {', '.join(broken)} is NaN or infinite")
    return {name: part.detach() for name, part in found.items()}


def _gradient_faults(metric: Metric, trained: Trained, exact: Trained) -> Iterator[str]:
    source, is_exact = exact, True
    try:
        metric.value(exact)
        found = _gradient(metric, exact)
    except Exception:  # one that knows float32 alone
        source, is_exact = trained, False
        found = _gradient(metric, trained)
    if not any(part.any() for part in found.values()):
        _log.warning(
            "the gradient of %s is 0 for players that are not trained yet; if it stays so, nothing can be scored",
            metric.name,
        )
    for player, own in source.parameters.items():
        way = _way(found[player])

        def at(distance: float, player: str = player, own: Tensor = own, way: Tensor = way) -> Tensor:
            moved = own + distance * own.norm() * way
            there = Trained(source.game, {**source.parameters, player: moved}, source.weights)
            return torch.tensor([metric.value(there)], dtype=torch.float64)

        slope = (found[player].double() @ way.double() * own.double().norm()).reshape(1).cpu()
        if _differ(at, slope, is_exact):
            step = _STEPS[0]
            difference = float((at(step) - at(-step)) / (2 * step))
            yield (
                f"its gradient in the parameters of {player} is not the derivative of its value: along one direction "
                f"it says {float(slope):.4g}, and the value changes by {difference:.4g}. Scores would be wrong: "
                "compute it by torch.autograd.grad from what the value is made of, without .detach() or .item()"
            )


def _way(gradient: Tensor) -> Tensor:
    """A direction of length 1 that has a part of the gradient and a part of everything else."""
    draw = torch.Generator().manual_seed(0)
    anything = torch.randn(len(gradient), generator=draw, dtype=torch.float64).to(gradient)
    length = gradient.norm()
    way = anything / anything.norm() + (gradient / length if length else 0)
    return way / way.norm()


def _differ(at: Callable[[float], Tensor], slope: Tensor, exact: bool) -> bool:
    """Whether a derivative is wrong, as far as differences can tell."""
    if exact:
        return bool((disagreement(at, slope) > _EXACT).any())
    wrong = True
    for step in _STEPS:
        above, below = at(step), at(-step)
        off = ((above - below) / (2 * step) - slope).abs()
        size = torch.maximum(((above - below) / (2 * step)).abs(), slope.abs())
        wrong = wrong and bool((off > _COARSE * size).any()) and bool((off * step > _NOISE * above.abs()).any())
    return wrong


def _features_faults(function: Callable[[Tensor], Tensor], x: Tensor, name: str) -> Iterator[str]:
    whole = extract(function, x, name).detach()
    again = extract(function, x, name).detach()
    odd = int((~whole.isfinite()).any(dim=1).sum())
    if odd:
        yield f"the features {name} are NaN or infinite for {odd} of {len(x)} examples whose numbers are all finite"
        return
    if not torch.equal(whole, again):
        yield (
            f"the features {name} are others when they are asked again for the same examples: they draw random numbers "
            "(dropout?) or change with every call. Put the network into eval mode"
        )
        return
    turned = extract(function, x.flip(0), name).detach().flip(0)
    alone = torch.cat([extract(function, part, name).detach() for part in x.split(1)])
    size = float(whole.abs().max())
    if not all(bool(((part - whole).abs() <= _ROUNDING * size).all()) for part in (turned, alone)):  # also if NaN
        yield (
            f"the features {name} of an example depend on the others that it is given with: a layer mixes a batch "
            "(batch norm in train mode?), or the function takes means over it. Put the network into eval mode, and "
            "treat each example by itself"
        )
        return
    yield from _slope_faults(function, x, name)


def _slope_faults(function: Callable[[Tensor], Tensor], x: Tensor, name: str) -> Iterator[str]:
    source, exact = x.double(), True
    try:
        values = function(source)
    except Exception:  # features that know float32 alone
        source, exact = x, False
        values = function(source)
    draw = torch.Generator().manual_seed(0)
    marks = torch.randn(values.shape, generator=draw, dtype=torch.float64).to(values.device)
    way = torch.randn(source.shape, generator=draw, dtype=torch.float64).to(source)

    def total(samples: Tensor) -> Tensor:
        return (function(samples).double() * marks).sum()

    leaf = source.clone().requires_grad_()
    value = total(leaf)
    if not value.requires_grad:
        yield (
            f"the features {name} have no gradient: remove torch.no_grad(), detach() and numpy from the function, so "
            "that samples can be traced back to the generator"
        )
        return
    (slope,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
    along = (slope.double() * way.double()).sum().reshape(1)
    if not along.isfinite().all():
        yield f"the gradient of the features {name} is NaN or infinite"
    elif not slope.any() and not torch.equal(values, values[:1].expand_as(values)):
        yield (
            f"the gradient of the features {name} is 0 everywhere, and they are not: leave out rounding, thresholds "
            "and argmax, which have no derivative"
        )
    elif _differ(lambda step: total(source + step * way).detach().reshape(1), along, exact):
        yield (
            f"the gradient of the features {name} is not the derivative of their values. Scores would be wrong; leave "
            "out .detach(), rounding, and autograd.Functions of your own"
        )
