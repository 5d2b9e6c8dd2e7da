"""The part of the page in which a person decides image by image: its data, its script and its style."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from gansift.report import words
from gansift.report.pictures import Pictures
from gansift.report.sheets import sheets

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Review:
    """What a person sees of every training image besides the image and its score.

    Attributes:
        run: the run's name; decisions that a browser keeps belong to it.
        horizon: of the scores, in steps.
        paths: the file of every training example, or "".
        generated: samples of the generator that was trained on everything, (M, C, H, W) in [-1, 1].
        nearest_generated: the nearest of them to every training example, shape (N,).
        nearest_training: the nearest other training example, shape (N,).
        mean: of the scores over several training seeds, shape (N,), or None.
        standard_error: of that mean, shape (N,), or None.
    """

    run: str
    horizon: int
    paths: tuple[str, ...]
    generated: np.ndarray
    nearest_generated: np.ndarray
    nearest_training: np.ndarray
    mean: np.ndarray | None = None
    standard_error: np.ndarray | None = None


def content(summary: Mapping[str, Any], pictures: Pictures, review: Review) -> dict[str, Any]:
    """What the template needs: ``data``, ``script`` and ``style`` to put in, and ``allowed``, the script's hash.

    Args:
        summary: the content of ``report.json``.
        pictures: all training images with their scores.
        review: the rest.
    """
    script = (_HERE / "review.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = json.dumps(_data(summary, pictures, review), allow_nan=False, separators=(",", ":"))
    return {
        "count": len(pictures.ids),
        "seeds": 0 if review.mean is None else summary["seeds"],
        "data": Markup(text.replace("<", "\\u003c")),  # nothing in it can end the script element
        "script": Markup(script),
        "style": Markup((_HERE / "review.css").read_text(encoding="utf-8")),
        "allowed": f"sha256-{digest}",
    }


def _data(summary: Mapping[str, Any], pictures: Pictures, review: Review) -> dict[str, Any]:
    """What the script reads; lists of examples have the most harmful first."""
    order = np.argsort(-words.harm(pictures.values, summary["direction"]), kind="stable")
    rank = np.argsort(order)
    used, generated = np.unique(review.nearest_generated, return_inverse=True)
    classes = None if pictures.labels is None else sorted(set(pictures.labels), key=_by_number)
    return {
        "run": review.run,
        "ranking": f"{summary['estimator']}-{review.horizon}",
        "metric": words.metric_label(summary["metric"]),
        "sums": not summary["ranking"],
        "shares": _shares(summary, review.horizon),
        "which": "decided on" if summary["decisions"] else "most harmful",
        "chosen": summary["chosen"]["removed"] if summary["chosen"] and not summary["decisions"] else None,
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


def _places(pictures: Pictures, classes: list[str], order: np.ndarray) -> list[int]:
    assert pictures.labels is not None
    place = {name: position for position, name in enumerate(classes)}
    return [place[pictures.labels[row]] for row in order]


def _shares(summary: Mapping[str, Any], horizon: int) -> list[list[float]]:
    """By number removed, the share of a sum of scores that retraining of other seeds bore out."""
    known = [
        row
        for row in summary["grid"]
        if row["horizon"] == horizon and words.finite(row["predicted"]) and words.finite(row["calibrated"])
    ]
    return [[row["removed"], row["calibrated"] / row["predicted"]] for row in known if row["predicted"]]


def _numbers(values: np.ndarray) -> list[float | None]:
    """Six digits of each are more than anybody sees; what is not finite is null."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]
