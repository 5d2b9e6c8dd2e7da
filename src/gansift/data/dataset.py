"""Any map-style torch data set in memory as a source of examples, in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gansift.data.columns import labelled
from gansift.data.examples import Examples
from gansift.data.grey import depth_of, remarks, span_of
from gansift.data.hashing import hash_rows, row_ids
from gansift.data.labels import number_labels
from gansift.data.pixels import BadImageError, Span, flatten, signed
from gansift.errors import DataError

# So many items are read twice: a data set that augments at random has no examples, only views of them.
_READ_TWICE = 8


class MapStyle(Protocol):
    """What ``torch.utils.data.Dataset`` of known length is."""

    def __len__(self) -> int:
        """The number of items."""

    def __getitem__(self, index: int, /) -> Any:
        """One item."""


class _Item(NamedTuple):
    pixels: np.ndarray  # (H, W, 1 or 3), uint8 or float32
    label: str | None


def from_dataset(dataset: MapStyle, *, name: str) -> Examples:
    """The items of a data set as examples; ids are ``name/row#hash12``, so the order of items has to stay.

    Args:
        dataset: whose items are ``image`` or ``(image, label)``. Images are PIL images, tensors (H, W) or (C, H, W),
            or arrays (H, W) or (H, W, C), with one or three channels, all of one size. Pixels are uint8, or floats
            in [0, 1], or, if any of them is negative, in [-1, 1]. Labels are integers or strings; integers are
            numbers of ``dataset.classes`` where it has that.
        name: what ids begin with.

    Returns:
        Examples in the order of the data set, x (N, 1 or 3, H, W) in [-1, 1]; RGB if any image is.

    Raises:
        DataError: if an item is something else, sizes or kinds differ, only some items have labels, or an item
            changes when it is read again.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__") or not len(dataset):
        raise DataError(f"the data set {name} must have a length, which is not 0, and items")
    classes = getattr(dataset, "classes", None)
    taken = [_taken_apart(dataset[row]) for row in range(len(dataset))]
    depth = depth_of(np.asarray(image).astype(np.int64) for image, _ in taken if _is_deep(image))
    span = span_of(depth, None)
    items = list(_items(taken, name, classes if isinstance(classes, list | tuple) else None, span))
    for row, item in enumerate(items[:_READ_TWICE]):
        again = _pixels(_taken_apart(dataset[row])[0], f"item {row} of {name}", span)
        if again.tobytes() != item.pixels.tobytes():
            raise DataError(
                f"item {row} of {name} is another image when it is read again: switch random augmentation off"
            )
    pixels = _stacked([item.pixels for item in items], name)
    hashes = hash_rows(pixels)
    labels = [item.label for item in items]
    if None in labels and set(labels) != {None}:
        raise DataError(f"item {labels.index(None)} of {name} has no label, but others have one")
    return Examples(
        ids=row_ids(name, hashes),
        x=signed(pixels, name).permute(0, 3, 1, 2).contiguous(),
        columns={} if None in labels else labelled(*number_labels([str(label) for label in labels])),
        paths=("",) * len(items),
        hashes=hashes,
        notes=tuple(remarks(depth, None)),
    )


def _items(taken: Sequence[tuple[Any, Any]], name: str, classes: Sequence[Any] | None, span: Span) -> Iterator[_Item]:
    for row, (image, label) in enumerate(taken):
        where = f"item {row} of {name}"
        yield _Item(_pixels(image, where, span), _label(label, where, classes))


def _is_deep(image: Any) -> bool:
    return isinstance(image, Image.Image) and image.mode.startswith("I;16")


def _taken_apart(item: Any) -> tuple[Any, Any]:
    """Image and label, which is None if there is none."""
    return (item[0], item[1]) if isinstance(item, tuple | list) and len(item) == 2 else (item, None)


def _pixels(image: Any, where: str, span: Span) -> np.ndarray:
    """Pixels (H, W, 1 or 3), uint8 or float32."""
    if isinstance(image, Image.Image):
        try:
            image = np.asarray(flatten(image, _is_deep(image), span))
        except BadImageError as error:
            raise DataError(f"{where} {error}") from error
    elif isinstance(image, Tensor):
        image = image.detach().cpu()
        image = image.float() if image.dtype == torch.bfloat16 else image  # which numpy does not know
        image = (image.permute(1, 2, 0) if image.ndim == 3 else image).numpy()
    elif not isinstance(image, np.ndarray):
        raise DataError(f"{where} is {type(image).__name__}, neither an image nor an (image, label)")
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or (pixels.dtype != np.uint8 and pixels.dtype.kind != "f"):
        raise DataError(
            f"{where} is {image.dtype} of shape {image.shape} (height, width, channels); it must be uint8 or float, "
            "with one or three channels"
        )
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)


def _label(label: Any, where: str, classes: Sequence[Any] | None) -> str | None:
    if isinstance(label, Tensor | np.ndarray | np.generic):
        label = label.tolist()  # a number, if it is one
    if label is None or isinstance(label, str):
        return label
    if not isinstance(label, int):
        raise DataError(f"{where} has the label {label!r}; it must be an integer or a string")
    return str(classes[label]) if classes is not None and 0 <= label < len(classes) else str(label)


def _stacked(images: Sequence[np.ndarray], name: str) -> np.ndarray:
    """All images in one array (N, H, W, 1 or 3)."""
    channels = max(image.shape[2] for image in images)
    for row, image in enumerate(images):
        if (image.shape[:2], image.dtype) != (images[0].shape[:2], images[0].dtype):
            raise DataError(
                f"item {row} of {name} is {image.dtype}, {image.shape[1]}x{image.shape[0]} pixels, but the first is "
                f"{images[0].dtype}, {images[0].shape[1]}x{images[0].shape[0]}; resize in the data set's transform"
            )
    return np.stack([np.repeat(image, channels // image.shape[2], axis=2) for image in images])
