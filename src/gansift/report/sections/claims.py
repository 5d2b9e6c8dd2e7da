"""What a report shows and what it does not, in sentences."""

from __future__ import annotations

from typing import Any

from gansift.report import words
from gansift.report.sections.verification import own_verification, ranks, tried
from gansift.report.shown import Shown
from gansift.report.summary import NewModels, Summary

TEMPLATE = "sections/claims.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Both lists of sentences."""
    return {"points_shown": points_shown(summary), "points_not_shown": points_not_shown(summary)}


def removal(removal: str) -> str:
    """What a convention of removal means, as a phrase; one not known here stays as it is."""
    if removal == "fixed-denominator":
        return "a removed example has weight 0, and its batch is still divided by the full batch size"
    if removal == "renormalised":
        return "a removed example has weight 0, and its batch is divided by the number of examples left in it"
    return removal


def _restart(summary: Summary) -> str:
    """Where retraining starts, in a sentence."""
    if summary.from_start:
        return "Every retraining starts from scratch, so the removed examples were never seen by it."
    if summary.chosen is None:
        return (
            "Retraining repeats only the last K steps of training (the horizon): examples removed from step "
            f"T{words.MINUS}K on, where T = {summary.steps:,}, were still seen by training before that step."
        )
    steps, horizon = summary.steps, summary.chosen.horizon
    if horizon >= steps:
        return f"Retraining repeats all {steps:,} steps, so the removed examples were never seen by it."
    return (
        f"Retraining repeats only the last {horizon:,} of {steps:,} steps. The examples removed from step "
        f"{steps - horizon:,} on were still seen by training before that step; no model was trained that "
        "never saw them."
    )


def points_shown(summary: Summary) -> list[str]:
    """What the report shows, a sentence or two each.

    Args:
        summary: of the run.
    """
    if summary.headline is not None:
        return _shown_of_new_models(summary, summary.headline)
    label, seeds = summary.words.label, summary.seeds
    latents, samples = (" and latents", " and samples") if summary.samples else ("", "")
    chance = (
        f"Every change is a mean over {words.plural(seeds, 'training seed')}; its 95 % interval says how far off that "
        "mean could be by chance in training."
        if seeds > 1
        else "Only one training seed was run, so nothing is known about chance in training: there are no intervals."
    )
    return [
        f"{label} on test data: data{latents} that played no part in scoring or in choosing what to remove. "
        + (
            "What was decided is carried out whatever they say."
            if summary.decisions
            else "They have a veto: a choice that they do not confirm is not carried out."
        ),
        chance,
        f"Every seed was trained, scored and retrained on its own. The examples{samples} pictured here are those of "
        "the first seed; other seeds may rank examples differently.",
        "Beside every removal stands the removal of as many examples drawn at random, retrained in the same way.",
        *(
            f"Scores of the last {words.stretch(row.horizon, row.epochs)} were compared with retraining: {tried(row)}."
            for row in own_verification(summary)
        ),
    ]


def points_not_shown(summary: Summary) -> list[str]:
    """What the report does not show, a sentence or two each.

    Args:
        summary: of the run.
    """
    if summary.headline is not None:
        return _not_shown_of_new_models(summary)
    label = summary.words.label
    looks = "look better to the eye or in other metrics" if summary.samples else "be better in other metrics"
    points = [
        *_not_verified(summary),
        _restart(summary),
        f"Only {summary.metric} was measured. A better {label} need not {looks}.",
        "A harmful score is no verdict on an example: it may be mislabelled, odd, a duplicate, or merely too common "
        "for this model at this point of its training.",
    ]
    if summary.chosen is not None:
        points.append(
            "The charts show every choice that was tried. The best of them looks better than it is, which is why the "
            "verdict rests on seeds that had no part in the choice."
        )
    points.append(
        "Whether a new training with other settings gains from leaving out what was decided on has to be tried."
        if summary.decisions
        else "The removed examples were chosen for this very training (the first seed's, from its horizon on). Whether "
        "a new training with other seeds or settings gains from leaving them out has to be tried."
    )
    if summary.from_start:
        points.append(
            "Scores look back over the horizon only, while retraining started from scratch: the two need not agree."
        )
    return points


def _shown_of_new_models(summary: Summary, found: NewModels) -> list[str]:
    label, noun, trained = summary.words.label, summary.nouns.example, summary.nouns.trained
    latents = " and latents" if summary.samples else ""
    return [
        f"{label} on test data{latents} that played no part in scoring or in choosing what to remove.",
        f"{words.plural(found.scoring_seeds, 'training')} {'was' if found.scoring_seeds == 1 else 'were'} scored, "
        f"{found.choosing_seeds} fresh ones chose how many {noun}s to remove, and {found.judging_seeds} further ones "
        "judged exactly those. No seed has two of these parts.",
        f"Every {trained} that judges was trained from scratch three times with the same initial parameters, batches"
        f"{latents}: with everything, without the chosen {noun}s, and without as many at random.",
        "An interval covers chance in training and, where the metric tells, which examples happened to be held out and "
        "which latents were drawn.",
        f"The {noun}s that the lists leave out are the very ones that were judged.",
    ]


def _not_shown_of_new_models(summary: Summary) -> list[str]:
    label, noun = summary.words.label, summary.nouns.example
    looks = "look better to the eye or in other metrics" if summary.samples else "be better in other metrics"
    return [
        "That the gain holds with other settings or another size of the networks has to be tried. New "
        f"{summary.nouns.trained}s here have the settings of those that were scored.",
        f"Only {summary.metric} was measured. A better {label} need not {looks}.",
        f"A harmful score is no verdict on one {noun}: what was judged is the whole that is removed, and some kinds.",
        "Test data come from the same source as the rest. Whether the gain holds for data from elsewhere, no split can "
        "show.",
    ]


def _not_verified(summary: Summary) -> list[str]:
    """What verification leaves open about the scores."""
    verified, chosen, train = own_verification(summary), summary.chosen, summary.source.train
    counts = sorted({row.removed for row in summary.grid})
    groups = f" ({', '.join(f'{count:,}' for count in counts)} at a time)" if counts else ""
    whole = "all that was decided on" if summary.decisions else "whole groups of the most harmful examples"
    grid = f"by retraining without {whole}{groups}"
    if not verified:
        return [
            "Scores are predictions, not verified example by example. They were checked only as far as the grid shows: "
            f"{grid}."
        ]
    singles = max((row.count for row in verified if row.kind == "leave-one-out"), default=0)
    if singles >= train:
        extent = "Every example was left out alone; what several do together was checked only"
    elif singles:
        extent = (
            f"Scores were verified for {words.plural(singles, 'single example')} of {train:,}; those of the others are "
            "predictions, checked only"
        )
    else:
        extent = (
            "Scores were verified for random groups, not example by example: errors that cancel within a group do not "
            "show. The extremes were checked only"
        )
    points = [f"{extent} as far as the grid shows: {grid}."]
    horizons = sorted({row.horizon for row in verified})
    if chosen is not None and chosen.horizon not in horizons:
        steps = ", ".join(f"{horizon:,}" for horizon in horizons)
        points.append(
            f"Scores of the chosen horizon ({words.plural(chosen.horizon, 'step')}) were not verified, only those "
            f"of {steps}."
        )
    points += [
        f"That scores of the last {words.stretch(row.horizon, row.epochs)} rank examples better than chance: "
        f"{tried(row)} did not show it."
        for row in verified
        if not ranks(row.spearman)
    ]
    return points
