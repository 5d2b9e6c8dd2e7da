"""Which split an example belongs to: its own, or decided by its content and the seed, never by the other examples."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from gansift.data.examples import Examples, Splits
from gansift.data.layout import SPLITS
from gansift.data.names import shown
from gansift.errors import DataError, UsageError

FRACTIONS = (0.5, 0.25, 0.25)

# As many examples as a message names.
_SHOWN = 3


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


def parse_fractions(text: str) -> tuple[float, float, float]:
    """Fractions of train, valid and test, as they are given to ``--fractions``: three numbers, in proportion.

    >>> parse_fractions("0.8,0.1,0.1"), parse_fractions("60/20/20")
    ((0.8, 0.1, 0.1), (0.6, 0.2, 0.2))

    Raises:
        UsageError: if it is anything else.
    """
    try:
        given = [float(part) for part in re.split("[,/]", text)]
        total = sum(given)
        parts = given if math.isclose(total, 1) else [part / total for part in given]
        check_fractions(parts)
    except (ValueError, ZeroDivisionError, UsageError) as error:
        raise UsageError(
            f"--fractions {text}: give the shares of train, validation and test, such as 0.8,0.1,0.1 or 80/10/10"
        ) from error
    train, valid, test = parts
    return train, valid, test


def assign(content_hash: str, seed: int, fractions: Sequence[float] = FRACTIONS, turn: float = 0.0) -> str:
    """The split of the example with this content: "train", "valid" or "test".

    The first 53 bits of SHA-256("seed:content hash") are a number in [0, 1), exact in float64; the fractions cut
    that interval in three. So no file that comes or goes moves another one, and copies of one content under two
    names stay together: none leaks from train to test. A turn moves every number on by so much, past 1 to 0 again: of
    the turns 0, 1/n, 2/n, ... each takes another n-th of the examples for testing, if that is the share of the tests.
    """
    digest = hashlib.sha256(f"{seed}:{content_hash}".encode()).digest()
    place = ((int.from_bytes(digest[:8], "big") >> 11) / 2**53 + turn) % 1
    if place < fractions[0]:
        return "train"
    return "valid" if place < fractions[0] + fractions[1] else "test"


def parts_of(
    hashes: Sequence[str],
    own: Sequence[str],
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    turn: float = 0.0,
) -> list[str]:
    """The split of every example: by :func:`assign`, or as the source has it.

    Whatever split the source lacks is taken from its training examples, by the fractions of the two.

    Args:
        hashes: of the contents.
        own: the split of each as the source has it; empty if it has none.
        seed: of the split.
        fractions: of train, valid and test.
        turn: see :func:`assign`.

    Raises:
        DataError: if the source has splits and none of its examples is for training, or all of them where a turn is
            asked for.
    """
    if not own:
        return [assign(content_hash, seed, fractions, turn) for content_hash in hashes]
    if "train" not in own:
        raise DataError(f"all examples are {' or '.join(sorted(set(own)))} examples, so there is none to train on")
    shares = _shares(own, fractions)
    if turn and shares[0] == 1:
        raise DataError(
            "training, validation and test examples are given, so that no other examples can be held out in turn"
        )
    return [
        assign(content_hash, seed, shares, turn) if part == "train" else part
        for content_hash, part in zip(hashes, own, strict=True)
    ]


def _shares(own: Sequence[str], fractions: Sequence[float]) -> tuple[float, ...]:
    """What becomes of the source's training examples: the fractions of those splits that it does not have itself."""
    taken = [part for part in SPLITS[1:] if part not in own]
    if len(taken) != 1:
        return (1.0, 0.0, 0.0) if not taken else tuple(fractions)
    of = dict(zip(SPLITS, fractions, strict=True))
    train = of["train"] / (of["train"] + of[taken[0]])
    rest = 1 - train  # so that the two have the sum 1, and nothing falls into the split that is not taken
    return (train, rest, 0.0) if taken == ["valid"] else (train, 0.0, rest)


