"""What a person takes away from a run: the choice, the verdict, the report, the lists and the generators."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.trial import Cell
from gansift.data.examples import Examples
from gansift.errors import TrainingError, UsageError
from gansift.files import read_json, write_sealed_json
from gansift.games.trained import Trained
from gansift.influence.estimators import ranks_only
from gansift.influence.horizon import Trust, trust
from gansift.influence.scores import Scores
from gansift.report.answer import read_answers
from gansift.report.export import write_lists
from gansift.report.page import write_page
from gansift.report.shown import Shown, ShownSet
from gansift.report.summary import Belief, ClassCount, Growth, HorizonCheck, Summary, Verification, read_summary
from gansift.report.typed import from_json
from gansift.workflow.choosing import is_cleansed, read_trials
from gansift.workflow.config import NEW_MODELS, Config, Decided, Way, load
from gansift.workflow.damage import discard_damaged
from gansift.workflow.directory import RunDirectory
from gansift.workflow.doubts import doubts
from gansift.workflow.history import history_of
from gansift.workflow.jobs import comparison, trial
from gansift.workflow.new_models import Study
from gansift.workflow.new_result import new_models_summary
from gansift.workflow.opening import opened
from gansift.workflow.place import Place
from gansift.workflow.plan import Plan
from gansift.workflow.result import compared, summarise, view_of_splits
from gansift.workflow.reviewing import reviewed
from gansift.workflow.seed import Seed, decided_scores, made_by, read_seconds, samples_of
from gansift.workflow.verification import read_verifications
from gansift.workflow.weights import keep_weights

_log = logging.getLogger(__name__)

_SAMPLES = 64
# Of each data set, for games that show what they make of examples.
_EXAMPLES = 12


def finish(directory: RunDirectory, config: Config, way: Way, seconds: float | None = None) -> dict[str, Any]:
    """Choose, judge, and write everything that a person takes away from a run.

    Args:
        directory: with finished trials.
        config: of the run, with the question that is asked of it.
        way: which trials to read.
        seconds: that the run took, unless an earlier report says more.

    Raises:
        UsageError: if some seed is not cleansed to its end yet.
        TrainingError: if the data are no longer those of the run.
    """
    place = opened(directory, config)
    plan = place.plan(way)
    discard_damaged(directory, plan.examples)
    if directory.page.exists() and not directory.result.exists():
        _log.warning(
            "%s was lost and is written anew, without what it said of another question than this one: `gansift cleanse "
            "%s` answers that of this model again, `gansift report %s` that of the run; nothing is trained for it",
            directory.result.name,
            directory.root,
            directory.root,
        )
    if way.new_models:
        return _finish_new_models(directory, place, plan, seconds).to_json()
    trials = read_trials(directory, plan)
    if not is_cleansed(directory, plan):
        metric = "" if config.metric == load(directory.config).metric else f" --metric {config.metric}"
        raise UsageError(
            f"{directory.root} is not cleansed to its end yet; run `gansift cleanse {directory.root}{metric}"
            f"{way.flags}` first"
        )
    main = Seed.main(directory, place)
    values = [read_json(directory.values(seed, plan.metric)) for seed in plan.seeds]
    times = [read_seconds(directory, seed) for seed in plan.seeds]
    seconds = _seconds(directory, "this-model", seconds)
    result, kept_choice = summarise(place, values, trials, main.run, way, seconds, times)
    result = replace(result, new_models=_earlier(directory, "new-models", "new_models"))
    result = replace(result, **_trust(main, plan))
    _say_unverified(directory, result)
    if result.chosen is not None:
        cell = Cell(result.chosen.horizon, result.chosen.removed)
        others = [_compared(directory, plan, seed, cell) for seed in plan.seeds]
        result = replace(result, baselines=compared(cell, trials, others, way.chooser))
    shown = _shown(main, plan, result, kept_choice)
    removed = _listed(main, plan, shown).harmful(result.removed).ids
    after = None if kept_choice is None else _cleansed(main, plan, kept_choice)
    return _write_outcome(main, result, shown, removed, after).to_json()


def _finish_new_models(directory: RunDirectory, place: Place, plan: Plan, seconds: float | None) -> Summary:
    """The same for the question of what improves new models."""
    study = Study(directory, place, plan)
    if not study.is_finished:
        raise UsageError(f"{directory.root} is not finished yet; give the command `gansift run` again that began it")
    numbers = [*plan.seeds, *plan.choosing, *plan.judging]
    times = [read_seconds(directory, number) for number in numbers]
    values = [read_json(directory.values(seed, plan.metric)) for seed in plan.seeds]
    main = Seed.main(directory, place)
    result = new_models_summary(study, main.run, values, _seconds(directory, "new-models", seconds), times)
    result = replace(result, this_model=_earlier(directory, "this-model", "this_model"))
    removed = study.chosen_scores.ids if result.removed else ()
    after = retrained_players(main.beginning, [removed], plan.steps)[0] if removed else None
    return _write_outcome(main, result, study.scores, removed, after)


def _seconds(directory: RunDirectory, question: str, seconds: float | None) -> float | None:
    """What a run took: a finished one that is only looked at again took what it took."""
    if not directory.result.exists():
        return seconds
    earlier = read_json(directory.result)
    return max(seconds or 0.0, earlier["seconds"] or 0.0) if earlier.get("question", question) == question else seconds


def _earlier(directory: RunDirectory, question: str, field: str) -> Any:
    """What was found for the other question: it stands in the report of that one, or in its place in this one's."""
    if not directory.result.exists():
        return None
    summary = read_summary(directory.result)
    if summary.question != question:
        return getattr(summary, field)
    return summary.new_models if question == "new-models" else summary.to_json()


