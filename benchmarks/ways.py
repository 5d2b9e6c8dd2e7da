"""Does another way of choosing lower the metric more than one ranking by exact scores, most of all in chaos?

    python benchmarks/ways.py [REGIME:EPOCHS ...] [--seeds 6] [--removed 5] [--out benchmarks/results/ways.json]

Regimes as in `horizons.py`; EPOCHS is the horizon, `all` the whole run. Each way names examples to remove from what it
sees of one seed's run and the validation metric:

    itd           the most harmful by exact scores
    clip          the same with the adjoint's norm cut, after every backward step, to its norm at the end
    perturbed     scores averaged over copies of the run whose parameters were disturbed by 0.1 % at the horizon's start
    seeds         scores averaged over training seeds
    repeated r    an r-th of them, then fresh scores of the run redone without them, and so on
    metagradient  gradient descent on the examples' weights between 0 and 1, eight rounds; the lightest go
    random        at random

Every choice is carried out by real retraining of the horizon, on the seed that it was made for (`own model`) and on the
others (`other seeds`: the expected effect; `seeds` then leaves the judged one out). Changes are of the test metric,
means over seeds with Student's 95 % interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import chaos
import command_line
import numpy as np
import torch
from built_in import train
from horizons import REGIMES, prepare

from gansift import cleansing, metrics, training
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.retrain import without
from gansift.cleansing.statistics import Interval
from gansift.games.draw import Draw
from gansift.influence.itd import _sweep
from gansift.training.train import redo

DESCENTS = 8


@dataclass(frozen=True)
class Question:
    """What a way is asked: which ``count`` examples to remove from the last ``horizon`` steps."""

    metric: metrics.Metric
    horizon: int
    count: int

    @property
    def sign(self) -> float:
        """Times a derivative in a weight: positive means that more weight makes the metric worse."""
        return 1.0 if self.metric.direction == "lower" else -1.0


def harm(run: training.Run, question: Question) -> np.ndarray:
    """Derivative of the metric in every example's weight, positive where harmful, shape (N,)."""
    swept = list(_sweep(run, [question.metric], question.horizon, None))
    if len(swept) < question.horizon:
        return np.full(len(run.ids), np.nan)
    return question.sign * swept[-1].by_weight[0].numpy()


def clipped(run: training.Run, question: Question) -> np.ndarray:
    """`harm` with the adjoint's norm cut to that at the end of the run."""
    return -question.sign * chaos.scores(run, question.metric, chaos.VARIANTS["clip 1"], question.horizon)


def perturbed(run: training.Run, question: Question) -> np.ndarray:
    """`harm` averaged over disturbed copies."""
    return -question.sign * chaos.perturbed(run, question.metric, question.horizon)


