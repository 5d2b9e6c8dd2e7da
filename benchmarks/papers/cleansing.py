"""One seed of an experiment on what the removal of harmful examples does to test metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gansift import influence
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.verify import verify
from gansift.errors import GansiftError
from gansift.games import Draw, Trained
from gansift.influence import Scores
from gansift.metrics.metric import Metric
from gansift.report.views.images import sheet
from gansift.report.words import finite
from gansift.training import Run
from papers.settings import LAST_EPOCHS, Cleansing
from papers.trainings import Prepared, quality, trained

Row = dict[str, Any]
# Bars of the histogram of one-dimensional data, and samples that are kept of its generators.
_BINS, _SAMPLES = 30, 2000
_PICTURES = 64
# Random removals that scores over the believed horizon are verified with, and the share of examples in each.
_VERIFIED, _VERIFIED_SHARE = 8, 0.02


def measure(
    prepared: Prepared, seed: int, work: Path, say: Callable[[str], None], shown: Path | None = None
) -> dict[str, Any]:
    """Train, score by every estimator, retrain without the most harmful, and measure.

    Args:
        prepared: data and metrics.
        seed: of the training.
        work: folder for the recorded run.
        say: called with a word on what is done.
        shown: where to save samples before and after, of images; None for a seed that figures do not show.
    """
    setting = prepared.setting
    assert isinstance(setting, Cleansing)
    run = trained(prepared, seed, work)
    say("trained")
    before = _values(prepared, run)
    rows: list[Row] = []
    best: tuple[float, Trained | None] = (np.inf, None)
    itd = _itd(prepared, run)
    verified = {}
    if "auto" in itd:
        verified["verified"] = _verified(prepared, run, itd["auto"])
        say("verified the scores over the believed horizon")
    for retraining, scored in _scored(prepared, run, itd):
        shares = setting.shares if retraining == "one-epoch" else setting.long_shares
        horizon = next(iter(scored.values())).horizon
        counts = [max(1, round(share * len(run.ids))) for share in shares]
        sets = [scores.harmful(count).ids for scores in scored.values() for count in counts]
        players = iter(retrained_players(run, sets, horizon))
        say(f"redid the last {horizon} steps {len(sets)} times ({retraining})")
        for name, scores in scored.items():
            for share, count in zip(shares, counts, strict=True):
                again = next(players)
                row: Row = {"scored_by": name, "retraining": retraining, "horizon": horizon, "removed": count}
                row |= {"share": share, "predicted": _predicted(name, scores, count)}
                row |= _changes(prepared, again, before)
                rows.append(row)
                first = next(iter(prepared.validation))
                if name == f"itd {first}" and row["validation"] is not None:
                    sign = 1 if prepared.validation[first].direction == "lower" else -1
                    best = min(best, (sign * row["validation"][first], again), key=lambda pair: pair[0])
    found: dict[str, Any] = {"quality": quality(run, prepared.test), "rows": rows}
    return found | verified | _looks(prepared, run, itd["one-epoch"], best[1], shown)


def _itd(prepared: Prepared, run: Run) -> dict[str, dict[str, Scores]]:
    """Exact scores: retraining -> metric -> scores, all fixed horizons from one sweep.

    A horizon before which the sweep overflows is left out.

    Raises:
        GansiftError: if the sweep overflows within the last epoch.
    """
    setting = prepared.setting
    assert isinstance(setting, Cleansing)
    epoch = round(run.epoch)
    steps = {name: epochs * epoch for name, epochs in LAST_EPOCHS.items()} | {"full": run.steps}
    horizons = {name: steps[name] for name in setting.retrainings if name in steps}
    swept = influence.itd_metrics(run, list(prepared.validation.values()), sorted(set(horizons.values())))
    if any(epoch not in by_horizon for by_horizon in swept):
        raise GansiftError("the backward sweep overflowed within the last epoch, so that nothing can be chosen by it")
    found = {
        retraining: {
            name: by_horizon[horizon]
            for name, by_horizon in zip(prepared.validation, swept, strict=True)
            if horizon in by_horizon
        }
        for retraining, horizon in horizons.items()
    }
    if "auto" in setting.retrainings:
        name, metric = next(iter(prepared.validation.items()))
        found["auto"] = {name: influence.itd(run, metric, horizon="auto")}
    return found


def _scored(prepared: Prepared, run: Run, itd: dict[str, dict[str, Scores]]) -> list[tuple[str, dict[str, Scores]]]:
    """For each retraining scores by the name of what made them."""
    setting = prepared.setting
    assert isinstance(setting, Cleansing)
    metric = next(iter(prepared.validation.values()))
    scored = []
    for retraining, by_metric in itd.items():
        if not by_metric:
            continue
        named = {f"itd {name}": scores for name, scores in by_metric.items()}
        horizon = next(iter(named.values())).horizon
        for baseline in setting.baselines if retraining == "one-epoch" else ("random",):
            named[baseline] = influence.estimate(baseline, run, metric, [horizon])[horizon]
        scored.append((retraining, named))
    return scored


def _verified(prepared: Prepared, run: Run, scored: dict[str, Scores]) -> Row:
    """How the scores over the believed horizon, the first metric's, rank true changes by random removals."""
    name, scores = next(iter(scored.items()))
    removed = max(1, round(_VERIFIED_SHARE * len(run.ids)))
    row: Row = {"horizon": scores.horizon, "removals": _VERIFIED, "removed": removed}
    try:
        found = verify(run, scores, prepared.validation[name], count=_VERIFIED, removed=removed).agreement
    except GansiftError as error:  # nearly every retraining broke down
        return row | {"note": str(error)}
    statistics = {"spearman": found.spearman.value, "slope": found.slope.value}
    return row | {name: value for name, value in statistics.items() if finite(value)}


