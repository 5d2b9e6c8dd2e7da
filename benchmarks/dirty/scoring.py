"""What is scored: trainings of the scoring seeds, by rolling windows, other horizons, and every baseline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from built_in import train

from dirty.sets import DirtySet
from gansift import influence, training
from gansift.errors import GansiftError, UsageError
from gansift.files import read_json, write_json
from gansift.influence import Looks, Scores
from gansift.influence.rolling import usual_ends, usual_horizon
from gansift.metrics.metric import Metric

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

ROLLING, LAST, WHOLE = "rolling", "last window", "whole run"
#: Estimators that are compared with rolling scores; ``itd`` is the last window, and random removals are drawn anew.
BASELINES = tuple(name for name in influence.ESTIMATORS if name not in ("itd", "random"))


@dataclass(frozen=True)
class Scored:
    """One seed's scores.

    Attributes:
        seed: of the training.
        looks: of its rolling windows.
        scores: of the last window, the whole run and the baselines, by name; those that cannot be had are absent.
        seconds: of the training and of every way of scoring, by name.
        growth: accumulated growth of the adjoint in each window.
        failed: why a way of scoring gave nothing, by name.
    """

    seed: int
    looks: Looks
    scores: dict[str, Scores]
    seconds: dict[str, float]
    growth: list[float]
    failed: dict[str, str]


def scored(data: DirtySet, seed: int, folder: Path, ways: tuple[str, ...], horizon: int | None = None) -> Scored:
    """Train a seed and score it, or read what was scored before.

    Args:
        data: the set.
        seed: of the training.
        folder: where scores are kept.
        ways: beside rolling scores: ``last window``, ``whole run``, and names of estimators.
        horizon: steps of a rolling window; None for those of `influence.rolling`. Windows end where they usually do.

    Raises:
        UsageError: if the folder holds scores by other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notes_file = folder / "notes.json"
    if not notes_file.exists():
        _score(data, seed, folder, ways, horizon)
    notes = read_json(notes_file)
    missing = [way for way in ways if way not in notes["seconds"] and way not in notes["failed"]]
    if missing or notes.get("horizon") != horizon:
        raise UsageError(
            f"{folder} holds scores by {', '.join(notes['seconds'])} in windows of {notes.get('horizon') or 'auto'} "
            "steps, and others are asked for. Give another folder, --work, or the same settings."
        )
    looks = Looks.read(folder / "rolling.npz")
    found = {way: Scores.read(folder / f"{way.replace(' ', '-')}.csv") for way in ways if way not in notes["failed"]}
    growth = [window.growth for window in looks.windows]
    return Scored(seed, looks, found, notes["seconds"], growth, notes["failed"])


def of_peers(folder: Path) -> dict[str, Scores]:
    """Scores that other tools left for the same images (`peers.py`), by the name of the way; often none."""
    return {path.stem: Scores.read(path) for path in sorted(folder.glob("*.csv"))}


def _score(data: DirtySet, seed: int, folder: Path, ways: tuple[str, ...], horizon: int | None) -> None:
    seconds: dict[str, float] = {}
    failed: dict[str, str] = {}
    run = _timed(seconds, "training", lambda: train(data.place, seed))
    metric = data.scored_on
    _timed(seconds, ROLLING, lambda: _rolling(run, metric, horizon)).save(folder / "rolling.npz")
    for way in ways:
        try:
            scores = _timed(seconds, way, lambda way=way: _by(run, data, way))
        except (GansiftError, KeyError) as error:  # KeyError: the sweep overflowed, so there are none of this horizon
            failed[way] = f"{type(error).__name__}: {error}"
            _log.warning("%s, seed %d: %s gave no scores: %s", data.name, seed, way, error)
            continue
        scores.to_csv(folder / f"{way.replace(' ', '-')}.csv")
    write_json(folder / "notes.json", {"seconds": seconds, "failed": failed, "horizon": horizon})


def _rolling(run: training.Run, metric: Metric, horizon: int | None) -> Looks:
    if horizon is None:
        return influence.rolling(run, metric)
    return influence.rolling(run, metric, horizon, usual_ends(run.start, run.steps, usual_horizon(run.steps)))


def _by(run: training.Run, data: DirtySet, way: str) -> Scores:
    metric, last = data.scored_on, usual_horizon(run.steps)
    if way in (LAST, WHOLE):
        steps = last if way == LAST else run.steps
        return influence.itd_horizons(run, metric, [steps])[steps]
    return influence.ESTIMATORS[way](run, metric, last)


def _timed(seconds: dict[str, float], name: str, function: Callable[[], _T]) -> _T:
    begun = time.monotonic()
    found = function()
    seconds[name] = round(time.monotonic() - begun, 2)
    return found
