"""docs/dirty.md from the results of run.py, windows.py and steadiness.py; the same results give the same bytes.

    python benchmarks/dirty/page.py

What is to be said about the numbers stands in results/remarks.md, under headings that are names of sets or of `SLOTS`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty`, `papers` and what benchmarks share

from command_line import cell, parser
from papers.markdown import table
from papers.page import read_comments

from dirty.arms import EVERYTHING, PLANTED, RANDOM
from dirty.scoring import LAST, ROLLING, WHOLE
from gansift.catalogue import ESTIMATOR_LABELS
from gansift.files import read_json
from gansift.report.words import MINUS, MISSING

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs/dirty.md"
SLOTS = ("introduction", "levels", "windows", "steadiness", "peers", "limits")
OUTLIERS = "cleanlab outliers, FID's features"
TITLES = {
    "digits-dirty": "Digits, 18 % dirt",
    "digits-dirty-5": "Digits, 5 % dirt",
    "digits-dirty-2": "Digits, 2 % dirt",
    "digits-clean": "Clean digits, the control",
    "mnist-dirty": "MNIST, 20 % dirt, DCGAN",
    "mnist-dirty-renormalised": "MNIST, 20 % dirt, DCGAN, trained on what is left",
    "mnist-clean": "Clean MNIST, DCGAN",
    "emoji-dirty": "Emoji, 15 % dirt, DCGAN",
    "fashion-dirty": "Fashion-MNIST, 20 % dirt, DCGAN",
}
_NAMES = {
    ROLLING: "**rolling scores**", LAST: "exact scores, last window", WHOLE: "exact scores, whole run",
    RANDOM: "at random", PLANTED: "everything planted, which nobody can know",
}  # fmt: skip


def render(results: Path) -> str:
    """The page."""
    found = {path.stem: read_json(path) for path in sorted(results.glob("*.json"))}
    sets = {name: one for name, one in found.items() if isinstance(one, dict)}
    order = [name for name in TITLES if name in sets] + [name for name in sets if name not in TITLES]
    remarks = read_comments(results / "remarks.md", (*SLOTS, *order))
    parts = ["# Dirty data: which images should I delete?", remarks.get("introduction", "")]
    for name in order:
        parts += [f"## {TITLES.get(name, name)}", _about(sets[name]), remarks.get(name, ""), _arms(sets[name])]
    if len(order) > 1:
        parts += ["## How much dirt", remarks.get("levels", ""), _levels({name: sets[name] for name in order})]
    for stem, title, slot, lines in (
        ("windows", "Which windows, and how they are weighed", "windows", _windows),
        ("steadiness", "How noisy one judging seed is", "steadiness", _steadiness),
    ):
        for name in [name for name in found if name.startswith(f"{stem}-")]:
            parts += [f"## {title}", remarks.get(slot, ""), lines(found[name])]
    for slot, title in (("peers", "Other tools"), ("limits", "What to keep in mind")):
        if slot in remarks:
            parts += [f"## {title}", remarks[slot]]
    return "\n\n".join(part for part in parts if part) + "\n"


def change_cell(change: Mapping[str, Any] | None) -> str:
    """A change with its interval; a dash where there is none."""
    if change is None:
        return MISSING
    ends = None if change["ci95"] is None else tuple(change["ci95"])
    return cell((change["mean"], ends), "+.2f").replace("-", MINUS)


def _about(one: Mapping[str, Any]) -> str:
    rows = {arm["name"]: arm for arm in one["arms"]}
    values = [value for value in rows[EVERYTHING]["values"] if value is not None]
    removed = max(arm["removed"] for arm in one["arms"] if arm["name"] != PLANTED)
    seconds = one["seconds"]
    sure = one["surely_harmful"]
    sweep = seconds[ROLLING] / seconds["training"]
    return (
        f"{one['training_images']:,} training images, {one['planted']:,} of them planted; {one['steps']:,} steps; "
        f"{len(one['scoring_seeds'])} scored seeds and {len(one['judging_seeds'])} others that judge, from scratch, on "
        f"{one['unseen_images']:,} unseen images. Each way removes {removed}. FID with everything: "
        f"{sum(values) / len(values):.2f}. Rolling scores take as long as {sweep:.1f} trainings "
        f"({seconds[ROLLING]:.0f} s beside {seconds['training']:.0f} s on one loaded core). "
        f"They call {sure['named']} images harmful for sure (false discovery rate 10 %), {sure['planted']} of them "
        "planted."
    )


def _arms(one: Mapping[str, Any]) -> str:
    rows = [arm for arm in one["arms"] if arm["name"] != EVERYTHING]
    lines = [
        [
            _name(arm),
            str(arm["scored_seeds"] or ""),
            "" if arm["trainings"] is None else f"{arm['trainings']:.1f}",
            f"{arm['planted_removed']:.0f} of {arm['removed']}" if one["planted"] else "",
            "" if arm["auc"] is None else f"{arm['auc']:.2f}",
            *(change_cell(arm[key]) for key in ("change", "less_random", "rolling_less_this", "scored_on")),
        ]
        for arm in rows
    ]
    header = [
        "removed by", "scored seeds", "cost in trainings", "planted", "AUC", "change of FID", "less random",
        "rolling of all seeds less this", "less random, by validation images",
    ]  # fmt: skip
    if not any(arm["scored_on"] for arm in rows):
        header, lines = header[:-1], [line[:-1] for line in lines]
    return table(header, lines)


def _name(arm: Mapping[str, Any]) -> str:
    return _NAMES.get(arm["name"]) or ESTIMATOR_LABELS.get(arm["name"], arm["name"])


def _levels(sets: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for name, one in sets.items():
        scored = max(arm["scored_seeds"] for arm in one["arms"])
        change = {(arm["name"], arm["scored_seeds"]): arm.get("change") for arm in one["arms"]}
        best = next(arm for arm in one["arms"] if (arm["name"], arm["scored_seeds"]) == (ROLLING, scored))
        lines.append(
            [
                TITLES.get(name, name),
                f"{100 * one['planted'] / one['training_images']:.0f} %",
                str(best["removed"]),
                f"{best['change']['before']:.2f}",
                change_cell(best["change"]),
                change_cell(best["less_random"]),
                *(change_cell(change.get((other, 0))) for other in (RANDOM, PLANTED, OUTLIERS)),
            ]
        )
    header = (
        "data", "dirt", "removed", "FID before", "rolling, all seeds", "less random", "at random", "everything planted",
        "cleanlab outliers",
    )  # fmt: skip
    return table(header, lines)


def _windows(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        [
            row["windows"],
            row["weighing"],
            str(row["number"]),
            str(row["horizon"]),
            "" if row["auc_of_one"] is None else f"{row['auc_of_one']:.2f}",
            "" if row["auc"] is None else f"{row['auc']:.2f}",
            "" if row["reliability"] is None else f"{row['reliability']:.2f}",
            change_cell(row["change"]),
            change_cell(row["less_usual"]),
        ]
        for row in rows
    ]
    header = (
        "windows", "weights", "number", "steps", "AUC, one seed", "AUC, all", "reliability", "change of FID",
        "less the first row",
    )  # fmt: skip
    return table(header, lines, texts=2)


def _steadiness(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        [
            row["judged_by"],
            str(row["ends"]),
            f"{row['before']:.2f}",
            f"{row['sd_of_value']:.2f}",
            change_cell({"mean": row["change"][0], "ci95": row["change"][1]}),
            f"{row['sd_paired']:.2f}",
            f"{row['sd_unpaired']:.2f}",
        ]
        for row in rows
    ]
    header = ("judged by", "ends", "FID before", "its sd over seeds", "change", "sd of a paired change", "sd unpaired")
    return table(header, lines)


def main(arguments: Sequence[str] | None = None) -> None:
    command = parser(__doc__, saves=False)
    command.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    command.add_argument("--page", type=Path, default=PAGE, help="file of the page")
    given = command.parse_args(arguments)
    given.page.write_text(render(given.results), encoding="utf-8")


if __name__ == "__main__":
    main()
