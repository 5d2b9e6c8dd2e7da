"""A summary and pictures as a run would make them, small and made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from gansift.report import Shown, ShownSet, Summary
from gansift.report.summary import Verification
from gansift.report.typed import from_json

IDS = ("a/<b>.png", "a/quote\"'&.png", *(f"b/{row:03d}.png" for row in range(58)))


def summary(horizons: tuple[int, ...] = (320,), **changes: Any) -> Summary:
    """The summary of a `report`."""
    return Summary.from_json(report(horizons, **changes))


def report(horizons: tuple[int, ...] = (320,), **changes: Any) -> dict[str, Any]:
    """The content of report.json: FID, 60 images, 4 removed at horizon 320; ``changes`` replace top-level entries."""
    grid = [
        {
            "horizon": horizon, "epochs": horizon / 16, "removed": removed, "predicted": -0.4 * removed,
            "calibrated": -0.11 * removed,
            "validation": -0.1 * removed, "validation_ci95": [-0.15 * removed, -0.05 * removed],
            "random_validation": 0.02, "test": -0.08 * removed, "test_ci95": [-0.12 * removed, -0.04 * removed],
            "random_test": 0.03, "random_test_ci95": [-0.1, 0.16],
        }
        for horizon in horizons
        for removed in (2, 4, 8)
    ]  # fmt: skip
    whole = {
        "gansift": "0.1.0",
        "created": "2026-03-04T05:06:07+00:00",
        "source": {
            "name": "pets", "train": 60, "valid": 30, "test": 30, "kind": "images", "shape": [1, 8, 8],
            "classes": ["cat", "$dog$"], "skipped": [["c/<i>.png", "truncated"]],
        },
        "metric": "fid-classifier16@2000",
        "direction": "lower",
        "metrics": {"fid-classifier16@2000": metric()},
        "verdict": {"helped": True, "sentence": "Removing 4 of 60 lowers FID by 0.32 (95 % interval 0.16 to 0.48)."},
        "chosen": {"horizon": 320, "epochs": 20.0, "removed": 4},
        "removed": 4,
        "decisions": None,
        "seeds": 3,
        "steps": 1280,
        "removal": "fixed-denominator",
        "estimator": "itd",
        "ranking": False,
        "from_start": False,
        "validation": {"before": 9.1, "after": 8.7, "change": -0.4, "ci95": [-0.6, -0.2], "random_change": 0.02},
        "test": {
            "before": 9.0, "after": 8.68, "change": -0.32, "ci95": [-0.48, -0.16], "random_change": 0.03,
            "random_ci95": [-0.1, 0.16], "against_random": -0.35, "against_random_ci95": [-0.5, -0.2],
            "untrained": 77.7,
        },
        "grid": grid,
        "per_seed": [
            {"seed": k, "before": 9.0 + k, "after": 8.5 + k, "random": 9.125 + k, "judged": _judged(k)}
            for k in range(3)
        ],
        "growth": [{"step": step, "norm": 1.01 ** (1279 - step)} for step in range(1279, 959, -1)],
        "trust": {
            "horizon": 320, "epochs": 20.0, "accumulated": 24.1, "limit": 500.0, "effect": 0.04, "effect_limit": 0.025,
            "state": "partly",
        },
        "verification": [verification()],
        "baselines": [
            _baseline("itd", "most harmful scores", -0.32),
            _baseline("isolation-forest", "most unusual features (Isolation <Forest>)", -0.11),
            _baseline("random", "random", 0.03),
        ],
        "classes": [{"name": "cat", "before": 40, "after": 37}, {"name": "$dog$", "before": 20, "after": 19}],
        "settings": {
            "seed": 0, "batch": 50, "optimizer": {"name": "adam", "betas": [0.0, 0.99]}, "skip_bad": None,
            "system": {"eps": 1e-3, "r1": 0.3, "lr": 1e-3, "warmup": 10},
        },
        "seconds": 431.0,
        "times": {"train": 121.0, "score": 63.0, "retrain": 247.0},
        "warnings": ["Something <odd> happened."],
    }  # fmt: skip
    return whole | changes


def _judged(seed: int) -> dict[str, Any]:
    """Seed 1 is judged at another number than the chosen one."""
    return {"horizon": 320, "epochs": 20.0, "removed": 2 if seed == 1 else 4}


def metric(**changes: Any) -> dict[str, str]:
    """The words of FID; ``changes`` replace entries."""
    return {
        "name": "fid-classifier16@2000", "label": "FID", "meaning": "the Fréchet distance", "direction": "lower",
        "caution": "It is not the published FID, which has the features of Inception.",
    } | changes  # fmt: skip


def verified(**changes: Any) -> Verification:
    """A `verification` as the page reads it."""
    return from_json(Verification, verification(**changes))


def verification(**changes: Any) -> dict[str, Any]:
    """30 random removals of 16 at horizon 320, well ranked; ``changes`` replace entries."""
    rng = np.random.default_rng(1)
    predicted = rng.normal(0, 0.1, 30)
    true = predicted + rng.normal(0, 0.01, 30)
    return {
        "estimator": "itd", "horizon": 320, "epochs": 20.0, "kind": "subsets", "removed": 16, "count": 30, "seeds": 1,
        "truth": "same-seed", "predicted": predicted.tolist(), "true": true.tolist(),
        "spearman": statistic(0.97, 0.93, 0.99), "kendall": statistic(0.88, 0.8, 0.95),
        "pearson": statistic(0.98, 0.95, 0.99), "slope": statistic(1.02, 0.95, 1.1), "jaccard": None, "ceiling": None,
    } | changes  # fmt: skip


def statistic(value: float | None, *ends: float) -> dict[str, Any]:
    """A statistic with its 95 % interval, or without one."""
    return {"value": value, "ci95": list(ends) or None}


def _baseline(estimator: str, title: str, change: float) -> dict[str, Any]:
    ends = [change - 0.15, change + 0.15]
    return {
        "estimator": estimator, "title": title, "validation": 1.2 * change, "validation_ci95": ends, "test": change,
        "test_ci95": ends,
    }  # fmt: skip


def nothing_helped(**changes: Any) -> Summary:
    """Nothing chosen, and what then has no value is None; ``changes`` replace top-level entries."""
    none = dict.fromkeys(("ci95", "random_change", "random_ci95", "against_random", "against_random_ci95"))
    kept = {"before": 9.0, "after": 9.0, "change": 0.0, "untrained": None} | none
    nothing = dict(
        verdict={"helped": False, "sentence": "Nothing helped; all 60 training examples are kept."},
        chosen=None,
        removed=0,
        validation=kept,
        test=kept,
        per_seed=[],
        growth=[],
        trust=None,
        verification=[],
        baselines=[],
        classes=None,
        warnings=[],
    )
    return summary(**(nothing | changes))


def scores() -> np.ndarray:
    """Scores of which row 0 is the lowest and row 59 the highest, half of each sign."""
    return np.linspace(-0.05, 0.05, 60)


def only(shown: Shown) -> ShownSet:
    """The one data set that is shown."""
    (one,) = shown.sets.values()
    return one


def images(channels: int = 1, side: int = 8) -> Shown:
    """60 images with samples before and after."""
    rng = np.random.default_rng(0)
    x, before, after = (rng.uniform(-1, 1, (60, channels, side, side)) for _ in range(3))
    return Shown.of(IDS, scores(), ("cat",) * 40 + ("$dog$",) * 20, x, before, after)


def points(dim: int) -> Shown:
    """60 points with samples before and after."""
    rng = np.random.default_rng(0)
    x, before, after = (rng.normal(size=(60, dim)) for _ in range(3))
    return Shown.of(IDS, scores(), None, x, before, after)
