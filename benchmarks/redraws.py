"""What it is worth to look at every update with other batches, times and noises than those of the run.

    python benchmarks/redraws.py truth diffusion [--redraws 0 1 3 7]
    python benchmarks/redraws.py data digits-dirty --game matching [--redraws 0 1 3 7] [--seeds 4] [--set steps=800]

The first scores the five models of a truth set, over the whole run and in windows, and compares the scores of each with
retraining without the removed examples (LDS): by its own seed, and by the mean over the four others, which is what new
models do; and the mean scores of two of them with the other three. The last columns are the correlation of two seeds'
scores, and seconds of processor of scoring all five; those of training them are printed before.

The second scores trainings on a data set in both ways: the correlation of the scores of two seeds, the seeds that the
mean needs for a reliability of .8, the area under the ROC curve of what was planted, mean over single seeds and of
their mean, and how long a sweep takes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import built_in
import numpy as np
from command_line import Table, parser
from dirty.sets import CLEAN
from dirty.summary import auc
from truth import RECIPES, SHARES, metrics_of, place_of, trained

from gansift import data, influence, training
from gansift.cleansing.agreement import spearman
from gansift.cleansing.verify import Verification
from gansift.influence.reliability import looks_needed, reliability_of
from gansift.metrics.metric import Metric
from gansift.systems import manual, spec_of
from gansift.workflow.truths import read_truth


def main() -> None:
    """A table of either kind."""
    made = parser(__doc__)
    made.add_argument("kind", choices=["truth", "data"])
    made.add_argument("name", help="of a truth set, or of a data set with planted images: digits-dirty")
    made.add_argument("--game", default="matching", help="for data")
    made.add_argument("--redraws", type=int, nargs="+", default=[0, 1, 3, 7])
    made.add_argument("--seeds", type=int, default=4, help="for data")
    made.add_argument("--set", nargs="*", default=[], help="for data: settings of `gansift run`, name=value")
    arguments = made.parse_args()
    (_by_truth if arguments.kind == "truth" else _by_planted)(arguments)


def _by_truth(arguments: Any) -> None:
    sizes = ("1 example", *(f"{100 * share:g} %" for share in SHARES))
    table = Table(
        {"metric": "metric", "scored": "scored", "redraws": "redraws", "whose truth": "whose"}
        | {size: f"{size}:.2f" for size in sizes}
        | {"two seeds": "pair:.2f", "seconds": "seconds:.0f"},
        arguments.out,
    )
    folder = Path(__file__).parent / "truth" / arguments.name
    truth, place = read_truth(folder), place_of(RECIPES[arguments.name], folder)
    start = time.process_time()
    runs = trained(place, truth.seeds)
    print(f"{len(runs)} trainings: {time.process_time() - start:.0f} s of processor\n")
    for metric in metrics_of(place):
        for way, horizon, ends in _ways(truth.steps):
            for redraws in arguments.redraws:
                start = time.process_time()
                scores = [_rolled([run], metric, horizon, ends, redraws) for run in runs]
                row = {
                    "metric": metric.name, "scored": way, "redraws": redraws, "pair": _pair(scores),
                    "seconds": time.process_time() - start,
                }  # fmt: skip
                judged = [truth.judge(one) for one in scores]
                for whose, count in (("own", 1), ("others", 1), ("others, of two", 2)):
                    values = [
                        _agreement([found[size] for found in judged], count, whose == "own")
                        for size in range(len(sizes))
                    ]
                    table.add({**row, "whose": whose, **dict(zip(sizes, values, strict=True))})


def _agreement(judged: Sequence[Verification], count: int, own: bool) -> float:
    """The rank correlation of the mean scores of so many seeds with the truth of these, or of all others."""
    predicted, true = np.stack([one.predicted for one in judged]), judged[0].true
    values = []
    for seeds in itertools.combinations(range(len(judged)), count):
        asked = true[list(seeds)] if own else np.delete(true, seeds, axis=0)
        values.append(spearman(predicted[list(seeds)].mean(axis=0), asked.mean(axis=0)))
    return float(np.mean(values))


def _by_planted(arguments: Any) -> None:
    table = Table(
        {"scored": "scored", "redraws": "redraws", "two seeds": "pair:.2f", "seeds for .8": "needed",
         "AUC, one seed": "one:.3f", "AUC, all seeds": "all:.3f", "sweep / training": "sweep:.2f"},
        arguments.out,
    )  # fmt: skip
    settings = built_in.settings(arguments.set, manual(spec_of(arguments.game)).settings)
    splits = data.load(arguments.name, seed=0)
    made = built_in.place(arguments.name, splits, game=arguments.game, **settings)
    kind = splits.train.columns["kind"]
    planted = np.array([kind.names[value] != CLEAN for value in kind.values.tolist()])
    start = time.process_time()
    runs = [built_in.train(made, seed) for seed in range(arguments.seeds)]
    spent = time.process_time() - start
    metric = made.validation
    for way, horizon, ends in _ways(made.config.steps):
        for redraws in arguments.redraws:
            start = time.process_time()
            scores = [_rolled([run], metric, horizon, ends, redraws) for run in runs]
            sweep, pair = (time.process_time() - start) / spent, _pair(scores)
            mean = np.mean([one.harm for one in scores], axis=0)
            table.add(
                {"scored": way, "redraws": redraws, "pair": pair, "needed": looks_needed(pair, 0.8),
                 "one": float(np.mean([auc(one.harm, planted) for one in scores])), "all": auc(mean, planted),
                 "sweep": sweep}
            )  # fmt: skip


def _ways(steps: int) -> tuple[tuple[str, int | str, Sequence[int] | None], ...]:
    """What is scored, the horizon and the ends of its windows."""
    return ("whole run", steps, [steps]), ("in windows", "auto", None)


def _rolled(
    runs: Sequence[training.Run], metric: Metric, horizon: int | str, ends: Sequence[int] | None, redraws: int
) -> influence.Scores:
    return influence.combine([influence.rolling(run, metric, horizon, ends, redraws=redraws) for run in runs])


def _pair(scores: Sequence[influence.Scores]) -> float:
    """The mean correlation of the scores of two seeds."""
    _, one = reliability_of(np.stack([one.values for one in scores]))
    assert one is not None
    return one


if __name__ == "__main__":
    main()
