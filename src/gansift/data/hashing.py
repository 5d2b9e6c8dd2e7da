"""The content hash of an example that is a row of an array."""

from __future__ import annotations

import hashlib

import numpy as np


def hash_rows(rows: np.ndarray) -> tuple[str, ...]:
    """SHA-256, in hexadecimal, of the bytes of each row (first axis), little-endian on every machine."""
    portable = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
    return tuple(hashlib.sha256(row.tobytes()).hexdigest() for row in portable)
