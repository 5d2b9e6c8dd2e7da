"""Amounts of memory: as a person writes them, and as states need them."""

from __future__ import annotations

import math
import re

from gansift.errors import UsageError
from gansift.training.state import State

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def bytes_of(amount: int | str) -> int:
    """An amount of memory in bytes; ``"2GiB"``, ``"2GB"`` and ``"2g"`` all mean 2 * 1024**3.

    Raises:
        UsageError: for anything else, or less than one byte.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", str(amount).lower())
    found = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= found < math.inf:
        raise UsageError(f"{str(amount)[:60]!r} is no amount of memory; write it like 500MiB or 2GiB")
    return int(found)


def state_bytes(state: State) -> int:
    """What a state takes."""
    return sum(value.numel() * value.element_size() for slots in state.values() for value in slots.values())
