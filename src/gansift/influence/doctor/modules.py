"""Which module has the wrong derivative? Every module of a game by itself, on the inputs that it gets in a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_iter, tree_unflatten

from gansift.games.draw import Draw
from gansift.influence.doctor.calls import ModuleCall, ModuleCalls, is_float
from gansift.influence.doctor.differences import TOLERANCE, disagreement
from gansift.influence.doctor.finding import Finding, first_line
from gansift.influence.doctor.operators import ATTENTION
from gansift.influence.doctor.still import ones, same_random_numbers, small
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_CHECK = "modules"
_ORDERS = {
    1: "first derivative",
    2: "second derivative, which scores need,",
    3: "third derivative, which a gradient penalty needs,",
}


def modules(step: Step) -> list[Finding]:
    """Compare the derivatives of every module with finite differences, up to the order that the game needs.

    The adjoint of a step needs second derivatives, and third ones of a module through which the loss itself takes a
    gradient (R1, WGAN-GP). A module that holds others is blamed only where none of those is.
    """
    findings = []
    blamed: set[str] = set()
    calls = _calls(step)
    for call in calls:
        inside = {inner.where for inner in _descendants(call)}
        if inside & blamed:
            blamed.add(call.where)
        elif (trouble := _trouble(call)) is not None:
            blamed.add(call.where)
            findings.append(Finding(_CHECK, "fault", call.where, trouble, _remedy(call.module, trouble)))
    if findings:
        return findings
    return [Finding(_CHECK, "ok", "", f"all derivatives of {len(calls)} modules agree with finite differences")]


def _remedy(module: nn.Module, trouble: str) -> str:
    if "scaled_dot_product" in trouble:
        return ATTENTION
    if isinstance(module, nn.LayerNorm):
        return "Use gansift.models.layers.LayerNorm or torch.nn.GroupNorm(1, channels): their kernel is right."
    if isinstance(module, nn.modules.instancenorm._InstanceNorm):
        return f"Use torch.nn.GroupNorm(num_groups={module.num_features}, num_channels={module.num_features})."
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return (
            "Use gansift.models.layers.LayerNorm or torch.nn.GroupNorm; where statistics of a generated batch are "
            "wanted, write mean, variance and rsqrt out in plain arithmetic."
        )
    return "Write its forward in plain tensor arithmetic, without fused kernels or autograd.Functions of your own."


def _calls(step: Step) -> list[ModuleCall]:
    """One call of every module that a loss runs, one that the loss differentiates through where there is one."""
    probe = small(step, "float64")
    weights = ones(probe)
    parameters = {name: slots[PARAMETERS].requires_grad_() for name, slots in probe.initial().items()}
    chosen: dict[str, ModuleCall] = {}
    for player in probe.game.players:
        rows = probe.rows(0, 0)
        with ModuleCalls(probe.game) as watched:
            probe.loss(0, player, 0, rows, parameters, probe.batch_weights(rows, weights))
        for call in watched.calls:
            known = chosen.get(call.where)
            if known is None or (call.differentiated and not known.differentiated):
                chosen.pop(call.where, None)  # its place is after the modules inside it
                chosen[call.where] = call
    return list(chosen.values())


def _descendants(call: ModuleCall) -> Iterator[ModuleCall]:
    for inner in call.inner:
        yield inner
        yield from _descendants(inner)


def _trouble(call: ModuleCall) -> str | None:
    """What is wrong with the derivatives of this call, or None."""
    if not any(is_float(value) for value in tree_iter(call.output)):
        return None
    for order in (1, 2, 3) if call.differentiated else (1, 2):
        try:
            error = _error(call, order)
        except Exception as failure:  # whatever a module of the user's raises
            return f"its {_ORDERS[order]} cannot be computed ({first_line(failure)})"
        if not error < TOLERANCE:
            return (
                f"its {_ORDERS[order]} is silently wrong: relative difference {error:.0e} to finite differences. "
                "Scores would be wrong"
            )
    return None


def _error(call: ModuleCall, order: int) -> float:
    """Relative difference between the derivative of that order and finite differences of the one below.

    With f a random quadratic of the module's output and q a direction: order 1 differentiates f, order 2 <grad f, q>,
    order 3 <grad ||df/dx||^2, q>, as the adjoint of a penalty on the input gradient does.
    """
    draw = Draw(0, "doctor", "module", dtype=torch.float64)
    leaves, rebuilt = _leaves(call)
    values = [
        # Off the ties that real inputs have (a constant background under max pooling), where slopes are not defined.
        (value + 0.01 * _noise(draw, value) if is_input else value).detach()
        for value, is_input in leaves
    ]
    inputs = [place for place, (_, is_input) in enumerate(leaves) if is_input]
    coefficients: list[Tensor] = []

    def scalar(at: list[Tensor]) -> Tensor:
        outputs = [value for value in tree_iter(rebuilt(at)) if is_float(value)]
        if not coefficients:
            coefficients.extend(draw.normal(*value.shape).to(value) for value in outputs)
        return _sum_of(
            (factor * value + value.square() / 2).sum() for factor, value in zip(coefficients, outputs, strict=True)
        )

    towards = [_noise(draw, value) for value in values]

    def lower(at: list[Tensor]) -> Tensor:
        if order == 1:
            return scalar(at)
        if order == 2:
            return _dot(_gradient(scalar(at), at), towards)
        slopes = _gradient(scalar(at), [at[place] for place in inputs])
        return _dot(_gradient(_sum_of(slope.square().sum() for slope in slopes), at), towards)

    if order == 3 and not inputs:
        return 0.0
    along = [_noise(draw, value) for value in values]
    here = [value.clone().requires_grad_() for value in values]
    slope = _dot(_gradient(lower(here), here), along).detach()

    def at(t: float) -> Tensor:
        moved = [(value + t * step).requires_grad_() for value, step in zip(values, along, strict=True)]
        return lower(moved).detach().reshape(1)

    return float(disagreement(at, slope.reshape(1)))


def _leaves(call: ModuleCall) -> tuple[list[tuple[Tensor, bool]], Callable[[list[Tensor]], Any]]:
    """The real tensors that the call's output depends on (and which are inputs), and the call as their function."""
    flat, form = tree_flatten(call.inputs)
    places = [place for place, value in enumerate(flat) if is_float(value)]
    names = [name for name, value in call.parameters.items() if value.is_floating_point()]
    buffers = {name: value.clone() for name, value in call.module.named_buffers()}

    def rebuilt(at: list[Tensor]) -> Any:
        filled = list(flat)
        for place, value in zip(places, at, strict=False):
            filled[place] = value.clone()  # a layer may work in place
        args, kwargs = tree_unflatten(filled, form)
        bound = call.parameters | dict(zip(names, at[len(places) :], strict=True))
        fresh = {name: value.clone() for name, value in buffers.items()}
        with same_random_numbers(str(at[0].device) if at else "cpu"):
            return functional_call(call.module, bound | fresh, args, kwargs)

    leaves = [(flat[place], True) for place in places] + [(call.parameters[name], False) for name in names]
    return leaves, rebuilt


def _gradient(value: Tensor, at: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in at]
    found = torch.autograd.grad(value, at, create_graph=True, allow_unused=True, materialize_grads=True)
    return list(found)


def _noise(draw: Draw, value: Tensor) -> Tensor:
    """Normal numbers of the shape and size of ``value``."""
    size = value.square().mean().sqrt() if value.numel() else value.sum()
    return draw.normal(*value.shape).to(value) * torch.where(size > 0, size, torch.ones_like(size))


def _dot(left: list[Tensor], right: list[Tensor]) -> Tensor:
    return _sum_of((one * other).sum() for one, other in zip(left, right, strict=True))


def _sum_of(values: Iterable[Tensor]) -> Tensor:
    return sum(values, torch.zeros((), dtype=torch.float64))
