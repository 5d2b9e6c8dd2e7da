"""The page's introduction: what was run, at which size beside the papers', and how well it trained."""

# ruff: noqa: RUF001  the multiplication sign is meant

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansift.report.words import MISSING, duration
from papers import published
from papers.frame import Page, joined
from papers.markdown import NOT_AVAILABLE, fixed, mean_deviation, metric_name, table
from papers.settings import setting
from papers.summary import ACCURACY, CLEANSING, PICTURES, Experiment, quality

_GAMES = {
    "fcgan": "FCGAN", "sigmoid-dcgan": "DCGAN with sigmoids", "lqgan": "LQGAN", "preset": "gansift's preset",
}  # fmt: skip
_SOURCES = {"normal-1d": "1-D normal", "normal-2d": "2-D normal", "mnist": "MNIST", "fashion": "Fashion-MNIST"}


def introduction(page: Page) -> str:
    """What the page is, what was run, and how well it trained."""
    return joined(
        f"""\
# The two papers' experiments, redone

What gansift measures in the experiments of *Influence Estimation for Generative Adversarial Networks* (Terashita et
al., ICLR 2021) and *Data Cleansing for GANs* (Terashita et al., TNNLS 2025), point by point beside what they published.
`python benchmarks/papers/page.py {page.folder}` writes this page from the saved results of every seed.

Every number is one of three kinds:

- **ours**: measured by the commands below. Mean (standard deviation over seeds, of n - 1), unless it says otherwise.
- **published**: accuracies and values before removal are {published.SOURCES["plots"]};
  changes by removal are {published.SOURCES["notebooks"]}, with the standard deviation where it is printed; sizes
  are {published.SOURCES["settings"]}.
- **{NOT_AVAILABLE}**: the paper has it, but it could not be seen. Nothing is guessed in its place. A dash says that
  there is no such point.

Where a row says **better** or **worse**, ours differs from the published mean by more than chance explains; **open**
says that the seeds are too few or too far apart to tell, which is not agreement. It is Welch's t test at 5 %, in which
a deviation that was not published is taken to be ours, and a number read from a plot may be off by
{published.READ_WITHIN}. Nothing is corrected for the number of tests: of a hundred, five come out by chance.""",
        page.comment("introduction"),
        "### What was run",
        _settings_table(page),
        "Rate × steps is how far gradient descent gets. How each is run again:",
        _commands(page),
        "### How good the trainings are",
        _quality_table(page),
    )


def _commands(page: Page) -> str:
    lines = [
        f"- {page.command(name)}: {_time(page.results[name]) if name in page.results else '**not run**'}"
        for name in (*ACCURACY, *CLEANSING)
    ]
    lines.append(f"- {page.command(PICTURES)}{'' if page.pictures is not None else ': **not run**'}")
    return "\n".join(lines)


def _time(experiment: Experiment) -> str:
    planned = len(setting(experiment.name, experiment.size).seeds)
    done = len(experiment.seeds)
    seeds = f"{done} seeds" if done >= planned else f"**{done} of {planned} seeds**"
    processors = sorted({seed.get("processor", "cpu") for seed in experiment.seeds})
    return f"size {experiment.size}, {seeds}, {duration(experiment.seconds)} in all on {', '.join(processors)}"


def _settings_table(page: Page) -> str:
    header = [
        "experiment", "", "training", "validation", "test", "batch", "epochs", "rate", "rate × steps", "width",
        "samples", "seeds", "left out",
    ]  # fmt: skip
    rows = []
    for name in (*ACCURACY, *CLEANSING):
        if name in page.results:
            ours = page.results[name]
            rows.append([_title(name, ours.settings), "ours", *_sizes(ours.settings, len(ours.seeds), MISSING)])
        if name in published.SETTINGS:
            theirs = published.SETTINGS[name]
            seeds = len(theirs["seeds"]) if "seeds" in theirs else None
            title = "" if name in page.results else f"{_title(name, theirs)}, not run"
            rows.append([title, "published", *_sizes(theirs, seeds, NOT_AVAILABLE)])
        elif name not in page.results:
            rows.append([f"{name}, not run", "ours", *[MISSING] * 11])
    return table(header, rows, texts=2)


def _title(name: str, settings: Mapping[str, Any]) -> str:
    game, source = settings.get("game", ""), settings.get("source", "")
    kinked = f" with {settings.get('activation', 'relu')}" if game == "fcgan" else ""
    return f"{name}: {_GAMES.get(game, game)}{kinked}, {_SOURCES.get(source, source)}"


def _sizes(settings: Mapping[str, Any], seeds: int | None, unknown: str) -> list[str]:
    """Cells of one row; the built-in preset has a rate of its own, and only images have a width."""
    own = settings.get("game") == "preset"
    rate = None if own else settings.get("lr")
    steps = settings["epochs"] * (settings["train"] // settings["batch"]) if "epochs" in settings else None
    reach = None if rate is None or steps is None else rate * steps
    width = settings.get("width") if settings.get("game") == "sigmoid-dcgan" else settings.get("own", {}).get("width")
    left_out = settings.get("left_out")

    def whole(value: int | None) -> str:
        return unknown if value is None else f"{value:,}"

    return [
        *(whole(settings.get(key)) for key in ("train", "valid", "test", "batch", "epochs")),
        ("preset's" if own else unknown) if rate is None else f"{rate:g}",
        ("preset's" if own else unknown) if reach is None else f"{reach:g}",
        MISSING if width is None else str(width),
        whole(settings.get("latents")),
        whole(seeds),
        MISSING if left_out is None else whole(left_out),
    ]


def _quality_table(page: Page) -> str:
    rows = []
    for name in (*ACCURACY, *CLEANSING):
        experiment, theirs = page.results.get(name), published.BEFORE.get(name, {})
        measured = [metric for seed in experiment.seeds for metric in seed.get("quality", {})] if experiment else []
        for metric in dict.fromkeys([*measured, *theirs]):
            cells = [
                mean_deviation(quality(experiment, metric, when), 2) if experiment else "not run"
                for when in ("untrained", "trained")
            ]
            split = "validation" if name in ACCURACY else "test"
            printed = fixed(theirs.get(metric), 3 if metric == "all" else 2)
            if not theirs and name in published.SETTINGS:
                printed = NOT_AVAILABLE
            rows.append([name, f"{metric_name(metric)}, {split}", *cells, printed])
    return table(["experiment", "metric", "untrained, ours", "trained, ours", "trained, published"], rows, texts=2)
