"""From the bytes of an image file to 8-bit pixels, and from 8-bit pixels to [-1, 1]."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from gansift.data.resize import USUAL, resized
from gansift.errors import DataError

# Only these decoders are let near a file, whatever its name: others start outside programs (EPS) or are little tried.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF")
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
    ".pnm", ".avif",
)  # fmt: skip
_HEIF = (".heic", ".heif", ".hif")
#: Photographs that no decoder here reads by itself; they are named as unusable, and not taken for other files.
UNREAD = (
    *_HEIF,
    ".jxl",
    ".jp2",
    ".j2k",
    ".dng",
    ".cr2",
    ".cr3",
    ".nef",
    ".arw",
    ".orf",
    ".rw2",
    ".raf",
    ".psd",
    ".tga",
)


class Span(NamedTuple):
    """The values of 16-bit grey that are black and white; what lies beyond is black or white, too."""

    low: int
    high: int


#: All of 16 bits.
FULL = Span(0, 65535)

# What an image may declare; a file of a few bytes can declare any number.
MOST_PIXELS = 64_000_000


class BadImageError(Exception):
    """An image that cannot be used; the message is the reason, to be read after the file's path."""


def to_pixels(image: np.ndarray) -> np.ndarray:
    """An image (C, H, W) in [-1, 1] as bytes: (H, W) for one channel, else (H, W, 3).

    Two channels are averaged, and of more than three the first three are shown: a picture for the eye, not the data.
    """
    bytes_ = np.rint((np.clip(np.nan_to_num(image), -1, 1) + 1) * 127.5).astype(np.uint8)
    if len(bytes_) == 2:
        bytes_ = bytes_.mean(axis=0, keepdims=True).astype(np.uint8)
    return bytes_[0] if len(bytes_) == 1 else np.ascontiguousarray(np.moveaxis(bytes_[:3], 0, -1))


def to_signed(pixels: np.ndarray) -> Tensor:
    """8-bit pixels 0 ... 255 of any shape, as float32 in [-1, 1]: v / 127.5 - 1."""
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(127.5) - np.float32(1))


def signed(pixels: np.ndarray, name: str) -> Tensor:
    """Pixels of any shape as float32 in [-1, 1].

    Args:
        pixels: uint8; or float32 in [0, 1] or, if any is negative, in [-1, 1].
        name: what they are called in a message.

    Raises:
        DataError: if floats lie outside.
    """
    if pixels.dtype == np.uint8:
        return to_signed(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= -1 and high <= 1):  # also if one of them is NaN
        raise DataError(f"the floats of {name} run from {low:g} to {high:g}; they must be in [0, 1] or in [-1, 1]")
    return torch.from_numpy(pixels if low < 0 else pixels * 2 - 1)


def decode(content: bytes, size: int | None = None, resize: str = USUAL, span: Span = FULL) -> np.ndarray:
    """Decode an image file.

    The camera's orientation (EXIF) is applied, transparency is laid on white, and 16-bit grey is rounded to 8.

    Args:
        content: the bytes of the file.
        size: side in pixels to which it is resized. None leaves the size.
        resize: the convention (:mod:`gansift.data.resize`); the usual one is the largest square at the centre, by the
            Lanczos filter.
        span: the values of 16-bit grey that become 0 and 255.

    Returns:
        uint8, (H, W) if the file's colour mode is grey, else (H, W, 3).

    Raises:
        BadImageError: if there is not exactly one whole image of up to 16 bits and `MOST_PIXELS` pixels.
    """
    if not content:
        raise BadImageError("is empty (0 bytes)")
    try:
        with _silence(), Image.open(io.BytesIO(content), formats=formats()) as image:
            _refuse_too_large(image)
            _refuse_several_frames(image)
            deep = _is_deep(image)  # asked here, because a turned copy does not know its format any more
            flat = flatten(ImageOps.exif_transpose(image), deep, span)
            return np.array(flat if size is None else resized(flat, size, resize))
    except UnidentifiedImageError as error:
        if content[4:8] == b"ftyp":
            raise BadImageError(_MODERN) from error
        raise BadImageError("is not an image in a format that can be read, or its beginning is damaged") from error
    except Image.DecompressionBombError as error:
        raise BadImageError(_TOO_LARGE.format("more pixels")) from error
    except BadImageError:
        raise
    except Exception as error:  # decoders fail with whatever the broken bytes made them stumble over
        raise BadImageError(f"is damaged or cut short ({error or type(error).__name__})") from error


def deep_grey(content: bytes) -> np.ndarray | None:
    """The values of a 16-bit grey image, int64 (H, W); None if it is something else, or cannot be decoded."""
    if not (content[:4] in (b"II*\0", b"MM\0*") or content[:2] in (b"P2", b"P5") or content[24:26] == b"\x10\0"):
        return None  # no TIFF, PGM, or PNG of 16-bit grey: told without a decoder, for this is asked of every file
    try:
        with _silence(), Image.open(io.BytesIO(content), formats=formats()) as image:
            _refuse_too_large(image)
            return np.clip(np.asarray(image).astype(np.int64), *FULL) if _is_deep(image) else None
    except Exception:  # said where the image is read
        return None


def _is_deep(image: Image.Image) -> bool:
    """Whether an image, as it was opened, is 16-bit grey."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))


def form(content: bytes) -> str:
    """Format and colour mode of an image that can be decoded, such as ``PNG RGBA``."""
    with _silence(), Image.open(io.BytesIO(content), formats=formats()) as image:
        return f"{image.format} {image.mode}"


@cache
def formats() -> tuple[str, ...]:
    """The decoders that there are, among them that of HEIC if it is installed (the extra ``heif``)."""
    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
        return (*_there(), "HEIF")
    return _there()


def _there() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextmanager
def _silence() -> Iterator[None]:
    """No warnings: decoders warn of stray metadata and of sizes, which are refused here if they matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_MODERN = (
    "is HEIC, AVIF or alike, which is not read here: pip install 'gansift[heif]' reads HEIC, a newer Pillow AVIF; or "
    "save it as PNG or JPEG"
)
_TOO_LARGE = f"declares {{}} than the {MOST_PIXELS / 1e6:.0f} megapixels that are decoded; shrink it"


def _refuse_too_large(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise BadImageError(_TOO_LARGE.format(f"{image.width}x{image.height} pixels, more"))


def _refuse_several_frames(image: Image.Image) -> None:
    # A camera's MPO is a JPEG with a preview or a second view behind it: its first image is the picture.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise BadImageError(f"is animated or has several pages ({frames} frames)")


def flatten(image: Image.Image, deep: bool, span: Span = FULL) -> Image.Image:
    """An opaque image of mode L or RGB.

    Args:
        image: of any mode.
        deep: its numbers are 16-bit grey.
        span: the values of 16-bit grey that become 0 and 255.

    Raises:
        BadImageError: if it has 32-bit pixels.
    """
    if deep:
        values = np.asarray(image).astype(np.float64)
        shades = np.clip((values - span.low) * 255 / (span.high - span.low), 0, 255)
        clear = image.info.get("transparency")  # of PNG: one value that is transparent
        return Image.fromarray(np.rint(np.where(values == clear, 255, shades)).astype(np.uint8))
    if image.mode.startswith("I") or image.mode == "F":
        raise BadImageError(f"has 32-bit pixels (mode {image.mode}); save it with 8 or 16 bits")
    colour = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("LA" if colour == "L" else "RGBA")
        white = Image.new(colour, image.size, "white")
        return Image.composite(image.convert(colour), white, image.getchannel("A"))
    return image.convert(colour)
