"""What to do next: with a gain, how to take it along; without one, what may still be found and what it takes."""

from __future__ import annotations

from typing import Any

from gansift.report import words
from gansift.report.shown import Shown
from gansift.report.summary import Summary

TEMPLATE = "sections/next_steps.html"

# Reliability above which more trainings to score would hardly change the ranking.
_RELIABLE = 0.8

_AGAIN = "Give the command of this run again with"

#: What to do, in a sentence, and the command that does it, or "".
_Step = tuple[str, str]


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Steps, the most useful first."""
    return {"steps": _with_gain(summary) if summary.verdict.helped else _without_gain(summary)}


def _with_gain(summary: Summary) -> list[_Step]:
    nouns = summary.nouns
    return [
        (f"Look at what is removed: the {nouns.example}s below marked as removed are what the gain comes from.", ""),
        ("Take the clean training set along; it trains again with any trainer.", "gansift export RUN clean/"),
        *_see(summary),
    ]


def _without_gain(summary: Summary) -> list[_Step]:
    keep = f"Keep every {summary.nouns.example}, for now: with clean data this is the usual result, and no fault."
    new = summary.question == "new-models"
    return [(keep, ""), *(_more_of_new(summary) if new else _more_of_this(summary)), *_see(summary)]


def _more_of_new(summary: Summary) -> list[_Step]:
    """What the same command finds with more of something; only what is new is computed."""
    steps: list[_Step] = []
    found = summary.headline
    if found is not None and found.reliability is not None and found.reliability < _RELIABLE and found.seeds_needed:
        steps.append(
            (
                f"Score more trainings: other seeds would rank much of this otherwise (reliability "
                f"{words.correlation(found.reliability)}), and {found.seeds_needed} trainings would give {_RELIABLE}. "
                f"Trainings that are there are kept. {_AGAIN}",
                f"--scoring-seeds {max(found.seeds_needed, found.scoring_seeds + 1)}",
            )
        )
    if summary.chosen is not None and found is not None:
        steps.append(
            (
                f"Judge by more fresh trainings: an interval half as wide takes about four times as many. {_AGAIN}",
                f"--judging-seeds {4 * found.judging_seeds}",
            )
        )
    kinds = [kind.name for kind in summary.kinds if kind.advice.startswith("try")]
    if kinds:
        steps.append(
            (
                f"Try to remove whole kinds, whose harm is surer than that of single examples. {_AGAIN}",
                f'--remove-groups "{",".join(kinds)}"',
            )
        )
    return steps


def _more_of_this(summary: Summary) -> list[_Step]:
    return [
        (
            "Try more training seeds: of few ones only a large gain can be told from chance. What is there is kept. "
            f"{_AGAIN}",
            f"--seeds {2 * summary.seeds}",
        ),
    ]


def _see(summary: Summary) -> list[_Step]:
    steps: list[_Step] = []
    if summary.source.kind == "images":
        steps.append(
            (
                "Decide yourself: mark below what is wrong to a person's eye, and save your decisions; they are tried "
                "as they are.",
                "gansift cleanse RUN --decisions decisions.csv",
            )
        )
    such = "whether samples are copies" if summary.samples else "whether it can be told who was trained on"
    steps.append((f"Ask something else of the same run, such as {such}.", "gansift audit all RUN"))
    return steps
