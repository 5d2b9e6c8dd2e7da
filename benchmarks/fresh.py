"""Do new models of two data sets gain by the removal of what scores call most harmful in one of them? Prints a table.

    python benchmarks/fresh.py dann [--scoring 3] [--judging 6] [--share 0.1] [--steps N] [--out results.json]
    python benchmarks/fresh.py simgan

``dann`` learns labels on 2,500 images of MNIST for scikit-learn's digits, and a tenth of the labelled source is
removed; ``simgan`` refines 1,000 digits in the fonts of DejaVu towards 750 of MNIST at 8 x 8 pixels, and a tenth of the
simulated ones is. Trainings that are scored, each by a part of the validation examples of its own, say which. Fresh
seeds judge: the same training from scratch without them, and without as many of the same data set at random. Changes
are of the metric on test examples and of the errors beside it, paired by seed, with 95 % intervals that count seeds and
test examples. All settings but the steps are the defaults; nothing is tuned.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import adapt
import refine
from command_line import Table, parser

from gansift import cleansing, influence, metrics, training
from gansift.cleansing.trial import random_ids
from gansift.data import Splits
from gansift.metrics.metric import reported_of
from gansift.systems import System, build

#: The first of the seeds that judge, as in `gansift run`.
JUDGES = 2000


def main() -> None:
    """Score, remove, train anew and compare."""
    arguments = _arguments()
    splits, cleansed = CASES[arguments.case]()
    system = build(arguments.case, splits, {})
    steps = arguments.steps or system.defaults["steps"]
    judges = system.judges(system.defaults["metric"])
    started = time.perf_counter()
    scores = _scores(system, splits, judges.validation, arguments.scoring, steps)
    removed = scores.of(cleansed).harmful(round(arguments.share * len(splits[cleansed].train)))
    print(
        f"{len(removed)} of {len(splits[cleansed].train)} examples of {cleansed}: predicted {removed.sum():+.3f}; "
        f"reliability of the scores {scores.reliability:.2f}; {time.perf_counter() - started:.0f} s"
    )
    players = [_trained(system, splits, seed, steps, removed.ids) for seed in range(JUDGES, JUDGES + arguments.judging)]
    print(f"{arguments.judging} seeds judged; {time.perf_counter() - started:.0f} s")
    table = Table(
        {"test": "what", "with all": "before:.3f", "change": "change:+.3f", "random": "random:+.3f",
         "less random": "against:+.3f"},
        arguments.out,
    )  # fmt: skip
    for metric in (judges.test, reported_of(judges.test)):
        table.add({"what": metric.name} | _row([[metrics.replicates(metric, one) for one in row] for row in players]))


def _scores(
    system: System, splits: Mapping[str, Splits], metric: Any, count: int, steps: int
) -> influence.CombinedScores:
    """The mean over windows of the trainings that are scored."""
    runs = training.train_seeds(
        system.new_game, _train(splits), range(count), steps=steps, **_settings(system)
    )  # fmt: skip
    asked = [[metrics.part_of(metric, seed, count)] for seed in range(count)]
    return influence.combine([looks for (looks,) in influence.rolling_seeds(runs, asked)])


def _trained(system: System, splits: Mapping[str, Splits], seed: int, steps: int, removed: Sequence[str]) -> list[Any]:
    """Players of a fresh seed: with all, without the removed, and without as many at random."""
    beginning = training.untrained(system.new_game(seed), _train(splits), steps=steps, seed=seed, **_settings(system))
    others = random_ids(beginning, cleansing.Cell(steps, len(removed)), removed)
    return cleansing.retrained_players(beginning, [(), removed, others], steps)


def _row(values: Sequence[Sequence[metrics.Replicates]]) -> dict[str, Any]:
    """Means over the seeds, each with what `_trained` gives of it."""
    judged = cleansing.judge_removal(*zip(*values, strict=True))
    assert judged is not None
    intervals = {"change": judged.change, "random": judged.random, "against": judged.against_random}
    return {"before": judged.before} | {name: one.interval for name, one in intervals.items()}


def _train(splits: Mapping[str, Splits]) -> dict[str, Any]:
    return {name: part.train for name, part in splits.items()}


def _settings(system: System) -> dict[str, Any]:
    return {
        "batch_size": system.defaults["batch"], "optimizers": system.optimizers, "ema": system.defaults["ema"],
        "renormalise": True, "dtype": "float32", "device": "cpu",
    }  # fmt: skip


def _dann() -> tuple[dict[str, Splits], str]:
    source, target = adapt.pair("mnist-digits")
    return {"source": source, "target": target}, "source"


def _simgan() -> tuple[dict[str, Splits], str]:
    return {"simulated": refine.rendered(8, 1000), "real": refine.real("mnist", 8, 750)}, "simulated"


CASES = {"dann": _dann, "simgan": _simgan}


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("case", choices=CASES)
    made.add_argument("--scoring", type=int, default=3)
    made.add_argument("--judging", type=int, default=6)
    made.add_argument("--share", type=float, default=0.1)
    made.add_argument("--steps", type=int, help="of each training; by default the system's")
    return made.parse_args()


if __name__ == "__main__":
    main()
