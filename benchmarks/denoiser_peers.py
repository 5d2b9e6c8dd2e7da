"""Exact scores of a diffusion model beside TracIn, TRAK, D-TRAK, DAS and nearest neighbours, on two kinds of truth.

    python benchmarks/denoiser_peers.py [digits] [--seeds 3] [--subsets 64] [--queries 16] [--out FILE]

The others are written down here from their papers' formulas over per-example gradients at the end of training, without
a random projection, which networks of this size do not need. Their ridge, and for FID their sign, are those that agree
best with the truth itself; exact scores have nothing to choose. Truths are retrainings from the start without half of
the examples (the size that the field looks at) and without 5 %, by the run's own seed, and the mean over seeds:

* FID, of which the others are given the gradient in place of that of a generated image's loss;
* the field's own question: the denoising loss of held-out and of generated images, one after the other.

A row is a truth and a method: the linear datamodeling score, the rank correlation over subsets of summed scores with
the change, with the mean over queries where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import built_in
import numpy as np
import torch
from command_line import Table, parser
from scipy.stats import spearmanr
from torch import Tensor
from torch.func import functional_call, grad, vmap

from gansift import cleansing, influence, metrics
from gansift.games.draw import Draw
from gansift.games.parameters import Layout
from gansift.games.trained import Trained
from gansift.systems import manual, spec_of

_LOOKS = 16
_KINDS = ("loss", "square", "output")
_FID, _LOSS = "FID", "denoising loss of an image"

# By method and ridge, None where there is none, the scores of each query, (queries, N).
ByMethod = dict[str, dict[Any, np.ndarray]]
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


def main() -> None:
    """Rows for every truth and method."""
    arguments = _arguments()
    settings = built_in.settings(arguments.set, manual(spec_of(arguments.system)).settings)
    made = built_in.place(arguments.source, game=arguments.system, **settings)
    fid = made.validation
    table = Table(
        {"truth": "truth", "removed": "removed", "method": "method", "LDS": "lds:.3f", "ridge": "ridge"}, arguments.out
    )
    runs = [built_in.train(made, seed) for seed in range(arguments.seeds)]
    queries = _queries(made, runs[0], arguments.queries)
    scored = [_scores(run, fid, queries) for run in runs]
    for share in arguments.shares:
        removed = round(share * len(runs[0].ids))
        rows = _subsets(len(runs[0].ids), removed, arguments.subsets)
        truths = [_truth(run, fid, queries, rows) for run in runs]
        for name in (_FID, _LOSS):
            true = np.array([truth[name] for truth in truths])
            for which, mean, of in (("own seed", true[0], scored[:1]), ("mean over seeds", true.mean(0), scored)):
                for method, (lds, ridge) in _agreements([one[name] for one in of], mean, rows).items():
                    table.add(
                        {"truth": f"{name}, {which}", "removed": removed, "method": method, "lds": lds, "ridge": ridge}
                    )


def _scores(run: Any, fid: Any, queries: Tensor) -> dict[str, ByMethod]:
    """The scores of one run for each question: by method and ridge, (queries, N), where FID is a single query.

    Each predicts the change by a removal but for its size: summed scores rise with the change.
    """
    trained, x = run.trained(), run.step.x["data"]
    exact = [
        of_metric[run.steps].values
        for of_metric in influence.itd_metrics(
            run, [fid, *map(_loss_metric, range(len(queries)), queries)], [run.steps]
        )
    ]
    of_examples = {kind: sum(_gradients(trained, x, kind, look) for look in range(_LOOKS)) for kind in _KINDS[:2]}
    of_queries = {kind: sum(_gradients(trained, queries, kind, look) for look in range(_LOOKS)) for kind in _KINDS}
    toward_fid = dict.fromkeys(_KINDS, fid.gradient(trained)["network"][None])
    with torch.no_grad():
        samples = trained.sample(500, Draw(0, "near"))
    found = {}
    for name, toward, rows, near in (
        (_FID, toward_fid, exact[:1], _nearness(samples, x).mean(0, keepdims=True)),
        (_LOSS, of_queries, exact[1:], _nearness(queries, x)),
    ):
        found[name] = {
            "gansift": {None: np.stack(rows)},
            "TracIn": {None: (toward["loss"] @ of_examples["loss"].T).numpy()},
            "TRAK": _ridged(toward["loss"], of_examples["loss"]),
            "D-TRAK": _ridged(toward["square"], of_examples["square"]),
            "DAS": _das(trained, x, toward["output"], square=name == _LOSS),
            "nearest in pixels": {None: near},
        }
    return found


def _nearness(others: Tensor, x: Tensor) -> np.ndarray:
    return -torch.cdist(others.flatten(1), x.flatten(1)).numpy()


def _seen(trained: Trained, x: Tensor, look: int) -> tuple[Tensor, Tensor, Tensor]:
    """Examples as the network sees them at one look, with a noise for each, what it should say, and the times."""
    game: Any = trained.game
    time = game.time(torch.full((len(x),), (look + 0.5) / _LOOKS))
    seen, wanted = game.pair(x, time, Draw(1, "peers", look).normal(*x.shape))
    return seen, wanted, time


def _gradients(trained: Trained, x: Tensor, kind: str, look: int) -> Tensor:
    """Per-example gradients at one look of the loss, of the output's mean square, or of its mean, (n, P)."""
    network = trained.game.players["network"]
    layout, flat = Layout(network), trained.parameters["network"]

    def value(flat: Tensor, seen: Tensor, wanted: Tensor, time: Tensor) -> Tensor:
        said = functional_call(network, layout.views(flat), (seen[None], time[None]))[0]
        return {"loss": (said - wanted).square(), "square": said.square(), "output": said}[kind].mean()

    each = vmap(grad(value), (None, 0, 0, 0), chunk_size=128)
    return each(flat, *_seen(trained, x, look))


