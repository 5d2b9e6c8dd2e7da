"""One example that is asked about: of a data set by its id, or an image file of the same kind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gansift.data.examples import Examples, Splits
from gansift.data.pixels import BadImageError, decode, signed
from gansift.errors import DataError, UsageError

_COLOURS = 3


def single_example(splits: Splits, named: str) -> Examples:
    """The example of that id, with all that is known of it, or the image in that file, of which nothing else is known.

    An image is cropped, resized and made grey or coloured as the data set is.

    Args:
        splits: the data set.
        named: id of a training, validation or test example, or path of an image file.

    Raises:
        UsageError: if it is neither, or a file where the examples are no images.
        DataError: if the file is no image that can be read.
    """
    for part in (splits.train, splits.valid, splits.test):
        if named in part.ids:
            return part.subset([part.ids.index(named)])
    path = Path(named)
    if not path.is_file():
        raise UsageError(f"--query {named}: there is no such file, and no example of that id (manifest.csv lists them)")
    shape = splits.train.shape
    if len(shape) != _COLOURS or shape[0] not in (1, _COLOURS) or shape[1] != shape[2]:
        raise UsageError(f"--query {named}: examples of shape {shape} are no square images; give an example by its id")
    return _from_file(path, shape)


def _from_file(path: Path, shape: tuple[int, ...]) -> Examples:
    try:
        content = path.read_bytes()
        pixels = decode(content, size=shape[1])
    except (OSError, BadImageError) as error:
        raise DataError(f"{path} {error}") from error
    image = Image.fromarray(pixels).convert("L" if shape[0] == 1 else "RGB")
    x = signed(np.asarray(image), str(path)).reshape(shape[1], shape[2], shape[0]).movedim(2, 0)
    digest = hashlib.sha256(content).hexdigest()
    return Examples((f"{path.name}#{digest[:12]}",), torch.clone(x)[None], {}, (str(path),), (digest,))
