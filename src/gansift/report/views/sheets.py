"""Thumbnails of many images on a few sheets, so that a page with ten thousand of them stays small and quick."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from gansift.data.pixels import to_pixels
from gansift.report.views.images import data_uri, to_image

# Pixels at the longer side of a thumbnail: larger images are reduced.
_SIDE = 64
# Pixels at the longer side of a sheet: few enough to be decoded at once.
_SHEET = 512
# Images of up to this many numbers are smaller as PNG, and shown pixel by pixel.
_EXACT = 1024
# JPEG compresses blocks of 8x8 pixels, which must not reach into the next thumbnail.
_JPEG_BLOCK = 8


def sheets(images: np.ndarray) -> dict[str, Any]:
    """Thumbnails of images (N, C, H, W) in [-1, 1], row by row on as many sheets as it takes.

    Returns:
        ``width`` and ``height`` of a thumbnail, ``step`` (across, down) from one to the next, ``columns`` and ``rows``
        of a full sheet, and ``pictures``, the sheets as data URIs.
    """
    exact = bool(np.prod(images.shape[1:]) <= _EXACT)
    tiles = [_thumbnail(image) for image in images]
    height, width = tiles[0].shape[:2]
    block = 1 if exact else _JPEG_BLOCK
    down, across = (-(-side // block) * block for side in (height, width))
    columns, rows = max(1, _SHEET // across), max(1, _SHEET // down)
    margins = [(0, down - height), (0, across - width), (0, 0)][: tiles[0].ndim]
    tiles = [np.pad(tile, margins, mode="edge") for tile in tiles]
    pictures = [
        data_uri(_sheet(tiles[first : first + columns * rows], columns), exact)
        for first in range(0, len(tiles), columns * rows)
    ]
    return {
        "width": width,
        "height": height,
        "step": [across, down],
        "columns": columns,
        "rows": rows,
        "pictures": pictures,
    }


def _thumbnail(image: np.ndarray) -> np.ndarray:
    return to_pixels(image) if max(image.shape[1:]) <= _SIDE else np.asarray(to_image(image, _SIDE))


def _sheet(tiles: list[np.ndarray], columns: int) -> Image.Image:
    down, across = tiles[0].shape[:2]
    used = min(columns, len(tiles))
    sheet = np.zeros((-(-len(tiles) // columns) * down, used * across, *tiles[0].shape[2:]), np.uint8)
    for position, tile in enumerate(tiles):
        row, column = divmod(position, columns)
        sheet[row * down : (row + 1) * down, column * across : (column + 1) * across] = tile
    return Image.fromarray(sheet)
