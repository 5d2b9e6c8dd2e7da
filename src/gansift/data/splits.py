"""Which split an example belongs to: decided by its content and the seed, never by the other examples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from gansift.data.examples import Examples, Splits
from gansift.errors import DataError, UsageError

SPLITS = ("train", "valid", "test")
FRACTIONS = (0.5, 0.25, 0.25)


def check_fractions(fractions: Sequence[float]) -> None:
    """Refuse fractions that are not three positive numbers with sum 1.

    Raises:
        UsageError: if they are not.
    """
    if len(fractions) != 3 or not all(0 < part < 1 for part in fractions) or not math.isclose(sum(fractions), 1):
        raise UsageError(
            f"the fractions of train, valid and test must be three positive numbers with sum 1, not "
            f"{', '.join(map(str, fractions)) or 'none'}; the default is 0.5, 0.25, 0.25"
        )


def assign(content_hash: str, seed: int, fractions: Sequence[float] = FRACTIONS) -> str:
    """The split of the example with this content: "train", "valid" or "test".

    The first 53 bits of SHA-256("seed:content hash") are a number in [0, 1), exact in float64; the fractions cut
    that interval in three. So no file that comes or goes moves another one, and copies of one content under two
    names stay together: none leaks from train to test.
    """
    digest = hashlib.sha256(f"{seed}:{content_hash}".encode()).digest()
    place = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    if place < fractions[0]:
        return "train"
    return "valid" if place < fractions[0] + fractions[1] else "test"


def split(
    examples: Examples,
    name: str,
    *,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    skipped: tuple[tuple[str, str], ...] = (),
) -> Splits:
    """Split examples by :func:`assign`, keeping their order inside each split.

    Raises:
        UsageError: if the fractions are not three positive numbers with sum 1.
        DataError: if a split ends up with no example.
    """
    check_fractions(fractions)
    rows: dict[str, list[int]] = {part: [] for part in SPLITS}
    for row, content_hash in enumerate(examples.hashes):
        rows[assign(content_hash, seed, fractions)].append(row)
    for part, fraction in zip(SPLITS, fractions, strict=True):
        if not rows[part]:
            raise DataError(_empty_split(examples, name, part, fraction))
    train, valid, test = (examples.subset(rows[part]) for part in SPLITS)
    return Splits(name, train, valid, test, skipped)


def _empty_split(examples: Examples, name: str, part: str, fraction: float) -> str:
    noun = "image" if len(examples.shape) == 3 else "point"
    distinct = len(set(examples.hashes))
    copies = "" if distinct == len(examples) else f" ({distinct} distinct; copies stay together)"
    return (
        f"{name} has {len(examples)} {noun}s{copies}, and none of them falls into the {part} split, which takes "
        f"{fraction:.0%} of the data by chance. Add {noun}s, give that split a larger fraction, or try another seed."
    )