def _say_unverified(directory: RunDirectory, result: Summary) -> None:
    """Name verifications of the last report that are gone or were damaged."""
    earlier = read_summary(directory.result) if directory.result.exists() else None
    if earlier is None or (earlier.question, earlier.metric) != (result.question, result.metric):
        return
    for lost in (one for one in earlier.verification if one not in result.verification):
        _log.warning(
            "a verification of the last report is gone from %s/verify (%d removals of %d, by %s): `gansift verify %s` "
            "or the command of the run makes it again",
            directory.root, lost.count, lost.removed, lost.estimator, directory.root,
        )  # fmt: skip


def _compared(directory: RunDirectory, plan: Plan, seed: int, cell: Cell) -> list[dict[str, Any]]:
    """What removing as many examples by other estimators did on one seed; without those that do not fit."""
    rows = comparison(plan, seed, cell).rows(directory, plan.metric)
    named = [{"estimator": name} | row for name, row in zip(plan.compared, rows, strict=False)]
    return [row for row in named if None not in (row["validation"], row["test"])]


def chosen_scores(directory: RunDirectory) -> Scores | None:
    """The scores that the report is about; None without a report.

    Raises:
        GansiftError: if they are gone or damaged.
    """
    if not directory.result.exists():
        return None
    result = read_json(directory.result)
    return Scores.read(directory.chosen_scores(result["metric"], result["estimator"]))


def reported(directory: RunDirectory, config: Config) -> tuple[Config, Way]:
    """The question and the way of cleansing that the report and the lists of a run are of."""
    result = read_json(directory.result)
    asked = {name: result["settings"][name] for name in ("metric", "features", "latents")}
    if result.get("question") == "new-models":
        roles = ("remove", "remove_groups", "scoring_seeds", "choosing_seeds", "judging_seeds", "baselines")
        return replace(config, **asked | {name: result["settings"][name] for name in roles}), NEW_MODELS
    decisions = result.get("decisions")
    decided = None if decisions is None else Decided(Path(decisions).stem, result["removed"])
    return replace(config, **asked), Way(result["estimator"], result["from_start"], decided)


def _trust(main: Seed, plan: Plan) -> dict[str, Any]:
    """What is known of how far the main seed's scores can be believed."""
    growth = read_json(main.directory.growth(main.number, plan.metric, plan.way.estimator))
    epoch = main.run.epoch
    belief = trust([(row["step"], row["norm"], row["effect"]) for row in growth], epoch) if growth else None
    verified = read_verifications(main.directory, plan)
    return {
        "verification": tuple(from_json(Verification, entry) for entry in verified),
        "growth": tuple(from_json(Growth, row) for row in growth),
        "trust": None if belief is None else _belief(belief, _checks(main, plan), epoch),
    }


def _checks(main: Seed, plan: Plan) -> tuple[HorizonCheck, ...]:
    path = main.directory.checks(main.number, plan.metric, plan.way.estimator)
    return tuple(HorizonCheck(**row) for row in read_json(path)) if path.exists() else ()


