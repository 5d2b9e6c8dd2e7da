"""Exact scores of a diffusion model beside TracIn, TRAK, D-TRAK, DAS and nearest neighbours, on two kinds of truth.

    python benchmarks/denoiser_peers.py [digits] [--seeds 3] [--subsets 64] [--queries 16] [--looks 16] [--out FILE]
    python benchmarks/denoiser_peers.py mnist --classes 3,8 --size 14 --system matching --top 0.01

The others are written down in `denoiser_formulas.py`. Their ridge, and for FID their sign, are those that agree best
with the truth itself; exact scores have nothing to choose. Truths are retrainings from the start without half of
the examples (the size that the field looks at) and without 5 %, by the run's own seed, and the mean over seeds:

* FID, of which the others are given the gradient in place of that of a generated image's loss;
* the field's own question: the denoising loss of held-out and of generated images, one after the other.

A row is a truth and a method: the linear datamodeling score, the rank correlation over subsets of summed scores with
the change, with the mean over queries where there are several. With several seeds, what the same removals do to the
others is a row of its own: it says how much of the truth is the seed's alone.

The cost is that of scoring, in trainings of the same network by seconds of processor, of all runs that were scored.
Exact scores are swept for FID and for all queries apart, and those of the last steps (`--horizon`) are a by-product,
with the cost of the whole sweep; the others' gradients serve both questions, and each of their rows has the cost of
all of them.

With `--top` the examples that hurt FID most by each method, and those that help it most, are removed, with the ridge
and sign of the first size for the run's own seed: the rows tell what FID really does. Random removals of as many are
told by their mean, the lowest and the highest change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import built_in
import numpy as np
import torch
from command_line import Table, parser
from denoiser_formulas import KINDS, ByRidge, by_gradients, nearness, summed_gradients, timed
from scipy.stats import spearmanr
from smaller import names, smaller
from torch import Tensor

from gansift import cleansing, data, influence, metrics
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.systems import manual, spec_of

_FID, _LOSS = "FID", "denoising loss of an image"
_EXACT = "gansift"


@dataclass(frozen=True)
class Scored:
    """What a method says of one run. Each predicts the change by a removal but for its size: sums rise with the change.

    Attributes:
        by_ridge: scores of each query, (queries, N), where FID is a single one.
        trainings: what they cost.
    """

    by_ridge: ByRidge
    trainings: float


@dataclass(frozen=True)
class Agreement:
    """How well a method agrees with the truth, at the ridge and with the sign that suit it best.

    Attributes:
        each: the rank correlation of every query.
        ridge: None where there is none.
        sign: 1, or -1 where the scores of FID fall with the change.
    """

    each: list[float]
    ridge: Any
    sign: int

    @property
    def lds(self) -> float:
        """The mean over queries."""
        return float(np.mean(self.each))


def main() -> None:
    """Rows for every truth and method."""
    arguments = _arguments()
    settings = built_in.settings(arguments.set, manual(spec_of(arguments.system)).settings)
    splits = smaller(data.load(arguments.source, seed=0), arguments.size, arguments.examples, arguments.classes)
    made = built_in.place(arguments.source, splits, game=arguments.system, **settings)
    fid = made.validation
    table = Table(
        {"truth": "truth", "removed": "removed", "method": "method", "LDS": "lds:.3f", "change": "change:+.3f",
         "ridge": "ridge", "cost (trainings)": "cost:.1f"},
        arguments.out,
    )  # fmt: skip
    trainings = [timed(partial(built_in.train, made, seed)) for seed in range(arguments.seeds)]
    runs = [run for run, _ in trainings]
    queries = _queries(made, runs[0], arguments.queries)
    scored = [_scores(run, seconds, fid, queries, arguments) for run, seconds in trainings]
    chosen: dict[str, Agreement] = {}
    for share, subsets in zip(arguments.shares, arguments.subsets, strict=True):
        removed = round(share * len(runs[0].ids))
        rows = _subsets(len(runs[0].ids), removed, subsets)
        truths = [_truth(run, fid, queries, rows) for run in runs]
        for name in (_FID, _LOSS):
            true = np.array([truth[name] for truth in truths])
            over = [("mean over seeds", true.mean(0), scored)] if len(runs) > 1 else []
            for which, mean, of in [("own seed", true[0], scored[:1]), *over]:
                for method, found in _agreements([one[name] for one in of], mean, rows).items():
                    table.add(
                        {"truth": f"{name}, {which}", "removed": removed, "method": method, "lds": found.lds,
                         "ridge": found.ridge, "cost": sum(one[name][method].trainings for one in of),
                         "each": found.each}
                    )  # fmt: skip
                    if name == _FID and len(of) == 1:
                        chosen.setdefault(method, found)
            if len(runs) > 1:
                each = _rank_correlations(true[1:].mean(0), true[0])
                table.add(
                    {"truth": f"{name}, own seed", "removed": removed, "method": "truth of the other seeds",
                     "lds": float(np.mean(each)), "each": each}
                )  # fmt: skip
    if arguments.top:
        _without_the_top(table, runs[0], fid, scored[0][_FID], chosen, arguments)


def _scores(run: Any, seconds: float, fid: Any, queries: Tensor, arguments: Any) -> dict[str, dict[str, Scored]]:
    """The scores of one run, whose training took some seconds of processor, by question and method."""
    trained, x = run.trained(), run.step.x["data"]
    found: dict[str, dict[str, Scored]] = {}
    for name, asked in ((_FID, [fid]), (_LOSS, [*map(_loss_metric, range(len(queries)), queries)])):
        swept, took = timed(partial(influence.itd_metrics, run, asked, {run.steps, *arguments.horizon}))
        found[name] = {
            _EXACT if horizon == run.steps else f"{_EXACT}, last {horizon} steps": Scored(
                {None: np.stack([one[horizon].values for one in swept])}, took / seconds
            )
            for horizon in (run.steps, *arguments.horizon)
        }
    toward = {
        _FID: dict.fromkeys(KINDS, fid.gradient(trained)["network"][None]),
        _LOSS: {kind: summed_gradients(trained, queries, kind, arguments.looks) for kind in KINDS},
    }
    for method, by_question, took in by_gradients(trained, x, toward, arguments.looks, squared=_LOSS):
        for name, by_ridge in by_question.items():
            found[name][method] = Scored(by_ridge, took / seconds)
    with torch.no_grad():
        samples = trained.sample(500, Draw(0, "near"))
    for name, near in ((_FID, nearness(samples, x).mean(0, keepdims=True)), (_LOSS, nearness(queries, x))):
        found[name]["nearest in pixels"] = Scored({None: near}, 0.0)
    return found


def _agreements(
    scored: Sequence[Mapping[str, Scored]], true: np.ndarray, rows: Sequence[np.ndarray]
) -> dict[str, Agreement]:
    """By method the rank correlation of each query, at the ridge (and for FID the sign) that suits it best.

    Args:
        scored: by method, of each run; the mean of their scores is looked at.
        true: changes, (subsets, queries).
        rows: the examples that are removed in each subset.
    """
    found: dict[str, Agreement] = {}
    for method, first in scored[0].items():
        for ridge in first.by_ridge:
            values = np.mean([one[method].by_ridge[ridge] for one in scored], axis=0)
            sums = np.stack([values[:, out].sum(1) for out in rows])
            each = _rank_correlations(sums, true)
            sign = -1 if not method.startswith(_EXACT) and len(each) == 1 and each[0] < 0 else 1
            one = Agreement([sign * value for value in each], ridge, sign)
            if method not in found or one.lds > found[method].lds:
                found[method] = one
    return found


def _rank_correlations(predicted: np.ndarray, true: np.ndarray) -> list[float]:
    """Of each query, over subsets; both (subsets, queries)."""
    return [float(spearmanr(*pair).statistic) for pair in zip(predicted.T, true.T, strict=True)]


def _without_the_top(
    table: Table, run: Any, fid: Any, scored: Mapping[str, Scored], chosen: Mapping[str, Agreement], arguments: Any
) -> None:
    """Rows for the true change of FID without the examples that hurt, or help, most by each method, and at random."""
    removed = round(arguments.top * len(run.ids))
    outs: dict[tuple[str, str], np.ndarray] = {}
    for method, agreement in chosen.items():
        order = np.argsort(agreement.sign * scored[method].by_ridge[agreement.ridge][0])
        outs["harmful", method], outs["helpful", method] = order[:removed], order[-removed:]
    randoms = _subsets(len(run.ids), removed, arguments.random)
    before = fid.value(run)
    retrained = _retrained(run, [*outs.values(), *randoms])
    changes = [float(fid.value(players) - before) for players in retrained]
    for (which, method), change in zip(outs, changes, strict=False):
        table.add({"truth": f"FID, most {which} removed", "removed": removed, "method": method, "change": change})
    of_random = changes[len(outs) :]
    row = {"truth": "FID, removed at random", "removed": removed, "method": "random", "each": of_random}
    table.add({**row, "change": (float(np.mean(of_random)), (min(of_random), max(of_random)))})


def _retrained(run: Any, rows: Sequence[np.ndarray]) -> Sequence[Any]:
    """The players after retraining from the start without each of several sets of examples."""
    return cleansing.retrained_players(run, [[run.ids[row] for row in out] for out in rows], run.steps)


def _truth(run: Any, fid: Any, queries: Tensor, rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The changes by each removal, (M, 1) of FID and (M, queries) of losses."""

    def losses(trained: Trained) -> np.ndarray:
        with torch.no_grad():
            return trained.game.denoising_losses(trained.net(), queries, looks=64).numpy()

    before = fid.value(run), losses(run.trained())
    changed = [(fid.value(players) - before[0], losses(players) - before[1]) for players in _retrained(run, rows)]
    return {
        _FID: np.array([[change] for change, _ in changed]),
        _LOSS: np.array([change for _, change in changed]),
    }


