"""Do held-out examples lie in the training data, the same or nearly the same?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from gansift.audit.audit import Subject, held_out
from gansift.audit.intervals import share_interval
from gansift.data.duplicates import near_duplicates, thumbnail
from gansift.data.examples import Examples, Splits
from gansift.data.pixels import to_pixels
from gansift.errors import UsageError
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.views.view import view_of
from gansift.report.words import plural

_PAIRS = 12
_LISTED = 100

#: A held-out example and a training example that it is a copy of: (part, row there, row in the training data).
_Pair = tuple[Examples, int, int]


def copied_in_data(subject: Subject) -> Answer:
    """Held-out examples that are in the training data too: the same content, or for images nearly the same look.

    Near copies of images are those of `data.duplicates.near_duplicates`: saved again, resized, touched up a little.

    Raises:
        UsageError: if no data set has held-out examples.
    """
    held = sum(len(part) for splits in subject.data.values() for part in held_out(splits))
    if not held:
        raise UsageError(f"{subject.name} has no validation or test data, so none of it can lie in the training data")
    pairs, counts = _pairs(subject)
    images = "near_copies" in counts
    return Answer(
        audit="copies",
        verdict=_verdict(sum(counts.values()), held, images),
        finding=any(counts.values()),
        numbers={
            name: Number(
                count / held, share_interval(count, held), f"share of held-out examples that {_MEANINGS[name]}", 0
            )
            for name, count in counts.items()
        },
        tables={f"Copies in {name}": _table(subject.data[name], of_set) for name, of_set in pairs.items()},
        pictures={f"Copies in {name}": _gallery(subject.data[name], of_set) for name, of_set in pairs.items()},
        shown=(
            f"All {held:,} validation and test examples of {plural(len(subject.data), 'data set')} were compared with "
            "every training example of their set.",
        ),
        not_shown=(
            "Mirrored, turned and cropped copies are not found."
            if images
            else "Only examples with exactly the same content are found.",
        ),
    )


def _verdict(found: int, held: int, images: bool) -> str:
    """One sentence."""
    looked = "the same or nearly the same image" if images else "the same content"
    if not found:
        return f"None of {held:,} held-out examples is in the training data, too ({looked})."
    are = "is" if found == 1 else "are"
    return (
        f"{found:,} of {held:,} held-out examples {are} in the training data, too ({looked}): "
        "results on held-out data look better than on new data."
    )


def _pairs(subject: Subject) -> tuple[dict[str, list[_Pair]], dict[str, int]]:
    """Copies by data set, of those that have any; and how many there are of each kind that was looked for."""
    pairs: dict[str, list[_Pair]] = {}
    counts = {"exact_copies": 0}
    for name, splits in subject.data.items():
        exact, near = _exact(splits), []
        counts["exact_copies"] += len(exact)
        if view_of(splits.train.shape) == "images":
            near = _near(splits, exact)
            counts["near_copies"] = counts.get("near_copies", 0) + len(near)
        if exact or near:
            pairs[name] = exact + near
    return pairs, counts


_MEANINGS = {
    "exact_copies": "have the same content as a training example",
    "near_copies": "look nearly the same as a training example",
}


def _exact(splits: Splits) -> list[_Pair]:
    """Pairs of the same content, by the hashes of the files or rows."""
    rows = {digest: row for row, digest in reversed(list(enumerate(splits.train.hashes)))}
    return [
        (part, row, rows[digest])
        for part in held_out(splits)
        for row, digest in enumerate(part.hashes)
        if digest in rows
    ]


def _near(splits: Splits, exact: Iterable[_Pair]) -> list[_Pair]:
    """Pairs of images that look the same without having the same content."""
    known = {(id(part), row) for part, row, _ in exact}
    parts = held_out(splits)
    thumbnails = [thumbnail(to_pixels(image)) for one in (splits.train, *parts) for image in one.x.numpy()]
    where = [(part, row) for part in parts for row in range(len(part))]
    training = len(splits.train)
    pairs = []
    for group in near_duplicates(thumbnails):
        originals = [position for position in group if position < training]
        for part, row in (where[position - training] for position in group if position >= training):
            if originals and (id(part), row) not in known:
                pairs.append((part, row, originals[0]))
    return pairs


def _table(splits: Splits, pairs: list[_Pair]) -> Table:
    rows = tuple((part.ids[row], splits.train.ids[copy]) for part, row, copy in pairs[:_LISTED])
    further = len(pairs) - len(rows)
    note = f"{plural(further, 'further pair')} not listed." if further else ""
    return Table(("held-out example", "training example"), rows, note)


def _gallery(splits: Splits, pairs: list[_Pair]) -> Gallery:
    x = [torch.stack([part.x[row], splits.train.x[copy]]) for part, row, copy in pairs[:_PAIRS]]
    captions = [f"{part.ids[row]} and {splits.train.ids[copy]}" for part, row, copy in pairs[:_PAIRS]]
    return Gallery(("held-out example", "training example"), np.asarray(torch.stack(x)), tuple(captions))