def _belief(told: Trust, checks: Sequence[HorizonCheck], epoch: float) -> Belief:
    """What the sweep told, shortened to what retraining confirmed where that was asked."""
    horizon, state = told.horizon, told.state
    if checks and not checks[0].holds:
        horizon, state = checks[-1].horizon, "partly" if checks[-1].holds else "chaotic"
    known = asdict(told) | {"horizon": horizon, "state": state}
    return Belief(**known, epochs=round(horizon / epoch, 2), checks=tuple(checks))


def _write_outcome(
    main: Seed, result: Summary, shown: Scores, removed: Sequence[str], after: Trained | None
) -> Summary:
    """Write everything, and give the result with what could be told only then.

    Args:
        main: the seed whose model is the person's.
        result: what was found.
        shown: the scores that the report shows.
        removed: ids of the examples that the lists leave out.
        after: what was trained without them; None where that is nothing else.
    """
    directory, run = main.directory, main.run
    told = doubts(main.place.train, shown, removed, ranks_only(shown.estimator))
    result = replace(
        result,
        classes=classes_of(main.place, set(removed)),
        warnings=(*result.warnings, *told),
        report=str(directory.page),
    )
    keep_weights(directory, run, {"original": run.trained(), "cleansed": after})
    shown.to_csv(directory.chosen_scores(shown.metric, shown.estimator))
    write_lists(directory.root, run.ids, removed)
    write_sealed_json(directory.result, result.to_json())
    pictured = Shown(
        shown_sets(main.place, shown),
        samples_before=samples_of(main, run.trained(), _SAMPLES) if result.samples else None,
        samples_after=samples_of(main, after, _SAMPLES) if result.samples and after is not None else None,
        removed=frozenset(removed),
        made=made_by(main, run.trained(), _EXAMPLES),
        review=reviewed(main, shown),
        answers=read_answers(directory.audits),
        history=history_of(main, main.plan.metric, result.samples),
    )
    write_page(directory.page, result, pictured)
    return result


def _shown(main: Seed, plan: Plan, result: Summary, chosen: Cell | None) -> Scores:
    """The scores that the report shows: those of the choice, or of the longest horizon."""
    scores = main.scores(plan.metric, plan.way.estimator)
    if not scores:
        raise TrainingError(
            f"no example of {main.directory.root} has a score: the backward sweep of the first seed overflowed within "
            "its shortest horizon (see log.txt). Train more smoothly, such as with a smaller --lr."
        )
    if chosen is not None:
        return scores[chosen.horizon]
    return scores[result.chosen.horizon if result.chosen else max(scores)]


def _listed(main: Seed, plan: Plan, shown: Scores) -> Scores:
    """The scores of those examples of which the lists may leave out the most harmful."""
    decided = plan.way.decided
    return shown if decided is None else decided_scores(main.directory, shown, decided.digest)


def _cleansed(main: Seed, plan: Plan, chosen: Cell) -> Trained | None:
    """What was measured at a cell, retrained in the same stack, so that it is the same bit for bit."""
    job = trial(plan, main.number, chosen.horizon)
    sets = [one.ids for one in main.removed(job.removals) if one is not None]
    return retrained_players(main.run, sets, job.horizon)[plan.counts.index(chosen.removed)]


def shown_sets(place: Place, shown: Scores) -> dict[str, ShownSet]:
    """The training examples of each data set with their scores; the only set goes without its name."""
    sets, first = {}, 0
    for name, splits in place.data.items():
        train, last = splits.train, first + len(splits.train)
        sets[name if len(place.data) > 1 else ""] = ShownSet(
            shown.ids[first:last],
            shown.values[first:last],
            _label_names(train),
            train.x.numpy(),
            splits.encoding,
            view_of_splits(place, splits),
        )
        first = last
    return sets


def _label_names(train: Examples) -> tuple[str, ...] | None:
    if train.labels is None or train.class_names is None:
        return None
    return tuple(train.class_names[label] for label in train.labels.tolist())


def classes_of(place: Place, removed: set[str]) -> tuple[ClassCount, ...] | None:
    """Examples of each class before and after; None without classes, or where data sets have classes of their own."""
    names = {splits.train.class_names for splits in place.data.values()}
    if len(names) != 1 or None in names:
        return None
    labels = torch.cat([part.labels for part in place.train.values() if part.labels is not None]).numpy()
    kept = np.array([identity not in removed for identity in place.ids])
    return tuple(
        ClassCount(name, int((labels == row).sum()), int((labels[kept] == row).sum()))
        for row, name in enumerate(names.pop() or ())
    )
