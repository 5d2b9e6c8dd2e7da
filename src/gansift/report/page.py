"""The report page: one HTML file that opens from disk and asks nothing of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gansift.files import write_text
from gansift.report import claims, figures, words
from gansift.report.pictures import Pictures, image_uri, sheet_uri
from gansift.report.review import Review
from gansift.report.review import content as review_content
from gansift.report.trust import trust

_SHOWN = 18  # examples at each end of the ranking
_REMOVED_SHOWN = 200  # removed examples with a picture; more would make the page heavy
_SAMPLES = 64
_SHEET_COLUMNS = 8
_POINT_SAMPLES = 2000


def write_page(path: Path, summary: Mapping[str, Any], pictures: Pictures, review: Review | None = None) -> None:
    """Write the report.

    The same arguments give the same bytes. Whatever is None in ``summary`` is shown as a dash or left out.

    Args:
        path: the HTML file.
        summary: the content of ``report.json``.
        pictures: examples with their scores, and samples before and after.
        review: what it takes to decide image by image; None leaves that part of the page out.

    Raises:
        GansiftError: if the file cannot be written.
    """
    text = _environment().get_template("template.html").render(_content(summary, pictures, review))
    # File names need not be Unicode; the page must be.
    write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "interval": words.interval,
        "duration": words.duration,
        "plural": words.plural,
        "setting": _setting,
        "typeset": words.typeset,
    }
    return environment


def _content(summary: Mapping[str, Any], pictures: Pictures, review: Review | None) -> dict[str, Any]:
    """Everything the template names."""
    metric, direction = summary["metric"], summary["direction"]
    order = np.argsort(-words.harm(pictures.values, direction), kind="stable")
    removed = _removed(pictures, order, summary["removed"])
    harmful = _harmful_places(pictures, direction, removed[order])
    return {
        "report": summary,
        "images": pictures.are_images,
        "label": words.metric_label(metric),
        "meaning": words.metric_meaning(metric),
        "caution": words.metric_caution(metric),
        "lower": direction == "lower",
        "judged": lambda change, ends: words.judged(change, ends, direction),
        "share_removed": words.share(summary["removed"], summary["source"]["train"]),
        "intervals": _intervals(summary),
        "panels": {split: _panels(summary, split) for split in ("validation", "test")},
        "harmful": _cards(order[harmful], harmful, pictures, removed),
        "removed_shown": int(removed[order[harmful]].sum()),
        "harmful_shown": _SHOWN,
        "helpful": _cards(_helpful_rows(pictures, direction), np.arange(_SHOWN), pictures, removed),
        "histogram": _chart(figures.score_histogram(pictures.values, direction, metric, pictures.values[removed])),
        "harmful_count": int((words.harm(pictures.values, direction) > 0).sum()),
        "score_map": _score_map(pictures, direction, metric),
        "samples": _samples(pictures),
        "balance": _chart(figures.class_balance(summary["classes"])) if summary["classes"] else None,
        "loss": _largest_loss(summary["classes"] or ()),
        "seeds": _seeds(summary["per_seed"]),
        "judges": _judges(summary),
        "trust": trust(summary),
        "removal": claims.removal(summary["removal"]),
        "shown": claims.shown(summary),
        "not_shown": claims.not_shown(summary),
        "settings": _settings(summary["settings"]),
        "review": None if review is None else review_content(summary, pictures, review),
    }


def _chart(svg: str) -> Markup:
    """Mark SVG as safe: matplotlib has escaped the texts in it."""
    return Markup(svg)


def _intervals(summary: Mapping[str, Any]) -> Markup | None:
    test, validation = summary["test"], summary["validation"]
    if summary["chosen"] is None or not words.finite(test["change"]):
        return None
    removed = "removed as decided" if summary["decisions"] else "most harmful removed"
    rows = [
        (f"{removed}, test data", test["change"], test["ci95"]),
        ("as many at random, test data", test["random_change"], test["random_ci95"]),
        ("difference of these two", test["against_random"], test["against_random_ci95"]),
        (f"{removed}, validation data", validation["change"], validation["ci95"]),
    ]
    return _chart(figures.interval_chart(rows, summary["metric"], summary["direction"]))


def _panels(summary: Mapping[str, Any], split: str) -> list[Markup]:
    grid, chosen = summary["grid"], summary["chosen"]
    if not any(words.finite(row.get(split)) for row in grid):
        return []
    limits = figures.change_limits(grid, split)
    panels = []
    for horizon in sorted({row["horizon"] for row in grid}):
        rows = [row for row in grid if row["horizon"] == horizon]
        here = chosen["removed"] if chosen is not None and chosen["horizon"] == horizon else None
        panels.append(_chart(figures.change_chart(rows, split, summary["metric"], summary["direction"], limits, here)))
    return panels


def _removed(pictures: Pictures, order: np.ndarray, count: int) -> np.ndarray:
    """Whether each example is removed, shape (N,); ``order`` has the most harmful first."""
    if pictures.removed is not None:
        return np.array([identity in pictures.removed for identity in pictures.ids])
    removed = np.zeros(len(order), dtype=bool)
    removed[order[:count]] = True
    return removed


def _harmful_places(pictures: Pictures, direction: str, removed: np.ndarray) -> np.ndarray:
    """Places in the ranking to show, from 0: up to `_SHOWN` that are harmful at all, and the removed ones.

    Args:
        pictures: with the scores.
        direction: of the metric.
        removed: whether the example at each place is removed.
    """
    harmful = int((words.harm(pictures.values, direction) > 0).sum())
    shown = removed & (removed.cumsum() <= _REMOVED_SHOWN)
    shown[: min(_SHOWN, harmful)] = True
    return np.flatnonzero(shown)


def _helpful_rows(pictures: Pictures, direction: str) -> np.ndarray:
    by_removal = words.harm(pictures.values, direction)
    return np.argsort(by_removal, kind="stable")[: min(_SHOWN, int((by_removal < 0).sum()))]


def _cards(rows: np.ndarray, places: np.ndarray, pictures: Pictures, removed: np.ndarray) -> list[dict[str, Any]]:
    return [
        {
            "rank": place + 1,
            "id": pictures.ids[row],
            "label": None if pictures.labels is None else pictures.labels[row],
            "score": float(pictures.values[row]),
            "removed": bool(removed[row]),
            "picture": image_uri(pictures.x[row]) if pictures.are_images else None,
            "values": [] if pictures.are_images else [float(value) for value in pictures.x[row][:4]],
        }
        for row, place in zip(rows.tolist(), places.tolist(), strict=False)
    ]


def _score_map(pictures: Pictures, direction: str, metric: str) -> Markup | None:
    return None if pictures.are_images else _chart(figures.score_map(pictures.x, pictures.values, direction, metric))


def _samples(pictures: Pictures) -> dict[str, Any] | None:
    """What stands side by side: pictures of both sets, or charts of points."""
    before, after = pictures.samples_before, pictures.samples_after
    if before is None and after is None:
        return None
    if pictures.are_images:
        sheets = {name: _sheet(images) for name, images in (("before", before), ("after", after))}
        return {"sheets": {name: sheet for name, sheet in sheets.items() if sheet}, "charts": []}
    before, after = (None if part is None else part[:_POINT_SAMPLES] for part in (before, after))
    if pictures.x.shape[1] == 1:
        return {"sheets": {}, "charts": [_chart(figures.density_chart(pictures.x, before, after))]}
    limits = figures.cloud_limits(pictures.x, before, after)
    named = [(name, points) for name, points in (("before", before), ("after", after)) if points is not None]
    return {
        "sheets": {},
        "charts": [_chart(figures.cloud_chart(pictures.x, points, name, limits)) for name, points in named],
    }


def _sheet(images: np.ndarray | None) -> dict[str, Any] | None:
    if images is None or not len(images):
        return None
    return {"picture": sheet_uri(images[:_SAMPLES], _SHEET_COLUMNS), "count": len(images[:_SAMPLES])}


def _largest_loss(classes: Sequence[Mapping[str, Any]]) -> str:
    """The class that lost the largest share, in a sentence; empty if none lost anything."""
    lost = [(1 - row["after"] / row["before"], row) for row in classes if row["before"] > row["after"]]
    if not lost:
        return ""
    _, row = max(lost, key=lambda pair: pair[0])
    gone = row["before"] - row["after"]
    return (
        f"Class {row['name']} lost the largest share: {gone} of {row['before']} ({words.share(gone, row['before'])})."
    )


def _seeds(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table per training seed: seed, before, after, change, random, change; the means are the last row."""
    before, after, random = ([row[key] for row in rows] for key in ("before", "after", "random"))
    change = [_difference(one, other) for one, other in zip(after, before, strict=True)]
    random_change = [_difference(one, other) for one, other in zip(random, before, strict=True)]
    names = [str(row["seed"]) for row in rows]
    columns = [before, after, change, random, random_change]
    if len(rows) > 1:
        names.append("mean")
        columns = [[*column, _mean(column)] for column in columns]
    length = len(names)
    values = words.column(columns[0] + columns[1] + columns[3], 4)
    changes = words.column(columns[2] + columns[4], 3, plus=True)
    shown = (values[:length], values[length : 2 * length], changes[:length], values[2 * length :], changes[length:])
    return [list(row) for row in zip(names, *shown, strict=True)]


def _judges(summary: Mapping[str, Any]) -> str:
    """How each seed's row came about, in a sentence or two; empty for one seed."""
    chosen = summary["chosen"]
    if chosen is None or summary["seeds"] < 2:
        return ""
    differing = [
        f"seed {row['seed']}: {row['judged']['removed']:,} at {row['judged']['horizon']:,} steps"
        for row in summary["per_seed"]
        if (row["judged"]["horizon"], row["judged"]["removed"]) != (chosen["horizon"], chosen["removed"])
    ]
    text = "Every seed is judged by the horizon and number that the other seeds choose: none confirms its own choice."
    return f"{text} That is another choice than the final one for {'; '.join(differing)}." if differing else text


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Settings in groups: (title, rows); what is not nested comes first under no title."""
    flat = [(key, value) for key, value in settings.items() if not isinstance(value, Mapping)]
    nested = [(key, list(value.items())) for key, value in settings.items() if isinstance(value, Mapping)]
    return ([("", flat)] if flat else []) + nested


def _setting(value: Any) -> str:
    if value is None:
        return words.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
