"""What the folds of a cross-fit say together: mean scores of all examples, the mean change, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gansift.cleansing.folds import Fold, over_folds
from gansift.cleansing.new_models import Judgement, paired
from gansift.influence.scores import Scores
from gansift.report import summary
from gansift.report.shown import Shown
from gansift.report.summary import Ends, read_summary
from gansift.report.words import MINUS, interval, plural, share
from gansift.workflow.folds import whole_data
from gansift.workflow.kinds import LOOK_ALIKES
from gansift.workflow.new_models import Study
from gansift.workflow.new_result import TITLES, changes_told, ends_of, kind_advice, mean_of, pictured
from gansift.workflow.outcome import classes_of, shown_sets
from gansift.workflow.place import Place
from gansift.workflow.result import source_of


@dataclass(frozen=True)
class Whole:
    """All data of a cross-fit, with a score for each example that some fold trained on.

    Attributes:
        place: the data, with the system of the first fold: whoever was trained on in some fold is a training example,
            and all others are what they always were.
        scores: of the training examples, each the mean over the folds that trained on it.
    """

    place: Place
    scores: Scores

    @classmethod
    def of(cls, studies: Sequence[Study]) -> Whole:
        """That of all folds."""
        first = studies[0]
        found: dict[str, list[float]] = {}
        for study in studies:
            for identity, value in study.scores:
                found.setdefault(identity, []).append(value)
        data = whole_data([study.place.data for study in studies])
        place = Place(first.place.config, data, first.place.system)
        values = np.array([np.mean(found[identity]) for identity in place.ids])
        words = (first.scores.metric, first.scores.direction, first.scores.estimator)
        steps = (first.scores.horizon, first.scores.steps)
        return cls(place, Scores(place.ids, values, *words, *steps, first.scores.removal, run="cross-fit"))

    def shown(self, removed: Sequence[str]) -> Shown:
        """What the page shows."""
        return Shown(shown_sets(self.place, self.scores), removed=frozenset(removed))


def crossfit_summary(studies: Sequence[Study], whole: Whole) -> summary.Summary:
    """The content of ``report.json``.

    What each fold chose was judged on what it held out; here these changes are averaged. Of all examples the same share
    is removed as of those of a fold on average, and only if the mean change is a proven gain. That list itself was
    judged by nobody, since there is no example left that had no part in it.

    Args:
        studies: of the folds, all done.
        whole: their data and scores together.
    """
    reports = [read_summary(study.directory.result) for study in studies]
    first, direction = reports[0], whole.scores.direction
    headline = _headline(studies, reports, direction)
    helped = headline.finding == "better"
    removed = headline.removed if helped else 0
    test = summary.Changes(
        before=headline.before,
        after=headline.after,
        change=headline.change,
        ci95=headline.ci95,
        random_change=headline.random_change,
        random_ci95=headline.random_ci95,
        against_random=headline.difference,
        against_random_ci95=headline.difference_ci95,
        untrained=_mean([report.test.untrained for report in reports]),
    )
    seconds = [report.seconds for report in reports if report.seconds is not None]
    return replace(
        first,
        source=source_of(whole.place),
        verdict=summary.Verdict(helped, _verdict(first, headline, len(studies), len(whole.scores))),
        chosen=None,
        removed=removed,
        validation=summary.Changes(None, None, None),
        test=test,
        grid=(),
        per_seed=(),
        settings={**first.settings, "folds": len(studies)},
        seconds=sum(seconds) if seconds else None,
        times={stage: sum(report.times.get(stage) or 0.0 for report in reports) for stage in first.times},
        warnings=_warnings(reports),
        baselines=tuple(_baselines(studies)),
        classes=classes_of(whole.place, set(whole.scores.harmful(removed).ids)),
        new_models=headline,
        kinds=tuple(_kinds(studies, reports, whole.scores)),
        this_model=None,
        folds=tuple(_fold(study, report) for study, report in zip(studies, reports, strict=True)),
    )


def _headline(studies: Sequence[Study], reports: Sequence[summary.Summary], direction: str) -> summary.NewModels:
    found = [report.new_models for report in reports if report.new_models is not None]
    change, random, difference = (
        over_folds([_changes(study, row, other) for study in studies]) for row, other in ((1, 0), (2, 0), (1, 2))
    )
    before = _mean([one.before for one in found])
    judgement = None
    if change is not None and random is not None and difference is not None:
        judgement = Judgement(before or 0.0, (before or 0.0) + change.mean, change, random, difference)
    removing = sum(one.removed for one in found) / sum(study.place.examples for study in studies)
    return replace(
        found[0],
        before=before,
        after=before if judgement is None else judgement.after,
        removed=round(removing * len({identity for study in studies for identity in study.scores.ids})),
        finding=None if judgement is None else judgement.finding(direction),
        looks=sum(one.looks for one in found),
        reliability=_mean([one.reliability for one in found]),
        seeds_needed=None,
        surely_harmful=None,
        **changes_told(change, random, difference),
        left_out=tuple(f"fold {fold}, {what}" for fold, one in enumerate(found) for what in one.left_out),
    )


def _changes(study: Study, row: int, other: int) -> Fold:
    """The change between two rows of a fold's judging seeds; None where nothing was removed."""
    if study.chosen is None:
        return None
    rows = study.judged("test")
    return paired(rows[row], rows[other])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _baselines(studies: Sequence[Study]) -> list[summary.Baseline]:
    """Other ways to choose, as far as every fold that removes anything has them."""
    names = [set(study.arm_names) for study in studies if study.chosen is not None]
    shared = set.intersection(*names) - {""} if names else set()
    order = next((study.arm_names for study in studies if study.chosen is not None), [])
    rows = []
    for name in order:
        if name not in shared:
            continue
        change = over_folds([_changes(study, _row(study, name), 0) for study in studies])
        rows.append(summary.Baseline(name, TITLES.get(name, name), None, None, mean_of(change), ends_of(change)))
    return rows


