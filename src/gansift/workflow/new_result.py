"""The result for new models in numbers: what was chosen, what it changes, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from gansift import __version__
from gansift.catalogue import ESTIMATOR_LABELS, ROLLING
from gansift.cleansing.crossed import Crossed
from gansift.cleansing.new_models import Judgement
from gansift.cleansing.statistics import mean_interval
from gansift.data.columns import LABEL
from gansift.influence.combine import CombinedScores
from gansift.influence.groups import GroupEffect
from gansift.influence.scores import Scores
from gansift.report import summary
from gansift.report.summary import Ends
from gansift.report.words import MINUS, interval, plural
from gansift.training.trajectory import Run
from gansift.workflow.new_models import GROUPS, Study
from gansift.workflow.plan import STAGES
from gansift.workflow.result import Values, floor, metric_words, nouns_of, source_of

#: What ways to choose are called in charts.
TITLES = ESTIMATOR_LABELS | {
    ROLLING: "most harmful (rolling)",
    GROUPS: "the kinds that were named",
    "random": "at random",
    "random-balanced": "at random, of the same classes",
}
# Examples of a kind that a page shows.
_PICTURED = 8
_FALSE_DISCOVERIES = 0.1


def new_models_summary(
    study: Study, run: Run, values: Sequence[Values], seconds: float | None, times: Sequence[Mapping[str, float]]
) -> summary.Summary:
    """The content of ``report.json``.

    What is chosen, judged and removed are the same examples. They are removed only if the judging seeds say ``better``.

    Args:
        study: with all its jobs done.
        run: of the first scored seed.
        values: by scored seed, metric values of the untrained and the trained players.
        seconds: from start to end.
        times: by seed of any role, seconds of work by stage.
    """
    place, plan, metric = study.place, study.plan, study.place.validation
    judgement, direction = study.judgement("test"), metric.direction
    headline = _headline(study, judgement)
    helped = headline.finding == "better"
    samples = run.step.game.offers("sample")
    nouns = nouns_of(place, samples)
    return summary.Summary(
        gansift=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        source=source_of(place),
        metric=metric.name,
        direction=direction,
        verdict=summary.Verdict(helped, _verdict(study, headline, nouns)),
        chosen=None if judgement is None else _cell(study, headline.removed),
        removed=headline.removed if helped else 0,
        decisions=None,
        seeds=len(plan.judging),
        steps=plan.steps,
        removal=run.step.settings.removal,
        from_start=True,
        estimator=ROLLING,
        ranking=False,
        validation=_validation(study, values),
        test=_test(study, judgement, values),
        grid=tuple(_grid_row(study, count) for count in study.tried),
        per_seed=_per_seed(study, judgement),
        settings=asdict(place.config),
        seconds=seconds,
        times={stage: sum(of_seed.get(stage, 0.0) for of_seed in times) for stage in STAGES},
        warnings=tuple(_warnings(study, headline)),
        baselines=tuple(_baselines(study)),
        metrics={metric.name: metric_words(metric)},
        nouns=nouns,
        samples=samples,
        question="new-models",
        new_models=headline,
        kinds=tuple(_kind(study, effect) for effect in study.kinds),
    )


def ends_of(change: Crossed | None) -> Ends:
    """The ends of the interval of a change; None where there is none."""
    return None if change is None else change.interval.ci95


def mean_of(change: Crossed | None) -> float | None:
    """The mean of a change; None where there is none."""
    return None if change is None else change.mean


def changes_told(change: Crossed | None, random: Crossed | None, difference: Crossed | None) -> dict[str, Any]:
    """What `summary.NewModels` says of a removal, of random removal, and of the difference of the two."""
    return {
        "change": 0.0 if change is None else change.mean,
        "ci95": ends_of(change),
        "random_change": mean_of(random),
        "random_ci95": ends_of(random),
        "difference": mean_of(difference),
        "difference_ci95": ends_of(difference),
        "error_of_seeds": None if change is None else change.of_seeds,
        "error_of_examples": None if change is None else change.of_examples,
        "error_of_latents": None if change is None else change.of_latents,
    }


def _headline(study: Study, judgement: Judgement | None) -> summary.NewModels:
    plan, scores = study.plan, study.scores
    change, random, difference = (
        (None, None, None) if judgement is None else (judgement.change, judgement.random, judgement.against_random)
    )
    before = study.kept("test") if judgement is None else judgement.before
    return summary.NewModels(
        before=before,
        after=before if judgement is None else judgement.after,
        removed=0 if study.chosen is None else study.chosen.count,
        finding=None if judgement is None else judgement.finding(study.place.validation.direction),
        scoring_seeds=len(plan.seeds),
        choosing_seeds=len(plan.choosing),
        judging_seeds=len(plan.judging),
        **changes_told(change, random, difference),
        looks=scores.looks,
        reliability=scores.reliability,
        seeds_needed=scores.seeds_needed() if len(plan.seeds) > 1 else None,
        surely_harmful=_surely_harmful(scores),
        left_out=scores.left_out,
        redraws=scores.redraws,
    )


def _surely_harmful(scores: CombinedScores) -> int | None:
    return None if scores.standard_error is None else len(scores.surely_harmful(_FALSE_DISCOVERIES))


def _cell(study: Study, count: int) -> summary.Cell:
    return summary.Cell(study.plan.steps, round(study.plan.steps / study.plan.epoch, 2), count)


def _validation(study: Study, values: Sequence[Values]) -> summary.Changes:
    """What the choosing seeds say of the choice."""
    count = 0 if study.chosen is None else study.chosen.count
    change, random = study.tried.get(count, (None, None))
    return _changes(study, "validation", study.kept("validation"), change, random, None, values)


def _test(study: Study, judgement: Judgement | None, values: Sequence[Values]) -> summary.Changes:
    if judgement is None:
        return _changes(study, "test", study.kept("test"), None, None, None, values)
    return _changes(
        study, "test", judgement.before, judgement.change, judgement.random, judgement.against_random, values
    )


def _changes(
    study: Study,
    split: str,
    before: float | None,
    change: Crossed | None,
    random: Crossed | None,
    difference: Crossed | None,
    values: Sequence[Values],
) -> summary.Changes:
    mean = 0.0 if change is None else change.mean
    return summary.Changes(
        before=before,
        after=None if before is None else before + mean,
        change=mean,
        ci95=ends_of(change),
        random_change=mean_of(random),
        random_ci95=ends_of(random),
        against_random=mean_of(difference),
        against_random_ci95=ends_of(difference),
        floor=floor(getattr(study.place, split)),
        untrained=mean_interval([value["untrained"][split] for value in values]).mean,
    )


def _grid_row(study: Study, count: int) -> summary.GridRow:
    change, random = study.tried[count]
    cell = _cell(study, count)
    return summary.GridRow(
        cell.horizon,
        cell.epochs,
        count,
        predicted=study.predicted[count],
        validation=mean_of(change),
        validation_ci95=ends_of(change),
        random_validation=mean_of(random),
        random_validation_ci95=ends_of(random),
    )


def _per_seed(study: Study, judgement: Judgement | None) -> tuple[summary.SeedRow, ...]:
    if judgement is None:
        return ()
    return tuple(
        summary.SeedRow(seed, before, after, random)
        for seed, (before, after, random) in zip(study.plan.judging, study.values("test"), strict=True)
    )


def _baselines(study: Study) -> list[summary.Baseline]:
    return [
        summary.Baseline(
            arm.name,
            TITLES.get(arm.name, arm.name),
            mean_of(arm.validation),
            ends_of(arm.validation),
            mean_of(arm.test),
            ends_of(arm.test),
        )
        for arm in study.arms
    ]


def _kind(study: Study, effect: GroupEffect) -> summary.Kind:
    proof = study.proofs.get(effect.group.name)
    return summary.Kind(
        name=effect.group.name,
        count=len(effect.group.ids),
        predicted=effect.predicted,
        ci95=effect.ci95,
        proved=mean_of(proof),
        proved_ci95=ends_of(proof),
        advice=kind_advice(effect.group.name, effect.ci95, ends_of(proof), study.place.validation.direction),
        shown=pictured(study.scores, effect.group.ids, effect.predicted),
    )


def pictured(scores: Scores, ids: Sequence[str], predicted: float) -> tuple[str, ...]:
    """The examples of a kind that the page shows: the most harmful of one that is predicted to hurt, or the others."""
    of_kind = scores[[scores.rows[identity] for identity in ids]]
    count, hurts = min(_PICTURED, len(of_kind)), (predicted < 0) == (scores.direction == "lower")
    return (of_kind.harmful(count) if hurts else of_kind.helpful(count)).ids


def kind_advice(name: str, predicted: Ends, proof: Ends, direction: str) -> str:
    """What to do with a kind, as a clause: what retraining says counts before what scores predict.

    Of many kinds a few are predicted to hurt by chance, so what was only predicted is to be tried first. A whole
    class is never to be removed for a better number: whoever has it among their data wants it among the results.

    Args:
        name: of the kind.
        predicted: interval of the predicted change.
        proof: of the measured one; None where it was not tried.
        direction: of the metric.
    """
    known = proof if proof is not None else predicted
    if known is None or None in known:
        return ""
    low, high = (end if direction == "higher" else -end for end in known if end is not None)
    low, high = min(low, high), max(low, high)
    if low > 0 and name.rpartition(": ")[2].startswith(f"{LABEL} "):
        return "look at it: a model without it does not know this class"
    if low > 0 and proof is None:
        return "try without it"
    if low > 0:
        return "keep one of the copies" if name.endswith("exact copies") else "remove"
    return "collect more" if high < 0 else ""


def _verdict(study: Study, headline: summary.NewModels, nouns: summary.Nouns) -> str:
    metric = study.place.validation
    name, better = metric_words(metric).label, "lower" if metric.direction == "lower" else "higher"
    fresh = f"{headline.judging_seeds} new {nouns.trained}s, trained from scratch with seeds that were never scored"
    if headline.finding is None and headline.removed:
        return (
            f"No training of the {fresh} went through, so nothing is known (see log.txt); every {nouns.example} is "
            "kept."
        )
    if headline.finding is None:
        return (
            f"No number of harmful {nouns.example}s that was tried improved {name} of new {nouns.trained}s on "
            f"validation data by more than its uncertainty, so every {nouns.example} is kept."
        )
    ends = "no interval" if headline.ci95 is None else f"95 % interval {interval(headline.ci95)}".replace(MINUS, "-")
    verb = {"better": "improves", "worse": "makes worse", "unproven": "changes"}[headline.finding]
    which = f"{headline.removed:,} most harmful {nouns.example}{'s' * (headline.removed > 1)}"
    if study.asked:
        which = f"{plural(headline.removed, nouns.example)} of {', '.join(group.name for group in study.asked)}"
    subject = f"Removing the {which}"
    sentence = (
        f"{subject} {verb} test {name} of new {nouns.trained}s by {headline.change:+.3g} ({ends}), from "
        f"{headline.before:.3g} to {headline.after:.3g} ({better} is better), over {fresh}; removing as many at random "
        f"changes it by {headline.random_change:+.3g}."
    )
    if headline.finding == "better":
        return sentence
    if headline.finding == "worse":
        return f"{sentence} That is a proven harm, so every {nouns.example} is kept."
    return f"{sentence} That is no proof of a gain, so every {nouns.example} is kept. {_next(headline)}"


def _next(headline: summary.NewModels) -> str:
    """What would make the answer clearer: more of what the uncertainty comes from."""
    sources = {
        f"more judging seeds (--judging-seeds, now {headline.judging_seeds})": headline.error_of_seeds,
        "more held-out examples (--fractions, or test=SOURCE)": headline.error_of_examples,
        "more latents (--latents)": headline.error_of_latents,
    }
    known = {what: error for what, error in sources.items() if error is not None}
    if not known:
        return "More judging seeds (--judging-seeds) would say more."
    largest = max(known, key=lambda what: known[what])
    return f"Most of the uncertainty would go with {largest}."


def _warnings(study: Study, headline: summary.NewModels) -> list[str]:
    warnings = []
    if headline.left_out:
        warnings.append(
            f"{plural(len(headline.left_out), 'window')} of the scored trainings could not be used: "
            f"{headline.left_out[0]}{' and others (see log.txt)' if len(headline.left_out) > 1 else ''}."
        )
    if headline.reliability is not None and headline.reliability < 0.5:
        needed = headline.seeds_needed
        more = "" if needed is None else f"; about {needed} scored trainings (--scoring-seeds) would give 0.8"
        warnings.append(
            f"Scores differ much from seed to seed: their reliability is {headline.reliability:.2f} (1 is best){more}."
        )
    judge = study.place.test
    if headline.finding is not None and headline.error_of_examples is None:
        warnings.append(
            f"The interval covers training seeds alone: {judge.name} does not say what it would be with other held-out "
            "examples."
        )
    return warnings
