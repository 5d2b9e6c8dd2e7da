"""Conventions by which images of all sizes become squares, by name: how they are fitted, and by which filter."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from gansift.errors import UsageError


def _crop(image: Image.Image, size: int, filter: Image.Resampling) -> Image.Image:
    """The largest square at the centre."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), filter)


def _stretch(image: Image.Image, size: int, filter: Image.Resampling) -> Image.Image:
    """All of it, whatever becomes of its proportions."""
    return image.resize((size, size), filter)


def _pad(image: Image.Image, size: int, filter: Image.Resampling) -> Image.Image:
    """All of it at the centre, in its proportions, on white as transparency is."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    square = Image.new(image.mode, (size, size), "white")
    square.paste(image.resize((width, height), filter), ((size - width) // 2, (size - height) // 2))
    return square


_FITS: dict[str, Callable[[Image.Image, int, Image.Resampling], Image.Image]] = {
    "crop": _crop,
    "stretch": _stretch,
    "pad": _pad,
}
_FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}

USUAL = "crop-lanczos"


def check_resize(name: str) -> None:
    """Refuse a name that is no convention.

    Raises:
        UsageError: if it is not.
    """
    fit, _, filter = name.partition("-")
    if fit not in _FITS or filter not in _FILTERS:
        raise UsageError(
            f"--resize {name!r} is unknown; give a fit ({', '.join(_FITS)}) and a filter ({', '.join(_FILTERS)}), "
            f"joined by a hyphen, such as {USUAL}"
        )


def resized(image: Image.Image, size: int, name: str) -> Image.Image:
    """An image of ``size`` x ``size`` pixels, by the convention of that name.

    Args:
        image: of mode L or RGB.
        size: side in pixels.
        name: ``<fit>-<filter>``. All filters average over what a pixel covers when shrinking.
    """
    fit, _, filter = name.partition("-")
    return _FITS[fit](image, size, _FILTERS[filter])
