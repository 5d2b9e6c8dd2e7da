"""The section in which a person decides image by image: its data, its script and its style."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from gansift.report import words
from gansift.report.review import Review
from gansift.report.shown import Shown, ShownSet
from gansift.report.summary import Summary
from gansift.report.views.sheets import sheets

TEMPLATE = "sections/review.html"

_HERE = Path(__file__).parent


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """``data``, ``script`` and ``style`` to put in, and ``allowed``, the script's hash; None without a review."""
    review = shown.review
    if review is None:
        return None
    (pictures,) = shown.sets.values()
    script = (_HERE / "review.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = json.dumps(_data(summary, pictures, review), allow_nan=False, separators=(",", ":"))
    return {
        "count": len(pictures.ids),
        "seeds": 0 if review.mean is None else _scored(summary),
        "data": Markup(text.replace("<", "\\u003c")),  # nothing in it can end the script element
        "script": Markup(script),
        "style": Markup((_HERE / "review.css").read_text(encoding="utf-8")),
        "allowed": f"sha256-{digest}",
    }


def _scored(summary: Summary) -> int:
    """How many training seeds the scores are means over."""
    return summary.seeds if summary.headline is None else summary.headline.scoring_seeds


def _data(summary: Summary, pictures: ShownSet, review: Review) -> dict[str, Any]:
    """What the script reads; lists of examples have the most harmful first."""
    order = np.argsort(-words.harm(pictures.values, summary.direction), kind="stable")
    rank = np.argsort(order)
    used, generated = np.unique(review.nearest_generated, return_inverse=True)
    classes = None if pictures.labels is None else sorted(set(pictures.labels), key=_by_number)
    return {
        "run": review.run,
        "ranking": f"{summary.estimator}-{review.horizon}",
        "metric": summary.words.label,
        "sums": not summary.ranking,
        "shares": _shares(summary, review.horizon),
        "which": "decided on" if summary.decisions else "most harmful",
        "chosen": summary.chosen.removed if summary.chosen and not summary.decisions else None,
        "ids": [pictures.ids[row] for row in order],
        "paths": [review.paths[row] for row in order],
        "classes": classes,
        "labels": None if classes is None else _places(pictures, classes, order),
        "scores": _numbers(pictures.values[order]),
        "means": None if review.mean is None else _numbers(review.mean[order]),
        "errors": None if review.standard_error is None else _numbers(review.standard_error[order]),
        "nearest": {"training": rank[review.nearest_training[order]].tolist(), "generated": generated[order].tolist()},
        "sheets": {"training": sheets(pictures.x[order]), "generated": sheets(review.generated[used])},
    }


def _by_number(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isascii() and name.isdigit() else (0, name)


def _places(pictures: ShownSet, classes: list[str], order: np.ndarray) -> list[int]:
    assert pictures.labels is not None
    place = {name: position for position, name in enumerate(classes)}
    return [place[pictures.labels[row]] for row in order]


def _shares(summary: Summary, horizon: int) -> list[list[float]]:
    """By number removed, the share of a sum of scores that retraining of other seeds bore out."""
    return [
        [row.removed, row.calibrated / row.predicted]
        for row in summary.grid
        if row.horizon == horizon and words.finite(row.predicted) and words.finite(row.calibrated) and row.predicted
    ]


def _numbers(values: np.ndarray) -> list[float | None]:
    """Six digits of each are more than anybody sees; what is not finite is null."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]
