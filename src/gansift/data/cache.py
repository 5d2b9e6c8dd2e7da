"""Decoded pixels on disk, found by content: what is there needs no decoding, whatever it is called now."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import PIL

from gansift.data.names import shown
from gansift.data.pixels import FULL, Span
from gansift.errors import GansiftError
from gansift.files import write_atomically

_log = logging.getLogger(__name__)

# Anything in `pixels.decode` that changes what comes out of it raises this.
_DECODER = 2


class PixelCache:
    """Pixels of images that were decoded in one way.

    A file holds the images of one shape, as records of content hash, checksum and pixels, and is opened memory-mapped.
    What is damaged, a file or a record of it, counts as not there.

    Args:
        folder: where the files are; it need not exist.
        size: side in pixels that images were resized to, or None.
        resize: by which convention.
        span: the values of 16-bit grey that are black and white.
    """

    def __init__(self, folder: Path, size: int | None, resize: str, span: Span = FULL) -> None:
        way = json.dumps([_DECODER, PIL.__version__, size, None if size is None else resize, span])
        self._start = f"pixels-{hashlib.sha256(way.encode()).hexdigest()[:16]}"
        self._folder = folder
        self._records: dict[bytes, np.void] = {}
        self._sound: set[str] = set()
        for path in sorted(folder.glob(f"{self._start}-*.npy")):
            self._records.update({record["hash"].tobytes(): record for record in _opened(path)})

    def get(self, content_hash: str) -> np.ndarray | None:
        """Pixels, uint8 (H, W) or (H, W, 3), read from disk where they are used; None if they are not there."""
        record = self._records.get(bytes.fromhex(content_hash))
        if record is None or record["check"] != _check(record["hash"], record["pixels"]):
            return None
        self._sound.add(content_hash)
        return record["pixels"]

    def keep(self, images: Mapping[str, np.ndarray]) -> None:
        """Keep exactly these images, by content hash, unless `get` has found them all; a full disk is no error."""
        if images.keys() <= self._sound:
            return
        shapes = sorted({pixels.shape for pixels in images.values()})
        for shape in shapes:
            alike = {content_hash: pixels for content_hash, pixels in images.items() if pixels.shape == shape}
            path = self._folder / f"{self._start}-{'x'.join(map(str, shape))}.npy"
            try:
                write_atomically(path, partial(_write, images=alike, shape=shape))
            except GansiftError as error:
                _log.warning("images will be decoded again next time: %s", error)


def _dtype(shape: tuple[int, ...]) -> np.dtype:
    return np.dtype([("hash", "u1", 32), ("check", "<u4"), ("pixels", "u1", shape)])


def _check(content_hash: np.ndarray, pixels: np.ndarray) -> int:
    return zlib.crc32(pixels.tobytes(), zlib.crc32(content_hash.tobytes()))


def _write(path: Path, images: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> None:
    # Written piece by piece: into mapped memory a full disk would be no error but the end of the process.
    header = {"descr": np.lib.format.dtype_to_descr(_dtype(shape)), "fortran_order": False, "shape": (len(images),)}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for content_hash, pixels in images.items():
            digest = np.frombuffer(bytes.fromhex(content_hash), np.uint8)
            file.write(np.array((digest, _check(digest, pixels), pixels), _dtype(shape)).tobytes())


def _opened(path: Path) -> np.ndarray:
    """The records of a file; none if it is damaged."""
    try:
        shape = tuple(map(int, path.stem.rpartition("-")[2].split("x")))
        records = np.load(path, mmap_mode="r", allow_pickle=False)
        if records.dtype != _dtype(shape) or records.ndim != 1:
            raise ValueError("it holds something else")
    except Exception as error:  # the reader fails with whatever the broken bytes made it stumble over
        _log.warning("%s is damaged and is written anew: %s", shown(path), error)
        return np.empty(0, _dtype(()))
    return records
