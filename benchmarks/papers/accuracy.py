"""One seed of an experiment on how well scores predict leave-one-out retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from horizons import in_float64

from gansift import influence
from gansift.cleansing.agreement import agreement
from gansift.cleansing.replicas import reweighted_players
from gansift.cleansing.retrain import without
from gansift.errors import GansiftError
from gansift.influence import Scores
from gansift.influence.horizon import accumulated_growth, trust
from gansift.metrics.metric import Metric
from gansift.training import Run
from papers.settings import Accuracy
from papers.trainings import Prepared, quality, trained

Row = dict[str, Any]


def measure(prepared: Prepared, seed: int, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Train, score, leave examples out one at a time, and compare.

    Args:
        prepared: data and metrics.
        seed: of the training.
        work: folder for the recorded run.
        say: called with a word on what is done.
    """
    setting = prepared.setting
    assert isinstance(setting, Accuracy)
    run = trained(prepared, seed, work)
    say("trained")
    rows: list[Row] = []
    truths: dict[int, dict[str, np.ndarray]] = {}
    rounding: dict[int, dict[str, float]] = {}
    left_out = run.ids[: setting.left_out]
    for name, estimator, horizon, scores in _all_scores(prepared, run):
        row: Row = {"metric": name, "estimator": estimator}
        if isinstance(scores, GansiftError):
            place = {"epochs": horizon / run.epoch, "steps": horizon}
            rows.append(row | place | {"kendall": None, "note": str(scores)})
            continue
        if scores.horizon not in truths:
            truths[scores.horizon] = _truth(prepared, run, left_out, scores.horizon)
            rounding[scores.horizon] = _rounding(prepared, run, scores.horizon)
            say(f"left out {len(left_out)} over the last {scores.horizon} steps")
        rows.append(row | _compared(run, scores, setting.share, truths[scores.horizon][name]))
        if rounding[scores.horizon]:
            rows[-1]["rounding"] = rounding[scores.horizon][name]
    return {"quality": quality(run, prepared.validation), "rows": rows}


def _all_scores(prepared: Prepared, run: Run) -> Iterator[tuple[str, str, int, Scores | GansiftError]]:
    """Metric, estimator, horizon, and the scores or why there are none."""
    setting = prepared.setting
    assert isinstance(setting, Accuracy)
    names, metrics = list(prepared.validation), list(prepared.validation.values())
    horizons = [epochs * round(run.epoch) for epochs in setting.horizons]
    for name, by_horizon in zip(names, influence.itd_metrics(run, metrics, horizons), strict=True):
        for horizon in horizons:
            yield name, "itd", horizon, by_horizon.get(horizon, GansiftError("the backward sweep overflowed"))
    name, metric = list(prepared.validation.items())[-1]
    if setting.auto:
        believed = influence.itd(run, metric, horizon="auto")
        yield name, "itd-auto", believed.horizon, believed
    for terms in setting.terms:
        settings = {"solver": "neumann", "iterations": terms, "rate": setting.aid_rate, "fresh_batches": True}
        yield name, f"aid-{terms}", run.steps, _aid(run, metric, settings)
    if setting.krylov:
        yield name, "aid-gmres", run.steps, _aid(run, metric, {"solver": "gmres", "iterations": setting.krylov})


def _aid(run: Run, metric: Metric, settings: dict[str, Any]) -> Scores | GansiftError:
    try:
        return influence.aid(run, metric, refuse=False, **settings)  # the papers refuse none
    except GansiftError as error:
        return error


def _truth(prepared: Prepared, run: Run, left_out: Sequence[str], horizon: int) -> dict[str, np.ndarray]:
    """Change of each validation metric when the last steps are redone with less of each; NaN where that broke down."""
    assert isinstance(prepared.setting, Accuracy)
    share = prepared.setting.share
    weights = [(1 - share) * run.weights + share * without(run, [identity]) for identity in left_out]
    players = reweighted_players(run, weights, horizon)
    return {
        name: np.array([np.nan if again is None else metric.value(again) for again in players]) - metric.value(run)
        for name, metric in prepared.validation.items()
    }


def _rounding(prepared: Prepared, run: Run, horizon: int) -> dict[str, float]:
    """What each validation metric changes by if float64 redoes the last steps of float32; nothing to see in float64."""
    if prepared.setting.dtype != "float32":
        return {}
    exact = in_float64(run, prepared.train, horizon)
    return {name: metric.value(exact) - metric.value(run) for name, metric in prepared.validation.items()}


def _compared(run: Run, scores: Scores, share: float, true: np.ndarray) -> Row:
    predicted, kept = share * scores.values[: len(true)], np.isfinite(true)
    row: Row = {"epochs": scores.horizon / run.epoch, "steps": scores.horizon}
    if kept.sum() < 3:
        return row | {"kendall": None, "note": "nearly every retraining broke down"}
    found = agreement(predicted[kept], true[kept])
    for name, statistic in found._asdict().items():
        finite = statistic is not None and np.isfinite(statistic.value)
        row[name] = float(statistic.value) if finite else None
    row |= {"predicted": predicted.tolist(), "true": [float(value) if np.isfinite(value) else None for value in true]}
    row["spread"] = float(true[kept].std())
    if scores.residual is not None:
        row["residual"] = scores.residual
    if scores.growth:
        row["growth"] = accumulated_growth(scores.growth)
        row["effect"] = scores.growth[-1][2]
        row["believed"] = trust(scores.growth, run.epoch).horizon >= scores.horizon
    return row
