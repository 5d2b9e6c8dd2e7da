"""Do real examples mix? Which module lets one row of a batch change the output of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_iter

from gansift.influence.doctor.calls import ModuleCall, ModuleCalls, is_float
from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.still import Still, small
from gansift.training.checks import matters_without_weight
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_CHECK = "mixing"
_WHY = "so what one example does depends on the others of its batch, and the influence of a single one is not defined"


def mixing(step: Step) -> list[Finding]:
    """Exchange one real example of a batch and look which rows change inside the networks.

    A module mixes examples if rows of its output change whose rows of the input did not. Only real examples are
    exchanged, so layers that mix generated samples alone are not reported. What mixes outside of all modules shows in
    a loss that depends on an example of weight 0.
    """
    probe = small(step, "float64")
    rows = probe.rows(0, 0)
    parameters = {name: slots[PARAMETERS] for name, slots in probe.initial().items()}
    findings: dict[str, Finding] = {}
    for player in probe.game.players:
        for name, index in rows.items():
            if len(index) < 2:
                continue
            blamed = _mixers(probe, player, rows, parameters, name)
            for call in blamed:
                findings[call.where] = Finding(
                    _CHECK, "fault", call.where, f"it mixes the examples of {name!r} in a batch, {_WHY}", _remedy(call)
                )
            every = matters_without_weight(probe, player, rows, parameters, name, count=len(index))
            if not blamed and not every and matters_without_weight(probe, player, rows, parameters, name, count=1):
                where = f"{player}_loss"
                findings[where] = Finding(
                    _CHECK,
                    "fault",
                    where,
                    f"it mixes the examples of {name!r} in a batch, {_WHY}",
                    "Compute one value for each example from that example alone, and weight it.",
                )
    if findings:
        return list(findings.values())
    return [Finding(_CHECK, "ok", "", "no module and no loss mixes the real examples of a batch")]


def _remedy(call: ModuleCall) -> str:
    if isinstance(call.module, nn.modules.batchnorm._BatchNorm):
        return (
            "Use gansift.models.layers.LayerNorm, torch.nn.GroupNorm or no normalisation; or put the layer into eval "
            "mode, which fixes its statistics."
        )
    return "Leave out statistics over the batch (minibatch standard deviation and the like) where real examples pass."


def _mixers(
    probe: Still, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor], name: str
) -> list[ModuleCall]:
    """Calls that mix rows, of those that contain one another the innermost."""
    index = rows[name]
    other = torch.cat([index[:-1], index[:1]])
    first, second = (_calls(probe, player, {**rows, name: chosen}, parameters) for chosen in (index, other))
    if [call.where for call in first] != [call.where for call in second]:
        return []
    mixes = {id(call): _mixes(call, changed) for call, changed in zip(first, second, strict=True)}
    return [call for call in first if mixes[id(call)] and not _inside(call, mixes)]


def _inside(call: ModuleCall, mixes: Mapping[int, bool]) -> bool:
    return any(mixes[id(inner)] or _inside(inner, mixes) for inner in call.inner)


def _calls(probe: Still, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> list[ModuleCall]:
    batch_weights = {
        name: torch.ones(len(index), dtype=probe.dtype, device=index.device) for name, index in rows.items()
    }
    with ModuleCalls(probe.game) as watched:
        probe.loss(0, player, 0, rows, parameters, batch_weights)
    return watched.calls


def _mixes(call: ModuleCall, exchanged: ModuleCall) -> bool:
    """Whether rows of the output differ that no row of the inputs accounts for."""
    given = _changed_rows(call.inputs, exchanged.inputs)
    returned = _changed_rows(call.output, exchanged.output)
    return any(
        bool((changed & ~given[length]).any())
        for length, changed in returned.items()
        if length in given and bool(given[length].any())
    )


def _changed_rows(values: Any, others: Any) -> dict[int, Tensor]:
    """For each length of a first dimension among the tensors, which rows differ in any of them."""
    changed: dict[int, Tensor] = {}
    for value, other in zip(tree_iter(values), tree_iter(others), strict=True):
        if not is_float(value) or value.ndim == 0 or value.shape != other.shape:
            continue
        far = (value - other).abs() > 1e-9 * (1 + value.abs())
        rows = far.flatten(1).any(1) if value.ndim > 1 else far
        changed[len(value)] = changed.get(len(value), torch.zeros_like(rows)) | rows
    return changed
