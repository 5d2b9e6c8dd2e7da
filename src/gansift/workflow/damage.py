"""Results that cannot be read any more are named in the log and moved aside, so that they are computed again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gansift.errors import GansiftError
from gansift.files import broken_seal, read_json, seal_of, set_aside
from gansift.influence.looks import Looks
from gansift.influence.scores import Scores
from gansift.report.summary import Summary
from gansift.workflow.directory import RunDirectory

_log = logging.getLogger(__name__)


def discard_damaged(directory: RunDirectory, examples: int) -> None:
    """Move aside every result that was changed, cannot be read, or lacks what it has to hold, and name it in the log.

    It is then missing, and what is missing is computed again. Nothing is deleted: the file stays beside its place.

    Args:
        directory: of the run; nobody else writes into it.
        examples: how many training examples there are.

    Raises:
        GansiftError: if a damaged file cannot be moved.
    """
    for path in sorted(directory.root.glob("seeds/*/scores/*.csv")):
        if (reason := _damage_of_scores(path, examples) or broken_seal(path)) is not None:
            _discard(path, reason)
    for path in sorted(directory.root.glob("seeds/*/scores/*-looks-of-*.npz")):
        if (reason := _damage_of_looks(path, examples) or broken_seal(path)) is not None:
            _discard(path, reason)
    for pattern, holds in _CONTENTS.items():
        for path in sorted(directory.root.glob(pattern)):
            if (reason := _damage(path, holds) or _change(path)) is not None:
                _discard(path, reason)


def read_values(path: Path) -> dict[str, dict[str, float]]:
    """Metric values of one seed.

    Raises:
        GansiftError: naming the file, and what to do, if it is damaged.
    """
    if (reason := _damage(path, _are_values) or _change(path)) is not None:
        raise GansiftError(f"{reason}. Run `gansift run` with the same settings, which computes it again.")
    return read_json(path)


def _discard(path: Path, reason: str) -> None:
    aside = set_aside(path)
    _log.warning("%s; it is kept as %s, and computed again as soon as it is needed", reason, aside.name)


def _damage_of_scores(path: Path, examples: int) -> str | None:
    try:
        count = len(Scores.read(path))
    except GansiftError as error:
        return str(error)
    return None if count == examples else f"the score file {path} has {count} rows for {examples} training examples"


def _damage_of_looks(path: Path, examples: int) -> str | None:
    try:
        count = len(Looks.read(path).ids)
    except GansiftError as error:
        return str(error)
    return None if count == examples else f"the file {path} has {count} rows for {examples} training examples"


def _damage(path: Path, holds: Callable[[Any], bool]) -> str | None:
    try:
        content = read_json(path)
    except GansiftError as error:
        return str(error)
    try:
        return None if holds(content) else f"{path} is damaged: it does not hold what it has to"
    except GansiftError as error:
        return f"{path} is damaged: {error}"


def _change(path: Path) -> str | None:
    """Why a file is not as it was written; those on which no verdict rests may change, and have no seal."""
    if path.name == _REPORT and not seal_of(path).exists():  # as earlier versions wrote it
        return None
    return None if path.name in _UNSEALED else broken_seal(path)


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and value.keys() >= set(names)


def _rows_with(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(_has(*names), value))


def _are_values(value: Any) -> bool:
    return _has("untrained", "trained")(value) and all(map(_has("validation", "test"), value.values()))


# Times decide nothing. The report is written anew from the others, but for what it says of another question.
_UNSEALED = ("seconds.json",)
_REPORT = "report.json"

# What must be in each kind of file for it to be read.
_CONTENTS = {
    _REPORT: lambda value: bool(Summary.from_json(value)),
    "verify/*.json": _has("estimator", "horizon", "kind", "removed", "count", "seeds", "spearman", "predicted", "true"),
    "seeds/*/values/*.json": _are_values,
    "seeds/*/seconds.json": _has("train", "score", "cleanse", "verify"),
    "seeds/*/scores/*-growth.json": _rows_with("step", "norm", "effect"),
    "seeds/*/scores/*-checks.json": _rows_with("horizon", "count", "removed", "spearman", "holds"),
    "seeds/*/scores/*-none.json": _has("why"),
    "seeds/*/from-scratch/*.json": lambda value: (
        bool(value) and _rows_with("what", "removed", "predicted", "validation", "test")(value)
    ),
    "seeds/*/retrained/*.json": _rows_with("removed", "predicted", "validation", "test"),
}
