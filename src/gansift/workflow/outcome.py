"""What a person takes away from a run: the choice, the verdict, the report, the lists and the generators."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gansift import cleansing
from gansift.cleansing.trial import Cell, removals
from gansift.errors import TrainingError, UsageError
from gansift.files import read_json, write_json
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.influence.horizon import trust
from gansift.influence.scores import Scores
from gansift.report.answer import read_answers
from gansift.report.export import write_lists
from gansift.report.page import write_page
from gansift.report.shown import Shown
from gansift.report.summary import Belief, ClassCount, Growth, Summary, Verification
from gansift.report.typed import from_json
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, workplace
from gansift.workflow.config import Decided, Way, known, load
from gansift.workflow.damage import discard_damaged
from gansift.workflow.directory import RunDirectory
from gansift.workflow.result import compared, summarise
from gansift.workflow.reviewing import reviewed
from gansift.workflow.seeds import (
    MAIN_SEED,
    candidates,
    is_cleansed,
    numbers,
    read_seconds,
    read_trials,
    score_seed,
    train_seed,
)
from gansift.workflow.verification import read_verifications
from gansift.workflow.weights import keep_weights

_SAMPLES = 64


def finish(directory: RunDirectory, way: Way, seconds: float | None = None) -> dict[str, Any]:
    """Choose, judge, and write everything that a person takes away from a run.

    Args:
        directory: with finished trials.
        way: which trials to read.
        seconds: that the run took, unless an earlier report says more.

    Raises:
        UsageError: if some seed is not cleansed to its end yet.
    """
    place = workplace(load(directory.config), directory.cache)
    discard_damaged(directory, len(place.splits.train))
    trials = read_trials(directory, place.config, len(place.splits.train), way)
    if not is_cleansed(directory, place, way):
        raise UsageError(
            f"{directory.root} is not cleansed to its end yet; run `gansift cleanse {directory.root}{way.flags}` first"
        )
    run = train_seed(directory, place, MAIN_SEED, lambda amount: None)
    seeds = range(known(place.config.seeds))
    values = [read_json(directory.values(seed)) for seed in seeds]
    times = [read_seconds(directory, seed) for seed in seeds]
    if directory.result.exists():  # a finished run that is only looked at again took what it took
        seconds = max(seconds or 0.0, read_json(directory.result)["seconds"] or 0.0)
    result, kept_choice = summarise(place, values, trials, run, way, seconds, times)
    result = replace(result, **_trust(directory, run, way))
    if result.chosen is not None:
        cell = Cell(result.chosen.horizon, result.chosen.removed)
        paths = [directory.compared(seed, cell, way) for seed in seeds]
        others = [read_json(path) for path in paths if path.exists()]
        result = replace(result, baselines=compared(cell, trials, others, way.chooser))
    scores = score_seed(directory, place, run, MAIN_SEED, way.estimator, lambda amount: None)
    return _write_outcome(directory, place, run, way, scores, result, kept_choice).to_json()


def chosen_scores(directory: RunDirectory) -> Scores | None:
    """The scores that the report is about; None without a report.

    Raises:
        GansiftError: if they are gone or damaged.
    """
    if not directory.result.exists():
        return None
    result = read_json(directory.result)
    return Scores.read(directory.chosen_scores(result["metric"], result["estimator"]))


def reported_way(directory: RunDirectory) -> Way:
    """The way of cleansing that the report and the lists of a run are of."""
    result = read_json(directory.result)
    decisions = result.get("decisions")
    if decisions is None:
        return Way(result["estimator"], result["from_start"])
    digest = Path(decisions).stem
    return Way(result["estimator"], result["from_start"], Decided(digest, result["removed"]))


def _trust(directory: RunDirectory, run: Run, way: Way) -> dict[str, Any]:
    """What is known of how far the main seed's scores can be believed."""
    growth = read_json(directory.growth(MAIN_SEED, way.estimator))
    found = trust([(row["step"], row["norm"], row["effect"]) for row in growth], run.epoch) if growth else None
    verified = read_verifications(directory, way.estimator)
    return {
        "verification": tuple(from_json(Verification, entry) for entry in verified),
        "growth": tuple(from_json(Growth, row) for row in growth),
        "trust": None if found is None else Belief(**asdict(found), epochs=round(found.horizon / run.epoch, 2)),
    }


def _write_outcome(
    directory: RunDirectory,
    place: Workplace,
    run: Run,
    way: Way,
    scores: dict[int, Scores],
    result: Summary,
    chosen: Cell | None,
) -> Summary:
    """Write everything, and give the result with what could be told only then."""
    if not scores:
        raise TrainingError(
            f"no example of {directory.root} has a score: the backward sweep of the first seed overflowed within "
            "its shortest horizon (see log.txt). Train more smoothly (larger --eps or --r1, smaller --lr)."
        )
    shown = (
        scores[chosen.horizon]
        if chosen is not None
        else scores[result.chosen.horizon if result.chosen else max(scores)]
    )
    removable = candidates(directory, shown, way)
    removed = removable.harmful(result.removed).ids
    after = None
    if chosen is not None:
        redone = run.steps if result.from_start else chosen.horizon
        # The very retrainings that were measured, so that the generator is the one in the report bit for bit.
        counts = numbers(place.config, way, len(run.ids))
        players = cleansing.retrained_players(run, removals(run, removable, counts), redone)
        after = players[counts.index(chosen.removed)]
    result = replace(result, classes=_classes(place, set(removed)), report=str(directory.page))
    keep_weights(directory, run, {"original": run.trained(), "cleansed": after})
    shown.to_csv(directory.chosen_scores(shown.metric, shown.estimator))
    write_lists(directory.root, run.ids, removed)
    write_json(directory.result, result.to_json())
    train = place.splits.train
    labels = None
    if train.labels is not None and train.class_names is not None:
        labels = tuple(train.class_names[label] for label in train.labels.tolist())
    pictured = Shown.of(
        run.ids,
        shown.values,
        labels,
        train.x.numpy(),
        encoding=place.splits.encoding,
        samples_before=_samples(run.trained()) if result.samples else None,
        samples_after=_samples(after) if result.samples and after is not None else None,
        removed=frozenset(removed),
        review=reviewed(directory, place, run, shown) if result.samples else None,
        answers=read_answers(directory.audits),
    )
    write_page(directory.page, result, pictured)
    return result


def _samples(trained: Trained) -> np.ndarray:
    draw = Draw(MAIN_SEED, "report", dtype=trained.dtype, device=trained.device)
    return trained.sample(_SAMPLES, draw).detach().float().cpu().numpy()


def _classes(place: Workplace, removed: set[str]) -> tuple[ClassCount, ...] | None:
    train = place.splits.train
    if train.labels is None or train.class_names is None:
        return None
    labels = train.labels.numpy()
    kept = np.array([identity not in removed for identity in train.ids])
    return tuple(
        ClassCount(name, int((labels == row).sum()), int((labels[kept] == row).sum()))
        for row, name in enumerate(train.class_names)
    )
