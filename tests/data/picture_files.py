"""Small image files for the tests of this folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(number: int, height: int = 6, width: int = 5, *channels: int) -> np.ndarray:
    """Random 8-bit pixels, others for every number."""
    return np.random.default_rng(number).integers(0, 256, (height, width, *channels), dtype=np.uint8)


def save(path: Path, content: np.ndarray | Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = content if isinstance(content, Image.Image) else Image.fromarray(content)
    image.save(path, **options)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
