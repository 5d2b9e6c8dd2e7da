"""What a table of numbers and categories holds, before anybody trains on it."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gansift.data.columns import LABEL
from gansift.data.layout import SPLITS
from gansift.data.names import shown
from gansift.data.records import Records, Roles, remedies
from gansift.data.splits import FRACTIONS, parts_of
from gansift.data.table import Field

_NOTHING: dict[str, Any] = {"sizes": {}, "near": [], "leaks": 0, "bad": [], "others": {}}


def survey_records(
    records: Records, source: str | os.PathLike[str], seed: int, fractions: Sequence[float] = FRACTIONS
) -> dict[str, Any]:
    """Look at every row and column of a table.

    Args:
        records: the table.
        source: as it was given.
        seed: of the split.
        fractions: of the splits that the table does not have itself.

    Returns:
        What :func:`gansift.data.survey.survey` does; and ``columns``: of each its ``name``, its ``role`` (feature,
        label, group or ignored), its ``kind`` (number or category), ``low`` and ``high`` of numbers, how many
        ``categories``, how many cells are ``missing``, and whether it is ``constant``; ``groups``: of each, name ->
        count; ``conflicts``: groups of ids of rows that are copies but for their labels.
    """
    rows = records.rows
    problems = records.problems()
    parts = parts_of(rows.hashes, rows.parts, seed, fractions)
    counts = Counter(parts)
    copies = _copies(rows.hashes)
    columns = [_column(part, records) for part in records.table.fields]
    result = {
        **_NOTHING,
        "source": shown(os.fspath(source)),
        "found": len(rows),
        "usable": 0 if problems else len(rows),
        "forms": {f"rows of {len(records.features)} columns": len(rows)},
        "classes": _balance(records, LABEL),
        "exact": [[rows.ids[row] for row in group] for group in copies],
        "split": {part: counts[part] for part in SPLITS},
        "own_split": [part for part in SPLITS if part in rows.parts],
        "crossing": sum(len({parts[row] for row in group}) > 1 for group in copies),
        "columns": columns + [{"name": shown(name), "role": "ignored"} for name in records.table.ignored],
        "groups": {shown(name): _balance(records, name) for name in records.roles.group},
        "conflicts": [[rows.ids[row] for row in group] for group in copies if _differ(records, group)],
    }
    result["next"] = [*(problem.what for problem in problems), *remedies(problems), *_advice(result)]
    ignore = [problem.ignore for problem in problems if problem.ignore is not None and not problem.impute]
    impute = "median" if any(problem.impute for problem in problems) else records.roles.impute
    stuck = any(problem.ignore is None for problem in problems)
    result["command"] = None if stuck else _command(result["source"], records.roles, ignore, impute, seed, fractions)
    return result


def _column(part: Field, records: Records) -> dict[str, Any]:
    roles = records.roles
    role = "label" if part.name == roles.label else "group" if part.name in roles.group else "feature"
    names = part.names if role == "feature" else records.rows.columns[LABEL if role == "label" else part.name].names
    entry: dict[str, Any] = {"name": shown(part.name), "role": role, "missing": int(part.missing.sum())}
    if names is not None:
        return {**entry, "kind": "category", "categories": len(names), "constant": len(names) == 1}
    present = part.values[~part.missing]
    low, high = float(present.min()), float(present.max())
    return {**entry, "kind": "number", "low": low, "high": high, "constant": low == high and not part.missing.any()}


def _balance(records: Records, column: str) -> dict[str, int] | None:
    """How many rows have each category, the most frequent first; None without that column, or of numbers."""
    beside = records.rows.columns.get(column)
    if beside is None or beside.names is None:
        return None
    counts = Counter(beside.values.tolist())
    return {shown(beside.names[number]): count for number, count in counts.most_common()}


def _copies(hashes: Sequence[str]) -> list[list[int]]:
    rows: dict[str, list[int]] = {}
    for row, content_hash in enumerate(hashes):
        rows.setdefault(content_hash, []).append(row)
    return [group for group in rows.values() if len(group) > 1]


def _differ(records: Records, group: Sequence[int]) -> bool:
    labels = records.rows.labels
    return labels is not None and len(np.unique(labels[list(group)].numpy())) > 1


def _advice(found: dict[str, Any]) -> list[str]:
    advice = []
    constant = [column["name"] for column in found["columns"] if column.get("constant") and column["role"] == "feature"]
    if constant:
        advice.append(f"The same in all rows, so that nothing can be learnt of it: {', '.join(constant)}.")
    if found["classes"] is not None and len(found["classes"]) == 1:
        advice.append("The label has one class only: give another column, or go without.")
    if found["conflicts"]:
        rows = sum(map(len, found["conflicts"]))
        advice.append(f"{rows} rows are copies of another with a different label: look at them.")
    if found["crossing"]:
        advice.append(
            f"{found['crossing']} groups of exact copies lie in more than one split: those that are held out stay, and "
            "their copies are left out of what is trained on."
        )
    empty = [part for part, count in found["split"].items() if not count]
    if empty:
        advice.append(f"No row falls into {' and '.join(empty)}: add rows, or try another --split-seed.")
    return advice


def _command(
    source: str, roles: Roles, ignore: Sequence[str], impute: str | None, seed: int, fractions: Sequence[float]
) -> str:
    told = replace(roles, ignore=(*roles.ignore, *ignore), impute=impute)
    parts = ["gansift", "run", source, *told.flags]
    parts += ["--split-seed", str(seed)] if seed else []
    return shlex.join(parts + (["--fractions", ",".join(map(str, fractions))] if tuple(fractions) != FRACTIONS else []))
