"""What the torch functions in the losses lack: precision, determinism, a second derivative."""

from __future__ import annotations

import torch

from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.trace import Traced, trace
from gansift.influence.doctor.trials import trials
from gansift.training.step import Step

#: For kernels of attention, of which only the one in plain arithmetic has second derivatives.
ATTENTION = (
    "Run the losses under torch.nn.attention.sdpa_kernel(SDPBackend.MATH), whose attention has every derivative."
)


def operators(step: Step) -> list[Finding]:
    """Look at every torch function that the losses call, in the run's own precision; what can be tried is tried.

    Precision: results below float32. Determinism: kernels that torch itself calls non-deterministic, also in the
    backward passes. Derivatives: functions whose second derivative does not exist.
    """
    found = trace(step)
    return [*_precision(found), *_determinism(found), *_second_derivatives(found)]


def _precision(found: dict[str, Traced]) -> list[Finding]:
    low = {
        call.where: (call.name, dtype)
        for traced in found.values()
        for call in traced.calls
        for dtype in call.dtypes
        if torch.finfo(dtype).bits < 32
    }
    if not low:
        return [Finding("precision", "ok", "", "nothing is computed below float32")]
    return [
        Finding(
            "precision",
            "fault",
            where,
            f"{name} computes in {str(dtype).removeprefix('torch.')}: training may bear it, but derivatives through "
            "many steps do not, and scores would be noise",
            "Compute in float32 or float64: no autocast, .half() or .bfloat16() in networks and losses.",
        )
        for where, (name, dtype) in low.items()
    ]


def _determinism(found: dict[str, Traced]) -> list[Finding]:
    places: dict[str, set[str]] = {}
    for traced in found.values():
        for call in traced.calls:
            for text in call.nondeterministic:
                places.setdefault(_kernel(text), set()).add(call.where)
    for player, traced in found.items():
        for text in traced.backward:
            places.setdefault(_kernel(text), {f"{player}_loss"})
    if not places:
        return [Finding("determinism", "ok", "", "every kernel is deterministic")]
    return [
        Finding(
            "determinism",
            "fault",
            where,
            f"{kernel} has no deterministic kernel on this device: a replay may differ in the last bits and then "
            "stops, and under torch.use_deterministic_algorithms(True) it raises",
            "Set the environment variable CUBLAS_WORKSPACE_CONFIG=:4096:8 before Python starts."
            if kernel == "CuBLAS"
            else "Use another operator in its place, such as indexing, gather or a product with a one-hot matrix.",
        )
        for kernel, wheres in places.items()
        for where in sorted(wheres)
    ]


def _kernel(text: str) -> str:
    return "CuBLAS" if "CuBLAS" in text else text.split(" does not have")[0]


def _second_derivatives(found: dict[str, Traced]) -> list[Finding]:
    """The functions to blame, looked for only in a loss whose own second derivatives raise."""
    blamed: dict[tuple[str, str], str] = {}
    for player, traced in found.items():
        if traced.missing is None:
            continue
        named = {
            (trial.call.where, trial.call.name): missing
            for trial in trials(traced.calls)
            if (missing := trial.missing(trial.twice)) is not None
        }
        blamed |= named or {(f"{player}_loss", "it"): traced.missing}
    if not blamed:
        return [Finding("double-backward", "ok", "", "every loss has the second derivatives that scores need")]
    return [
        Finding(
            "double-backward",
            "fault",
            where,
            f"{name} has no second derivative ({missing}), which scores need",
            ATTENTION
            if "scaled_dot_product" in missing
            else "Write it in plain tensor arithmetic, such as distances by broadcasting.",
        )
        for (where, name), missing in blamed.items()
    ]
