"""Examples as images, in the page itself as data URIs that need no file beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from gansift.data.encoding import Encoding
from gansift.data.pixels import to_pixels
from gansift.report.rendering import render
from gansift.report.views.view import Card

NOUN = "image"
COMPACT = False
ALIKE = ": the same place in the two pictures is the same latent"

# Up to this many pixels a side, PNG is smaller than JPEG and shows every pixel as it is.
_PNG_SIDE = 64
# Up to this many pixels a side, the images of a sheet are shown pixel by pixel.
_SHARP_SHEET = 32
_SAMPLES = 64
_SHEET_COLUMNS = 8
# Latents whose two samples stand side by side, as they come.
_PAIRS = 8


def gallery(cards: Sequence[Card], side: str) -> Markup:
    """Cards with the image, its score, rank, class and id."""
    pictures = [image_uri(card.x) for card in cards]
    sharp = [_is_sharp(card.x) for card in cards]
    return render("views/images.html", cards=list(zip(cards, pictures, sharp, strict=True)), side=side)


def one(x: np.ndarray, alt: str, encoding: Encoding | None = None) -> Markup:
    """The image, enlarged if it is small."""
    shown = Markup('<img class="one{}" src="{}" alt="{}" loading="lazy">')
    return shown.format(Markup(" sharp") if _is_sharp(x) else "", image_uri(x), alt)


def score_map(x: np.ndarray, values: np.ndarray, direction: str, label: str) -> None:
    """Images lie nowhere that could be drawn."""


def before_after(
    x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None, encoding: Encoding | None = None
) -> Markup:
    """The first latents as pairs at a readable size, and both sets of samples, each on a sheet."""
    pairs = [] if before is None or after is None else _pairs(before[:_PAIRS], after[:_PAIRS])
    sheets = [
        (name, sheet_uri(images[:_SAMPLES], _SHEET_COLUMNS), len(images[:_SAMPLES]))
        for name, images in (("before", before), ("after", after))
        if images is not None and len(images)
    ]
    sharp = x.shape[-1] <= _SHARP_SHEET
    return render("views/sheets.html", sheets=sheets, sharp=sharp, pairs=pairs)


def _pairs(before: np.ndarray, after: np.ndarray) -> list[tuple[Markup, Markup]]:
    return [
        (one(first, f"sample {row} before the removal"), one(second, f"sample {row} after the removal"))
        for row, (first, second) in enumerate(zip(before, after, strict=True), 1)
    ]


def _is_sharp(image: np.ndarray) -> bool:
    return image.shape[-1] <= _PNG_SIDE


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


def data_uri(picture: Image.Image, exact: bool, quality: int = 88) -> str:
    """A picture as a data URI: PNG if ``exact``, else JPEG, which keeps the colours of single pixels apart."""
    buffer = io.BytesIO()
    if exact:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return f"data:image/{'png' if exact else 'jpeg'};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
