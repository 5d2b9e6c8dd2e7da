"""The examples and samples that a report shows, and images as data URIs that need no file beside the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gansift.data.pixels import to_pixels

# Up to this many pixels a side, PNG is smaller than JPEG and shows every pixel as it is.
_PNG_SIDE = 64


@dataclass(frozen=True)
class Pictures:
    """What a report shows besides numbers.

    Attributes:
        ids: every training example's id, in the order of the training data.
        values: every training example's score, shape (N,), in the metric's units.
        labels: every training example's class name, or None.
        x: the training examples: images (N, C, H, W) in [-1, 1], or points (N, d).
        samples_before: samples of the generator trained on everything, in the same form, or None.
        samples_after: samples of the retrained generator from the same latents, or None.
        removed: ids of the examples that are removed, or None: the most harmful, as many as the summary says.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    labels: tuple[str, ...] | None
    x: np.ndarray
    samples_before: np.ndarray | None = None
    samples_after: np.ndarray | None = None
    removed: frozenset[str] | None = None

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.values.shape != (count,) or len(self.x) != count:
            raise ValueError(f"{count} ids, but values of shape {self.values.shape} and x of {self.x.shape}")
        if self.labels is not None and len(self.labels) != count:
            raise ValueError(f"{count} ids, but {len(self.labels)} labels")
        if self.x.ndim not in (2, 4):
            raise ValueError(f"x must be images (N, C, H, W) or points (N, d), not {self.x.shape}")

    @property
    def are_images(self) -> bool:
        """Whether the examples are images rather than points."""
        return self.x.ndim == 4


def to_image(image: np.ndarray, side: int) -> Image.Image:
    """An image (C, H, W) in [-1, 1], about ``side`` pixels at its longer side.

    Small images are enlarged by a whole factor, so that their pixels stay sharp squares; large ones are reduced.
    """
    picture = Image.fromarray(to_pixels(image))
    longest = max(picture.size)
    if longest > side:
        smaller = (max(1, round(picture.width * side / longest)), max(1, round(picture.height * side / longest)))
        return picture.resize(smaller, Image.Resampling.LANCZOS)
    factor = max(1, side // longest)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def image_uri(image: np.ndarray, side: int = 128) -> str:
    """One image (C, H, W) in [-1, 1] as a data URI, about ``side`` pixels at its longer side."""
    return data_uri(to_image(image, side), exact=max(image.shape[1:]) <= _PNG_SIDE)


def sheet(images: np.ndarray, columns: int, side: int = 72, gap: int = 2) -> Image.Image:
    """Images (N, C, H, W) in [-1, 1] on a grid of ``columns``, row by row, each about ``side`` pixels large."""
    tiles = [to_image(image, side) for image in images]
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    grid = Image.new(
        tiles[0].mode, (columns * (width + gap) - gap, rows * (height + gap) - gap), _middle(tiles[0].mode)
    )
    for position, tile in enumerate(tiles):
        row, column = divmod(position, columns)
        grid.paste(tile, (column * (width + gap), row * (height + gap)))
    return grid


def sheet_uri(images: np.ndarray, columns: int) -> str:
    """A `sheet` as a data URI."""
    return data_uri(sheet(images, columns), exact=max(images.shape[2:]) <= _PNG_SIDE // 2)


def _middle(mode: str) -> int | tuple[int, int, int]:
    return 128 if mode == "L" else (128, 128, 128)


def data_uri(picture: Image.Image, exact: bool) -> str:
    """A picture as a data URI: PNG if ``exact``, else JPEG, which keeps the colours of single pixels apart."""
    buffer = io.BytesIO()
    if exact:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=88, subsampling=0)
    return f"data:image/{'png' if exact else 'jpeg'};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
