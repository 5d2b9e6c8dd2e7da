"""Images at their places on a map: one for each part of the plane in which there are any, framed by harm."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from gansift.report.drawing import HARMFUL, HELPFUL
from gansift.report.views.images import data_uri, to_image
from gansift.report.words import harm

# Parts of the plane at each side, pixels of an image and of its frame.
_PARTS, _SIDE, _FRAME = 12, 48, 4
_PAPER = (236, 238, 241)


def collage_uri(x: np.ndarray, plane: np.ndarray, values: np.ndarray, direction: str) -> str:
    """A picture of images on a grid, as a data URI.

    Args:
        x: the images, shape (N, C, H, W), in [-1, 1].
        plane: where each lies, shape (N, 2); the second coordinate points upwards.
        values: their scores, shape (N,).
        direction: ``lower`` or ``higher`` is better.
    """
    part, by_removal = _parts(plane), harm(values, direction)
    size = _PARTS * (_SIDE + 2 * _FRAME)
    picture = Image.new("RGB", (size, size), _PAPER)
    draw = ImageDraw.Draw(picture)
    reach = float(np.abs(by_removal).max(initial=0)) or 1.0
    for across, up in np.unique(part, axis=0).tolist():
        rows = np.flatnonzero((part == (across, up)).all(axis=1))
        middle = np.abs(plane[rows] - plane[rows].mean(axis=0)).sum(axis=1).argmin()
        left, top = across * (_SIDE + 2 * _FRAME), (_PARTS - 1 - up) * (_SIDE + 2 * _FRAME)
        draw.rectangle(
            (left, top, left + _SIDE + 2 * _FRAME - 1, top + _SIDE + 2 * _FRAME - 1),
            _mixed(float(by_removal[rows].mean()) / reach),
        )
        tile = to_image(x[rows[middle]], _SIDE).convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
        picture.paste(tile, (left + _FRAME, top + _FRAME))
    return data_uri(picture, exact=False, quality=60)


def _parts(plane: np.ndarray) -> np.ndarray:
    """The part of the plane that each point is in, (N, 2), from 0; far points count as at the edge."""
    low, high = np.percentile(plane, (2, 98), axis=0)
    width = np.where(high > low, high - low, 1.0)
    return np.clip(((plane - low) / width * _PARTS).astype(int), 0, _PARTS - 1)


def _mixed(harm: float) -> tuple[int, int, int]:
    """From the colour of the helpful (-1) over grey to that of the harmful (1); small values are told apart, too."""
    share = abs(harm) ** 0.5
    end = HARMFUL if harm > 0 else HELPFUL
    colour = [int(end[place : place + 2], 16) for place in (1, 3, 5)]
    red, green, blue = (round(200 + share * (one - 200)) for one in colour)
    return red, green, blue
