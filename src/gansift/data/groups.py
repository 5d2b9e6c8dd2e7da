"""Groups of examples that a person has a name for: classes, any attribute, folders, and exact copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from gansift.data.columns import Column
from gansift.data.examples import Examples

#: Of an attribute with more values than that each is too small to be a kind.
MOST_KINDS = 100


def groups_of(examples: Examples) -> dict[str, list[int]]:
    """The rows of every group, by the group's name.

    Groups are the categories of every column (``label 7``, ``kind blurred``), the folders that files lie in, if there
    are several and they are not the classes, and ``exact copies``: every example whose content another one has, too.

    Args:
        examples: of one data set.

    >>> groups_of(Examples.of([[1.0], [2.0], [1.0]], label=["a", "b", "b"]))
    {'label a': [0], 'label b': [1, 2], 'exact copies': [0, 2]}
    """
    groups: dict[str, list[int]] = {}
    for name, column in examples.columns.items():
        groups |= _of_column(name, column)
    folders = [str(PurePath(path).parent) for path in examples.paths]
    if len(set(folders)) > 1:
        known = {tuple(rows) for rows in groups.values()}
        groups |= {name: rows for name, rows in _gathered("folder", folders).items() if tuple(rows) not in known}
    counts = Counter(examples.hashes)
    copies = [row for row, content_hash in enumerate(examples.hashes) if counts[content_hash] > 1]
    return groups | ({"exact copies": copies} if copies else {})


def _of_column(name: str, column: Column) -> Mapping[str, list[int]]:
    if column.values.ndim != 1 or column.values.is_floating_point():
        return {}
    names = column.names
    words = [str(value) if names is None else names[value] for value in column.values.tolist()]
    return _gathered(name, words) if len(set(words)) <= MOST_KINDS else {}


def _gathered(name: str, words: Iterable[str]) -> dict[str, list[int]]:
    gathered: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        gathered.setdefault(f"{name} {word}", []).append(row)
    return dict(sorted(gathered.items()))
