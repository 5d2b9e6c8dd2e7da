"""The content hash of an example that is a row of an array."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def hash_rows(rows: np.ndarray) -> tuple[str, ...]:
    """SHA-256, in hexadecimal, of the bytes of each row (first axis), little-endian on every machine."""
    portable = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
    return tuple(hashlib.sha256(row.tobytes()).hexdigest() for row in portable)


def row_ids(name: str, hashes: Sequence[str]) -> tuple[str, ...]:
    """The ids of rows: ``name/row#hash12``, each one of its kind even where contents are copies."""
    return tuple(f"{name}/{row}#{content_hash[:12]}" for row, content_hash in enumerate(hashes))