def _row(study: Study, name: str) -> int:
    return 0 if study.chosen is None else study.arm_names.index(name)


def _kinds(studies: Sequence[Study], reports: Sequence[summary.Summary], scores: Scores) -> list[summary.Kind]:
    """The kinds that all folds know, with the mean of what each predicts; clusters are other ones in every fold."""
    members: dict[str, dict[str, None]] = {}
    for study in studies:
        for effect in study.kinds:
            members.setdefault(effect.group.name, {}).update(dict.fromkeys(effect.group.ids))
    by_name = [{kind.name: kind for kind in report.kinds} for report in reports]
    kinds = []
    for name, ids in members.items():
        known = [of_fold[name] for of_fold in by_name if name in of_fold]
        if LOOK_ALIKES in name or len(known) < len(studies):
            continue
        predicted = _mean([kind.predicted for kind in known])
        ends = _mean_ends([kind.ci95 for kind in known], predicted)
        advice = kind_advice(name, ends, None, scores.direction)
        shown = pictured(scores, tuple(ids), predicted or 0.0)
        kinds.append(summary.Kind(name, len(ids), predicted, ends, advice=advice, shown=shown))
    sign = -1 if scores.direction == "lower" else 1
    return sorted(kinds, key=lambda kind: sign * (kind.predicted or 0.0), reverse=True)


def _mean_ends(intervals: Sequence[Ends], middle: float | None) -> Ends:
    """The interval of a mean over folds, whose errors are taken for independent; None where one has none."""
    halves = [(ends[1] - ends[0]) / 2 for ends in intervals if ends and ends[0] is not None and ends[1] is not None]
    if middle is None or len(halves) < len(intervals):
        return None
    half = sum(one**2 for one in halves) ** 0.5 / len(halves)
    return middle - half, middle + half


def _fold(study: Study, report: summary.Summary) -> summary.FoldRow:
    found = report.new_models
    assert found is not None
    return summary.FoldRow(
        train=report.source.train,
        test=report.source.test,
        removed=found.removed,
        before=found.before,
        change=found.change,
        ci95=found.ci95,
        random_change=found.random_change,
        finding=found.finding,
        reliability=found.reliability,
        report=f"{study.directory.root.name}/{study.directory.page.name}",
    )


def _warnings(reports: Sequence[summary.Summary]) -> tuple[str, ...]:
    """Those of the folds, each once, with the numbers of the folds that say it."""
    folds: dict[str, list[str]] = {}
    for number, report in enumerate(reports):
        for warning in report.warnings:
            folds.setdefault(warning, []).append(str(number))
    return tuple(
        warning if len(said) == len(reports) else f"Fold{'s' * (len(said) > 1)} {', '.join(said)}: {warning}"
        for warning, said in folds.items()
    )


def _verdict(first: summary.Summary, headline: summary.NewModels, folds: int, examples: int) -> str:
    name, noun, trained = first.words.label, first.nouns.example, first.nouns.trained
    better = f"{'lower' if first.direction == 'lower' else 'higher'} is better"
    where = f"in {folds} folds, in which each {noun} is held out once"
    if headline.finding is None and headline.removed:
        return (
            "No judging seed went through in all folds that remove something, so nothing is known (see log.txt); "
            f"every {noun} is kept."
        )
    if headline.finding is None:
        return (
            f"No fold of {folds} found a number of harmful {noun}s whose removal improves {name} of new {trained}s on "
            f"validation data by more than its uncertainty, so every {noun} is kept."
        )
    ends = "no interval" if headline.ci95 is None else f"95 % interval {interval(headline.ci95)}".replace(MINUS, "-")
    verb = {"better": "improves", "worse": "makes worse", "unproven": "changes"}[headline.finding]
    sentence = (
        f"Removing what scores call most harmful, {share(headline.removed, examples)} of the {noun}s, {verb} test "
        f"{name} of new {trained}s by {headline.change:+.3g} ({ends}) {where}, from {headline.before:.3g} to "
        f"{headline.after:.3g} ({better}); removing as many at random changes it by {headline.random_change:+.3g}."
    )
    if headline.finding == "better":
        return f"{sentence} Of all {examples:,}, {plural(headline.removed, noun)} are removed."
    if headline.finding == "worse":
        return f"{sentence} That is a proven harm, so every {noun} is kept."
    return f"{sentence} That is no proof of a gain, so every {noun} is kept."