def _predicted(name: str, scores: Scores, count: int) -> float | None:
    return scores.harmful(count).sum() if name.startswith("itd") else None


def _values(prepared: Prepared, source: Run | Trained) -> dict[str, dict[str, float]]:
    def of(metrics: dict[str, Metric]) -> dict[str, float]:
        return {name: metric.value(source) for name, metric in metrics.items()}

    return {"validation": of(prepared.validation), "test": of(prepared.test)}


def _changes(prepared: Prepared, again: Trained | None, before: dict[str, dict[str, float]]) -> Row:
    if again is None:
        return {"validation": None, "test": None}
    after = _values(prepared, again)
    return {part: {name: after[part][name] - value for name, value in of.items()} for part, of in before.items()}


def _looks(
    prepared: Prepared, run: Run, scores: dict[str, Scores], after: Trained | None, shown: Path | None
) -> dict[str, Any]:
    """What the figures show besides changes."""
    train, first = prepared.train, next(iter(scores.values()))
    if len(train.shape) == 3:
        if shown is not None and after is not None:
            _draw([run.trained(), after], shown)
        labels = train.labels
        assert labels is not None
        assert train.class_names is not None
        return {
            "labels": {
                name: {
                    label: float(of.values[(labels == number).numpy()].sum())
                    for number, label in enumerate(train.class_names)
                }
                for name, of in scores.items()
            }
        }
    if train.shape != (1,) or shown is None:
        return {}
    x = train.x[:, 0].double().numpy()
    edges = np.linspace(x.min(), x.max(), _BINS + 1)
    places = np.clip(np.digitize(x, edges) - 1, 0, _BINS - 1)
    counts = np.bincount(places, minlength=_BINS)
    sums = np.bincount(places, weights=first.values, minlength=_BINS)
    bins = {"centres": ((edges[1:] + edges[:-1]) / 2).tolist(), "count": counts.tolist()}
    bins["mean_score"] = [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]
    generators = {"before": run.trained()} | ({} if after is None else {"after": after})
    samples = {name: _sampled(of, _SAMPLES)[:, 0].tolist() for name, of in generators.items()}
    return {"bins": bins, "samples": samples, "train": x.tolist()}


def _sampled(generator: Trained, count: int) -> np.ndarray:
    return generator.sample(count, Draw(0, "papers")).detach().double().numpy()


def _draw(players: Sequence[Trained], path: Path) -> None:
    """Samples of generators from the same latents, one block of rows for each."""
    rows = np.concatenate([_sampled(generator, _PICTURES) for generator in players]).astype(np.float32)
    sheet(rows, 16, side=56).save(path)
