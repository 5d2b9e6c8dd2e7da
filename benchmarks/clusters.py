"""Do clusters up to transformations agree with labels that nobody told them, and which kinds of images do they show?

    python benchmarks/clusters.py labels mnist [--size 14] [--examples 5000] [--steps 4000] [--seeds 0 1 2]
    python benchmarks/clusters.py shifts
    python benchmarks/clusters.py kinds [--scoring 4]

``labels``: images are clustered and judged by their own labels, as is usual: by accuracy under the best one-to-one
match, and normalized mutual information. K-means is scikit-learn's, and its mean over ten starts. Of the others every
seed is a row, and the last row of each kind is the seed of the lowest loss. Times are of one thread, and also those of
ten starts of K-means. ``shifts``: digits of scikit-learn in a frame of 12 x 12, each moved by up to 2 pixels; of those
that try every shift it is told how often the shift is recovered, but for one that is the same for all of a cluster.
``kinds``: the audit of that name on digits-dirty. For each planted kind the cluster of purity 0.8 or more that holds
most of it, among clusters of all images, of the most harmful ones, and of features, and what removing that cluster is
predicted to do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import built_in
import numpy as np
import torch
from command_line import Table, parser
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from torch.nn.functional import interpolate

from gansift import data, influence, training
from gansift.audit import Subject, run_audit
from gansift.audit.enumeration import finite_kmeans, finite_mixture, matrices
from gansift.data import Examples, Splits
from gansift.metrics import part_of
from gansift.metrics.clustering import matched_accuracy
from gansift.systems import build

_CHUNK = 200
_PURE = 0.8


def main() -> None:
    """The rows that were asked for."""
    made = parser(__doc__)
    made.add_argument("what", choices=("labels", "shifts", "kinds"))
    made.add_argument("source", nargs="?", default="mnist", help="of labels: images with labels")
    made.add_argument("--size", type=int, default=14, help="pixels a side that images are reduced to")
    made.add_argument("--examples", type=int, default=5000, help="the first so many images")
    made.add_argument("--steps", type=int, default=4000)
    made.add_argument("--batch", type=int, default=64)
    made.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    made.add_argument("--kinds", nargs="+", default=["dti-kmeans", "dti-gmm"], help="beside K-means")
    made.add_argument("--scoring", type=int, default=4, help="trainings that are scored")
    asked = made.parse_args()
    {"labels": _labels, "shifts": _shifts, "kinds": _kinds}[asked.what](asked)


# Agreement with labels -----------------------------------------------------------------------------------------------


def _labels(asked: Any) -> None:
    images = _images(asked)
    table = Table(
        {"kind": "kind:<12", "seed": "seed:<12", "loss": "loss:.3f", "ACC": "accuracy:.3f", "NMI": "nmi:.3f",
         "seconds": "seconds:.0f", "times K-means": "ratio:.0f"},
        asked.out,
    )  # fmt: skip
    rows, seconds = _kmeans(images)
    for row in rows:
        table.add(row)
    for kind in asked.kinds:
        fits = []
        for seed in asked.seeds:
            started = time.process_time()
            loss, found, _ = _fitted(images, kind, seed, asked.steps, asked.batch)
            took = time.process_time() - started
            fits.append(_row(kind, str(seed), images, found, loss) | {"seconds": took, "ratio": took / seconds})
            table.add(fits[-1])
        table.add(min(fits, key=lambda row: row["loss"]) | {"seed": "lowest loss"})


def _images(asked: Any) -> Examples:
    loaded = data.load(asked.source, seed=0)
    whole = Examples.joined([loaded.train, loaded.valid, loaded.test])
    order = np.argsort(np.array(whole.ids), kind="stable")[: asked.examples]
    assert whole.labels is not None
    assert whole.class_names is not None
    x = whole.x[torch.from_numpy(order)]
    x = x if x.shape[-1] == asked.size else interpolate(x, size=asked.size, mode="area")
    return Examples.of(
        x.numpy(), label=[whole.class_names[one] for one in whole.labels[torch.from_numpy(order)].tolist()]
    )


def _kmeans(images: Examples) -> tuple[list[dict[str, Any]], float]:
    """Rows of ten starts together, by their mean and by the lowest loss, and the seconds of all ten."""
    flat = images.x.flatten(1).numpy()
    started = time.process_time()
    fits = [KMeans(10, n_init=1, random_state=seed).fit(flat) for seed in range(10)]
    seconds = time.process_time() - started
    rows = [_row("K-means", "", images, fit.labels_, fit.inertia_ / len(flat)) for fit in fits]
    mean = {name: float(np.mean([row[name] for row in rows])) for name in ("loss", "accuracy", "nmi")}
    lowest = min(rows, key=lambda row: row["loss"])
    return [
        {"kind": "K-means", "seed": "mean of 10"} | mean,
        lowest | {"seed": "lowest loss", "seconds": seconds, "ratio": 1.0},
    ], seconds


def _row(kind: str, seed: str, images: Examples, found: np.ndarray, loss: float) -> dict[str, Any]:
    assert images.labels is not None
    labels = images.labels.numpy()
    nmi = normalized_mutual_info_score(labels, found)
    return {"kind": kind, "seed": seed, "loss": loss, "accuracy": matched_accuracy(found, labels), "nmi": nmi}


def _fitted(
    images: Examples, kind: str, seed: int, steps: int, batch: int, **settings: Any
) -> tuple[float, np.ndarray, Any]:
    """The loss of a training with the system's defaults, the cluster of every image, and the players."""
    system = build("clustering", {"images": Splits("images", images, images, images)}, {"kind": kind, **settings})
    run = training.train(
        system.new_game(seed), images, steps=steps, batch_size=batch, optimizers=system.optimizers, seed=seed,
        checkpoint_every=steps,
    )  # fmt: skip
    trained = run.trained()
    game: Any = trained.game
    costs = torch.cat([trained.made_of(game.costs, part) for part in images.x.split(_CHUNK)])
    return float(game.loss_of(costs).mean()), costs.argmin(1).numpy(), trained


