"""A person's decisions: a file that says of examples whether they are to be removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gansift.data.rows import read_rows
from gansift.errors import UsageError

#: The columns of the file; ``path`` and ``reason`` are for people.
COLUMNS = ("id", "path", "decision", "reason")
REMOVE, KEEP, UNDECIDED = "remove", "keep", "undecided"
_WORDS = (REMOVE, KEEP, UNDECIDED)
# What FiftyOne exports: the id, which gansift has put there, and a person's tags.
_TAGGED = ("example", "tags")
# Ids in one message.
_NAMED = 5


@dataclass(frozen=True)
class Decisions:
    """What a person decided to remove.

    Attributes:
        removed: ids, in the order of the training data.
    """

    removed: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Decisions({len(self.removed)} examples to remove)"

    @property
    def digest(self) -> str:
        """A short hash of the set: other examples, another digest."""
        return hashlib.sha256(json.dumps(sorted(self.removed)).encode()).hexdigest()[:12]


def read_decisions(path: str | Path, ids: Sequence[str]) -> Decisions:
    """Read a CSV file with the columns ``id,path,decision,reason``, as the report page saves it.

    A file with the columns ``example,tags``, as FiftyOne exports them, says the same by the tags remove and keep.

    Examples that are marked ``keep`` or ``undecided``, or are not in the file, stay.

    Args:
        path: the file.
        ids: of all training examples.

    Raises:
        UsageError: naming the file and what is wrong: it cannot be read, lacks a column, or has an unknown id or word;
            or it marks an example twice differently, or nothing, or everything, for removal.
    """
    marked = _read(Path(path))
    known = set(ids)
    unknown = [identity for identity in marked if identity not in known]
    if unknown:
        raise UsageError(
            f"{path} has {len(unknown)} ids that are not among the training examples: {_listed(unknown)}. Decisions "
            "belong to the run whose report they were made in."
        )
    removed = tuple(identity for identity in ids if marked.get(identity) == REMOVE)
    if not removed:
        raise UsageError(f"{path} marks nothing {REMOVE!r}, so there is nothing to cleanse")
    if len(removed) == len(ids):
        raise UsageError(f"{path} marks all {len(ids)} training examples {REMOVE!r}; at least one must stay")
    return Decisions(removed)


def _read(path: Path) -> dict[str, str]:
    """The decision for every id in the file."""
    marked: dict[str, str] = {}
    twice = []
    for line, identity, word in _marks(path):
        if word not in _WORDS:
            raise UsageError(f"{path}, line {line}: the decision must be {', '.join(_WORDS)}, not {word!r}")
        if marked.setdefault(identity, word) != word:
            twice.append(identity)
    if twice:
        raise UsageError(f"{path} marks {len(twice)} ids twice and differently: {_listed(twice)}")
    return marked


def _marks(path: Path) -> list[tuple[int, str, str]]:
    """The line, the id and the decision of every row."""

    def refused(wrong: str) -> UsageError:
        return UsageError(f"the decisions {path} {wrong}")

    every = (*COLUMNS, *_TAGGED)
    tagged = [row for row in read_rows(path, every, refused, optional=every) if set(_TAGGED) <= set(row.cells)]
    if tagged:
        return [(row.line, row.cells["example"], _of_tags(row.cells["tags"])) for row in tagged]
    rows = read_rows(path, COLUMNS, refused, optional=("path", "reason"))
    return [(row.line, row.cells["id"], row.cells["decision"]) for row in rows]


def _of_tags(tags: str) -> str:
    """The decision among the tags of a sample; both of them together are no decision that is known."""
    said = [word for word in (tag.strip() for tag in tags.split(",")) if word in (REMOVE, KEEP)]
    return ",".join(dict.fromkeys(said)) or UNDECIDED


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(identity) for identity in ids[:_NAMED])
    return shown + (", ..." if len(ids) > _NAMED else "")