def split(
    examples: Examples,
    name: str,
    *,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    turn: float = 0.0,
    skipped: tuple[tuple[str, str], ...] = (),
) -> Splits:
    """Split examples by :func:`parts_of`, keeping their order inside each split.

    Copies of what the source holds out are dropped from what it trains on: test examples are in no other split, and
    validation examples are not trained on. ``Splits.skipped`` lists them and ``Splits.notes`` counts them.

    Raises:
        UsageError: if the fractions are not three positive numbers with sum 1.
        DataError: if a split ends up with no example.
    """
    check_fractions(fractions)
    try:
        parts = parts_of(examples.hashes, examples.parts, seed, fractions, turn)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    copies = _copies(examples, parts)
    rows: dict[str, list[int]] = {part: [] for part in SPLITS}
    for row, part in enumerate(parts):
        if row not in copies:
            rows[part].append(row)
    for part, fraction in zip(SPLITS, fractions, strict=True):
        if not rows[part]:
            raise DataError(_empty_split(examples, name, part, fraction, len(copies)))
    train, valid, test = (examples.subset(rows[part]) for part in SPLITS)
    left_out = tuple((shown(examples.ids[row]), reason) for row, reason in copies.items())
    return Splits(
        name, train, valid, test, skipped + left_out, notes=(*examples.notes, *_notes(examples, name, rows, copies))
    )


def _copies(examples: Examples, parts: Sequence[str]) -> dict[int, str]:
    """Row -> reason of each example that has a copy in a later split; there is none where chance made the splits."""
    if not examples.parts:
        return {}
    last: dict[str, int] = {}
    for row, content_hash in sorted(enumerate(examples.hashes), key=lambda one: SPLITS.index(parts[one[0]])):
        last[content_hash] = row
    copies = {}
    for row, content_hash in enumerate(examples.hashes):
        other = last[content_hash]
        if parts[row] != parts[other]:
            copies[row] = (
                f"is a {parts[row]} example and a copy of the {parts[other]} example {shown(examples.ids[other])}"
            )
    return copies


def contradicting(examples: Examples) -> list[list[int]]:
    """Groups of rows with the same content that have more than one label; none without labels."""
    if examples.labels is None or len(examples.shape) != 3:  # the hash of a record has its label in it, or means less
        return []
    groups: dict[str, list[int]] = {}
    for row, content_hash in enumerate(examples.hashes):
        groups.setdefault(content_hash, []).append(row)
    labels = examples.labels.tolist()
    return [group for group in groups.values() if len({labels[row] for row in group}) > 1]


def _notes(
    examples: Examples, name: str, rows: Mapping[str, Sequence[int]], copies: Mapping[int, str]
) -> Iterator[str]:
    """Sentences on labels that contradict one another, and on the splits, where the source has a say in them."""
    odd = contradicting(examples)
    if odd:
        first = ", ".join(shown(examples.ids[row]) for row in odd[0][:_SHOWN])
        yield (
            f"{len(odd)} groups of exact copies in {shown(name)} have different labels, such as {first}: one of the "
            "labels must be wrong, or the image is of both classes. Mend them, or leave all of a group out."
        )
    if not examples.parts:
        return
    own = [part for part in SPLITS if part in examples.parts]
    counts = ", ".join(f"{part} {len(rows[part])}" for part in SPLITS)
    taken = [part for part in SPLITS if part not in own]
    rest = f", and {' and '.join(taken)} is taken from train" if taken else ""
    yield f"{shown(name)} has {' and '.join(own)} of its own{rest}: {counts}"
    if copies:
        first = ", ".join(shown(examples.ids[row]) for row in list(copies)[:_SHOWN])
        more = f" and {len(copies) - _SHOWN} more" if len(copies) > _SHOWN else ""
        yield (
            f"{len(copies)} examples of {shown(name)} are copies of others that are held out, so they are left out of "
            f"what is trained on and chosen with: {first}{more}"
        )


def _empty_split(examples: Examples, name: str, part: str, fraction: float, copies: int) -> str:
    noun = "image" if len(examples.shape) == 3 else "point"
    if part in examples.parts:
        return (
            f"{name}: no {part} example is left, for all {copies} that are left out are copies of {noun}s that are "
            f"held out. Give {noun}s of which none is held out."
        )
    distinct = len(set(examples.hashes))
    alike = "" if distinct == len(examples) else f" ({distinct} distinct; copies stay together)"
    return (
        f"{name} has {len(examples)} {noun}s{alike}, and none of them falls into the {part} split, which takes "
        f"{fraction:.0%} of the data by chance. Add {noun}s, give that split a larger share with --fractions, or try "
        "another --split-seed."
    )
