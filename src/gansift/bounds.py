"""Bounds of a number that a person may give."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Bounds of a number, written into its annotation: ``Annotated[int, Range(1)]``.

    Attributes:
        least: the smallest value that is allowed, or None.
        most: the largest one, or None.
        above: what a value has to exceed, or None.
        below: what a value has to stay under, or None.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is within them."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def words(self) -> str:
        """The bounds in words; empty where there are none."""
        bounds = (
            ("of at least", self.least), ("above", self.above), ("of at most", self.most), ("below", self.below)
        )  # fmt: skip
        return " and ".join(
            f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
            for words, bound in bounds
            if bound is not None
        )


#: No bounds.
ANY = Range()