def repeated(run: training.Run, question: Question, rounds: int) -> np.ndarray:
    """Large for what was removed in one of several rounds, each with fresh scores."""
    removed: list[int] = []
    now = run
    for number in range(1, rounds + 1):
        found = harm(now, question)
        found[removed] = -np.inf
        removed += np.argsort(-found)[: question.count * number // rounds - len(removed)].tolist()
        if number < rounds:
            now = redo(run, without(run, [run.ids[row] for row in removed]), question.horizon)
    return np.isin(np.arange(len(run.ids)), removed).astype(float)


def metagradient(run: training.Run, question: Question) -> np.ndarray:
    """One minus the weights after descending the metric in them."""
    weights, now = np.ones(len(run.ids)), run
    for number in range(DESCENTS):
        found = harm(now, question)
        size = np.sort(found)[-question.count :].mean()
        weights = np.clip(weights - 2 / DESCENTS * found / size, 0.0, 1.0)
        if number + 1 < DESCENTS:
            now = redo(run, torch.from_numpy(weights).to(run.weights), question.horizon)
    return 1.0 - weights


def at_random(run: training.Run, question: Question) -> np.ndarray:
    """A die."""
    return Draw("ways", run.step.settings.seed).permutation(len(run.ids)).double().numpy()


WAYS: dict[str, Callable[[training.Run, Question], np.ndarray]] = {
    "itd": harm,
    "clip": clipped,
    "perturbed": perturbed,
    "repeated 2": partial(repeated, rounds=2),
    "repeated 4": partial(repeated, rounds=4),
    "repeated 8": partial(repeated, rounds=8),
    "metagradient": metagradient,
    "random": at_random,
}


COLUMNS = {
    "regime": "regime", "K": "horizon", "removed": "removed", "test metric": "before:.3g", "way": "way",
    "own model": "own:+.3f", "against itd": "against_itd:+.3f", "other seeds": "expected:+.3f",
}  # fmt: skip


def measure(name: str, epochs: str, seeds: int, percent: float, ways: list[str]) -> Iterator[dict[str, Any]]:
    """One row for each way."""
    made = prepare(REGIMES[name])
    validation, test = made.validation, made.test
    runs = [train(made, seed) for seed in range(seeds)]
    horizon = runs[0].steps if epochs == "all" else round(float(epochs) * runs[0].epoch)
    question = Question(validation, horizon, round(percent / 100 * len(runs[0].ids)))
    before = [test.value(run) for run in runs]
    chosen: dict[str, list[list[str]]] = {}
    exact: list[np.ndarray] = []
    for way, of_run in ((way, WAYS[way]) for way in ways):
        found = [of_run(run, question) for run in runs]
        exact = found if way == "itd" else exact
        chosen[way] = [_most(run, values, question.count) for run, values in zip(runs, found, strict=True)]
    changes = {way: np.full((seeds, seeds), np.nan) for way in (*chosen, "seeds")}
    for target, run in enumerate(runs):
        others = [values for seed, values in enumerate(exact) if seed != target]
        sets = {(way, seed): ids for way, of_seeds in chosen.items() for seed, ids in enumerate(of_seeds)}
        sets["seeds", target] = _most(run, np.mean(exact, axis=0), question.count)
        sets["seeds", (target + 1) % seeds] = _most(run, np.mean(others, axis=0), question.count)
        players = retrained_players(run, list(sets.values()), horizon)
        for (way, seed), again in zip(sets, players, strict=True):
            if again is not None:
                changes[way][seed, target] = test.value(again) - before[target]
    for way, changed in changes.items():
        row = {"regime": name, "horizon": horizon, "removed": question.count, "before": float(np.mean(before))}
        yield {**row, "way": way, **judged(changed, changes["itd"])}


def _most(run: training.Run, values: np.ndarray, count: int) -> list[str]:
    return [run.ids[row] for row in np.argsort(-values, kind="stable")[:count]]


def judged(changed: np.ndarray, exact: np.ndarray) -> dict[str, Any]:
    """What a choice changes on its own model, beside exact scores there, and on other seeds.

    Args:
        changed: of the test metric, by the seed that it was chosen for and the seed that was retrained.
        exact: the same of the choice by exact scores.
    """
    own, against = (_mean(np.diag(values)) for values in (changed, changed - exact))
    apart = np.where(np.eye(len(changed), dtype=bool), np.nan, changed)
    expected = _mean([values[np.isfinite(values)].mean() for values in apart.T])
    changes = [[value if np.isfinite(value) else None for value in row] for row in changed.tolist()]
    return {"own": own, "against_itd": against, "expected": expected, "changes": changes}


def _mean(values: Iterable[float]) -> Interval:
    return cleansing.mean_interval([float(value) for value in values])


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("asked", nargs="*", default=["preset-digits:20", "preset-digits:all", "F:all"])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--removed", type=float, default=5.0, help="per cent of the training examples")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of these; itd is always there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = command_line.Table(COLUMNS, arguments.out)
    ways = list(dict.fromkeys(["itd", *arguments.ways.split(",")]))
    for asked in arguments.asked:
        name, epochs = asked.split(":")
        for row in measure(name, epochs, arguments.seeds, arguments.removed, ways):
            table.add(row)


if __name__ == "__main__":
    main()
