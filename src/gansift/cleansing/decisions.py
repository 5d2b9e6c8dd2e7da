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
    rows = read_rows(
        path, COLUMNS, lambda wrong: UsageError(f"the decisions {path} {wrong}"), optional=("path", "reason")
    )
    marked: dict[str, str] = {}
    twice = []
    for line, row in rows:
        identity, word = row["id"], row["decision"]
        if word not in _WORDS:
            raise UsageError(f"{path}, line {line}: the decision must be {', '.join(_WORDS)}, not {word!r}")
        if marked.setdefault(identity, word) != word:
            twice.append(identity)
    if twice:
        raise UsageError(f"{path} marks {len(twice)} ids twice and differently: {_listed(twice)}")
    return marked


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(identity) for identity in ids[:_NAMED])
    return shown + (", ..." if len(ids) > _NAMED else "")
