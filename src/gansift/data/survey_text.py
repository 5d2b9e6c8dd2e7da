"""A survey of a source as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Entries of each kind that are shown; --json has all of them.
_SHOWN = 8
_COLUMNS_SHOWN = 60


def survey_text(found: dict[str, Any]) -> str:
    """Lines for what :func:`gansift.data.survey.survey` has found."""
    lines = [f"{found['source']}: {found['usable']} of {found['found']} examples can be used as they are"]
    for title, name in (("sizes", "sizes"), ("formats", "forms"), ("classes", "classes"), ("other files", "others")):
        if found[name]:
            lines.append(f"{title + ':':13}{_counted(found[name])}")
    lines += [f"{name + ':':13}{_counted(counts)}" for name, counts in found.get("groups", {}).items() if counts]
    if "columns" in found:
        lines += _listed("columns", [_column(column) for column in found["columns"]], _COLUMNS_SHOWN)
    own = f" (its own: {', '.join(found['own_split'])})" if found["own_split"] else ""
    lines.append(f"{'split:':13}" + ", ".join(f"{part} {count}" for part, count in found["split"].items()) + own)
    lines += _groups("exact copies", found["exact"])
    if "columns" in found:
        lines += _groups("copies but for the label", found["conflicts"])
    else:
        lines += _groups("look the same", found["near"])
        for title, name in (
            ("copies of different classes", "conflicts"),
            ("look the same, of different classes", "near_conflicts"),
        ):
            lines += _groups(title, found[name]) if found[name] else []
        for kind, names in found["nothing"].items():
            lines += _listed({"blank": "of one colour", "noise": "pure noise"}[kind], names)
    lines += _listed("unusable or odd", [f"{path} {reason}" for path, reason in found["bad"]])
    lines += [f"- {sentence}" for sentence in found["next"]]
    if found["command"] is not None:
        lines.append(f"Next: {found['command']}")
    return "\n".join(lines)


def _column(column: dict[str, Any]) -> str:
    """Such as "age: number, 17 to 90" or "job: 14 categories, 12 missing"."""
    title = column["name"] + ("" if column["role"] == "feature" else f" ({column['role']})")
    if column["role"] == "ignored":
        return title
    if column["kind"] == "number":
        kind = f"number, {column['low']:.10g} to {column['high']:.10g}"
    else:
        kind = f"{column['categories']:,} categories" if column["categories"] != 1 else "one category"
    return f"{title}: {kind}" + (f", {column['missing']:,} missing" if column["missing"] else "")


def _counted(counts: dict[str, int]) -> str:
    first = [f"{name} ({count})" for name, count in list(counts.items())[:_SHOWN]]
    return ", ".join(first) + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")


def _groups(title: str, groups: Sequence[Sequence[str]]) -> list[str]:
    entries = [", ".join(group[:_SHOWN]) + (" ..." if len(group) > _SHOWN else "") for group in groups]
    count = sum(map(len, groups))
    return _listed(f"{title}, {count} in {len(groups)} groups" if groups else title, entries)


def _listed(title: str, entries: Sequence[str], most: int = _SHOWN) -> list[str]:
    if not entries:
        return [f"{title}: none"]
    more = [f"  and {len(entries) - most} more (all of them with --json)"] if len(entries) > most else []
    heading = f"{title}:" if "," in title else f"{title}, {len(entries)}:"
    return [heading, *(f"  {one}" for one in entries[:most]), *more]