def _ridged(query: Tensor, gradients: Tensor) -> dict[Any, np.ndarray]:
    """q^T (G^T G + ridge I)^-1 G^T for several ridges, by the Gram matrix of examples, each (queries, N)."""
    gram, products = (gradients @ gradients.T).double(), (gradients @ query.T).double()
    return {ridge: torch.linalg.solve(_with(gram, ridge), products).T.numpy() for ridge in _RIDGES}


def _with(gram: Tensor, ridge: float) -> Tensor:
    """A Gram matrix with a ridge, in multiples of its mean eigenvalue."""
    return gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)


def _das(trained: Trained, x: Tensor, query: Tensor, square: bool) -> dict[Any, np.ndarray]:
    """The mean over looks of (q^T (G^T G)^-1 g_i r_i / (1 - g_i^T (G^T G)^-1 g_i))^2; without the square for FID.

    g_i is the gradient of the mean output for example i at that look, and r_i the mean of the output's error.
    """
    total: dict[Any, Any] = dict.fromkeys(_RIDGES, 0.0)
    for look in range(_LOOKS):
        gradients = _gradients(trained, x, "output", look)
        seen, wanted, time = _seen(trained, x, look)
        with torch.no_grad():
            residual = (trained.net().network(seen, time) - wanted).flatten(1).mean(1).double()
        gram, products = (gradients @ gradients.T).double(), (query @ gradients.T).double()
        for ridge in _RIDGES:
            inverse = torch.linalg.inv(_with(gram, ridge))
            found = products @ inverse * residual / (1 - (inverse @ gram).diagonal())
            total[ridge] = total[ridge] + (found.square() if square else found).numpy() / _LOOKS
    return total


def _agreements(
    scored: Sequence[ByMethod], true: np.ndarray, rows: Sequence[np.ndarray]
) -> dict[str, tuple[float, Any]]:
    """By method the mean over queries of the rank correlation, at the ridge (and for FID the sign) that suits it best.

    Args:
        scored: by method and ridge, of each run; their mean is looked at.
        true: changes, (subsets, queries).
        rows: the examples that are removed in each subset.
    """
    found: dict[str, tuple[float, Any]] = {}
    for method, by_ridge in scored[0].items():
        found[method] = (-2.0, None)
        for ridge in by_ridge:
            values = np.mean([one[method][ridge] for one in scored], axis=0)
            sums = np.stack([values[:, out].sum(1) for out in rows])
            each = [spearmanr(sums[:, query], true[:, query]).statistic for query in range(true.shape[1])]
            lds = abs(float(each[0])) if method != "gansift" and len(each) == 1 else float(np.mean(each))
            if lds > found[method][0]:
                found[method] = lds, ridge
    return found


def _truth(run: Any, fid: Any, queries: Tensor, rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The changes by each removal, (M, 1) of FID and (M, queries) of losses."""

    def losses(trained: Trained) -> np.ndarray:
        with torch.no_grad():
            return trained.game.denoising_losses(trained.net(), queries, looks=64).numpy()

    before = fid.value(run), losses(run.trained())
    removals = [[run.ids[row] for row in out] for out in rows]
    changed = [
        (fid.value(players) - before[0], losses(players) - before[1])
        for players in cleansing.retrained_players(run, removals, run.steps)
    ]
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
    made.add_argument("--subsets", type=int, default=64)
    made.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.05])
    made.add_argument("--queries", type=int, default=16)
    made.add_argument("--set", nargs="*", default=[], help="settings of `gansift run`, name=value")
    return made.parse_args()


if __name__ == "__main__":
    main()