# Shifts --------------------------------------------------------------------------------------------------------------


def _shifts(asked: Any) -> None:
    loaded = data.load("digits", seed=0)
    digits = Examples.joined([loaded.train, loaded.valid, loaded.test])
    assert digits.labels is not None
    random = np.random.default_rng(0)
    true = random.integers(0, 5, (len(digits), 2))
    x = torch.full((len(digits), 1, 12, 12), -1.0)
    for row, (down, right) in enumerate(true.tolist()):
        x[row, :, down : down + 8, right : right + 8] = digits.x[row]
    moved = Examples.of(x.numpy(), label=[str(one) for one in digits.labels.tolist()])
    table = Table(
        {"kind": "kind:<24", "loss": "loss:.3f", "ACC": "accuracy:.3f", "NMI": "nmi:.3f",
         "shift recovered": "recovered:.3f", "seconds": "seconds:.0f"},
        asked.out,
    )  # fmt: skip
    plain = [KMeans(10, n_init=1, random_state=seed).fit(digits.x.flatten(1).numpy()) for seed in range(10)]
    lowest = min(plain, key=lambda fit: fit.inertia_)
    table.add(_row("K-means, not moved", "", digits, lowest.labels_, lowest.inertia_ / len(x)))
    for row in _kmeans(moved)[0]:
        table.add(row | {"kind": f"K-means, {row['seed']}"})
    moves = matrices(12, 12, 2)
    for name, algorithm in (("enumeration, hard", finite_kmeans), ("enumeration, EM", finite_mixture)):
        started = time.process_time()
        fit = algorithm(x, 10, moves, starts=5)
        found, by = fit.clusters.numpy(), fit.moves.numpy()
        row = _row(name, "", moved, found, fit.loss) | {"seconds": time.process_time() - started}
        table.add(row | {"recovered": _recovered(found, by, true)})
    fits = []
    started = time.process_time()
    for seed in asked.seeds:
        loss, found, trained = _fitted(moved, "shifts", seed, asked.steps // 4, asked.batch)
        fits.append((loss, found, trained))
    loss, found, trained = min(fits, key=lambda fit: fit[0])
    row = _row(f"--kind shifts, {len(asked.seeds)} seeds", "", moved, found, loss)
    aligned = torch.cat([trained.made_of(trained.game.align, part) for part in x.split(_CHUNK)])
    own = aligned[torch.arange(len(x)), torch.from_numpy(found)].flatten(1)
    by = np.array(list(_moves_of(own, found, trained, moves)))
    table.add(row | {"recovered": _recovered(found, by, true), "seconds": time.process_time() - started})


def _moves_of(aligned: torch.Tensor, found: np.ndarray, trained: Any, moves: torch.Tensor) -> Iterator[int]:
    """Which move of its prototype each aligned prototype is."""
    prototypes = trained.net().clusters.prototypes.detach().flatten(1)
    every = torch.einsum("tpq,kq->ktp", moves, prototypes)
    for one, cluster in zip(aligned, found.tolist(), strict=True):
        yield int((every[cluster] - one).square().sum(1).argmin())


def _recovered(found: np.ndarray, moves: np.ndarray, true: np.ndarray) -> float:
    """The share of images whose shift is the true one, but for one that is the same for all of a cluster."""
    off = true + np.stack([moves // 5, moves % 5], 1)  # a move says where pixels are taken from
    right = 0
    for cluster in np.unique(found):
        _, counts = np.unique(off[found == cluster], axis=0, return_counts=True)
        right += int(counts.max())
    return right / len(found)


# Kinds of harmful images ---------------------------------------------------------------------------------------------


def _kinds(asked: Any) -> None:
    place = built_in.place("digits-dirty")
    train: Examples = place.data.only.train
    runs = [built_in.train(place, seed) for seed in range(asked.scoring)]
    metric: Any = place.validation
    looks = [influence.rolling(run, part_of(metric, seed, asked.scoring)) for seed, run in enumerate(runs)]
    subject = Subject(
        "digits-dirty", {"data": place.data.only}, [run.trained() for run in runs], looks=looks,
        features=metric.features,
    )  # fmt: skip
    answer = run_audit("kinds", subject)
    print(answer.verdict)
    column = train.columns["kind"]
    assert column.names is not None
    named = {row: column.names[value] for row, value in zip(train.ids, column.values.tolist(), strict=True)}
    predicted = {row[0]: row[2] for one in answer.tables.values() for row in one.rows}
    groups = answer.groups
    table = Table(
        {"kind": "kind:<22", "clusters of": "of:<12", "images": "images", "of the kind": "held", "purity": "purity:.2f",
         "predicted change without it": "predicted:<28"},
        asked.out,
    )  # fmt: skip
    for kind in column.names:
        for name, prefix in (("all", "cluster"), ("harmful", "harmful"), ("features", "feature")):
            table.add({"kind": kind, "of": name} | _purest(groups, prefix, named, kind, predicted))


def _purest(
    groups: dict[str, tuple[str, ...]], prefix: str, named: dict[str, str], kind: str, predicted: dict[str, Any]
) -> dict[str, Any]:
    """The cluster that holds most of a kind among those of purity enough; without any, the one that holds most."""
    counted: Sequence[tuple[bool, int, float, int, str]] = [
        ((held := sum(named[one] == kind for one in ids)) / len(ids) >= _PURE, held, held / len(ids), len(ids), name)
        for name, ids in groups.items()
        if name.startswith(prefix)
    ]
    _, held, purity, images, name = max(counted)
    return {"images": images, "held": held, "purity": purity, "predicted": predicted[name]}


if __name__ == "__main__":
    main()
