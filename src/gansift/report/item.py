"""One example that is exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

if TYPE_CHECKING:
    from gansift.data.examples import Examples


class Item(NamedTuple):
    """An example of a run, as it is in the data now.

    Attributes:
        examples: the examples among which it is.
        position: its place among them.
        split: the name of its split: ``train``, ``valid`` or ``test``.
        label: the name of its class, or "".
    """

    examples: Examples
    position: int
    split: str
    label: str

    @property
    def id(self) -> str:
        """Its id."""
        return self.examples.ids[self.position]

    @property
    def path(self) -> str:
        """The file that it is, or "" if it is none."""
        return self.examples.paths[self.position]

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return self.examples.hashes[self.position]

    @property
    def x(self) -> Tensor:
        """What is trained on: an image (C, H, W) in [-1, 1], or a point (d,)."""
        return self.examples.x[self.position]


def class_numbers(items: Sequence[Item]) -> list[int] | None:
    """The number of each one's class: that which a person gave it, if all classes are called by numbers; else from 0.

    None without classes.
    """
    names = sorted({item.label for item in items})
    if names in ([""], []):
        return None
    if all(name.isascii() and name.isdigit() for name in names):
        return [int(item.label) for item in items]
    classes = items[0].examples.class_names or names
    number = {name: position for position, name in enumerate(classes)}
    return [number[item.label] for item in items]