def _subsets(count: int, removed: int, subsets: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.choice(count, removed, replace=False) for _ in range(subsets)]


def _queries(made: Any, run: Any, count: int) -> Tensor:
    """Held-out and generated images, half of each."""
    held = made.data.only.test.x[: count // 2]
    with torch.no_grad():
        generated = run.trained().sample(count - len(held), Draw(5, "queries"))
    return torch.cat([held, generated])


def _loss_metric(row: int, query: Tensor) -> metrics.NetMetric:
    def loss(game: Any, net: Any) -> Tensor:
        return game.denoising_losses(net, query[None], looks=64).mean()

    return metrics.NetMetric(loss, name=f"query-{row}", direction="lower")


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source", nargs="?", default="digits")
    made.add_argument("--system", default="diffusion", choices=["diffusion", "matching"])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--size", type=int, help="pixels a side, of larger images")
    made.add_argument("--examples", type=int, help="training images, of more")
    made.add_argument("--classes", type=names, default=[], help="the classes that stay, such as 3,8; default all")
    made.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.05])
    made.add_argument("--subsets", type=int, nargs="+", default=[64], help="one number for all shares, or for each")
    made.add_argument("--queries", type=int, default=16)
    made.add_argument("--looks", type=int, default=16, help="times at which the others take gradients")
    made.add_argument("--horizon", type=int, nargs="*", default=[], help="exact scores of the last steps alone, too")
    made.add_argument("--top", type=float, help="share of the examples that each method removes")
    made.add_argument("--random", type=int, default=12, help="random removals beside these")
    made.add_argument("--set", nargs="*", default=[], help="settings of `gansift run`, name=value")
    arguments = made.parse_args()
    if len(arguments.subsets) == 1:
        arguments.subsets *= len(arguments.shares)
    if len(arguments.subsets) != len(arguments.shares):
        made.error("--subsets takes one number for all shares, or one for each")
    return arguments


if __name__ == "__main__":
    main()
