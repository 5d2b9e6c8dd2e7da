"""Where a run is computed: a device that is there, and kernels that give the same bits every time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gansift.errors import UsageError, is_of_memory


def check_device(device: str) -> None:
    """Whether something can be computed there.

    Raises:
        UsageError: if not.
    """
    try:
        # A number that comes back: there are devices, such as meta, that only pretend to compute.
        float(torch.ones(1, device=device).sum())
    except Exception as error:  # every backend of torch that is not there has a way of its own to say so
        if is_of_memory(error):
            raise
        there = "cpu" + (", cuda" if torch.cuda.is_available() else "")
        raise UsageError(f"the device {device or repr(device)} cannot be used here; there is {there}") from error


def kind_of(device: str) -> str:
    """``cpu``, ``cuda``, ...: two of a kind are taken to round alike."""
    return torch.device(device).type


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Inside, a GPU takes only kernels that give the same bits every time, and no TF32; processors do so anyway.

    Raises:
        RuntimeError: by torch, naming an operator that has no such kernel.
    """
    if kind_of(device) != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it to be deterministic
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.set_float32_matmul_precision(precision)
