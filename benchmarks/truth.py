"""Truths of five small trainings, by retraining, stored so that scores of any origin can be judged without any.

    python benchmarks/truth.py [gan acgan diffusion dann laftr] [--out benchmarks/truth] [--seeds 5] [--removals 32]
    python benchmarks/truth.py [gan acgan diffusion dann laftr] --judge [--out benchmarks/truth] [--results rows.json]

Each name is a system, trained on built-in data with several seeds. Whole trainings are redone with the same seed
without each single example, and without random sets of 1, 5, 20 and 50 % of the examples; the change of the metrics on
validation data is kept. `gansift verify benchmarks/truth/NAME --scores FILE` compares a score file with it.

With --judge nothing is retrained: the same models are trained, and scored. The table has Spearman's rank correlation
with the truth, over random sets the LDS: of exact scores of the whole run with the truth of that very seed (own seed),
and with the mean truth (one seed), means over the seeds; of their mean over the seeds (mean); of that of scores in
windows (rolling); of the mean ranks of simple baselines; and of the true changes by single examples, added up (single).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command_line import Table, parser
from scipy.stats import rankdata

from gansift import __version__, influence, systems, training
from gansift.cleansing.agreement import spearman
from gansift.cleansing.retraining import mean_scores
from gansift.cleansing.truth import Truth, measured
from gansift.cleansing.verify import Verification, random_removals
from gansift.data.builtin import digits
from gansift.errors import GansiftError, UsageError
from gansift.influence import Scores
from gansift.metrics.metric import Metric
from gansift.workflow.place import Place, load_data, resolve
from gansift.workflow.plan import metric_key
from gansift.workflow.request import requested
from gansift.workflow.truths import read_truth, write_truth

SHARES = (0.01, 0.05, 0.2, 0.5)
_BASELINES = ("own-loss", "far-neighbours", "isolation-forest", "density", "nearest-samples", "random")


@dataclass(frozen=True)
class Recipe:
    """What is trained.

    Attributes:
        sources: as on the command line: built-in data, or files in the folder of the truth.
        settings: as on the command line; ``metric`` names those that are measured.
    """

    sources: tuple[str, ...]
    settings: Mapping[str, Any]

    def command(self, seeds: int) -> str:
        """The command that trains the same in the truth's folder, but for what rounding does in another stack."""
        flags = [f"--{name.replace('_', '-')} {value}" for name, value in self.settings.items()]
        return f"gansift run {' '.join((*self.sources, *flags))} --for-this-model --seeds {seeds} --until train"


# Some 200 examples of a data set, so that every one can be left out, and networks and rates that keep training smooth.
# In float64, so that rounding does not decide on an effect.
_IMAGES = {"fractions": "0.1,0.4,0.5", "dtype": "float64"}
_GAN = {**_IMAGES, "width": 24, "lr": 1e-3}
RECIPES = {
    "gan": Recipe(("digits",), {"game": "gan", **_GAN, "steps": 350, "latents": 500, "metric": "fid,is"}),
    "acgan": Recipe(("digits",), {"game": "acgan", **_GAN, "steps": 250, "metric": "fid,class-loss"}),
    "diffusion": Recipe(
        ("digits",),
        {"game": "diffusion", **_IMAGES, "width": 32, "sampling_steps": 10, "lr": 5e-3, "steps": 250,
         "metric": "fid,denoising-loss"},
    ),
    "dann": Recipe(
        ("source=source.npz", "target=target.npz"),
        {"game": "dann", "fractions": "0.25,0.35,0.4", "dtype": "float64", "hidden": 24, "lr": 3e-3, "batch": 48,
         "steps": 150, "metric": "target-loss,target-entropy"},
    ),
    "laftr": Recipe(
        ("diabetes",),
        {"game": "laftr", "dtype": "float64", "lr": 3e-3, "steps": 100, "metric": "dp-gap,class-loss"},
    ),
}  # fmt: skip


def main() -> None:
    """Make the truths, or judge by them."""
    made = parser(__doc__, saves=False)
    made.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}; by default all")
    made.add_argument("--out", type=Path, default=Path(__file__).parent / "truth", help="folder of the truths")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--removals", type=int, default=32, help="random sets of each size")
    made.add_argument("--judge", action="store_true", help="score, and compare with the truths that are there")
    made.add_argument("--results", type=Path, help="file for the rows of --judge, as JSON")
    arguments = made.parse_args()
    names = arguments.names or list(RECIPES)
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise UsageError(f"there is no recipe {', '.join(unknown)}; choose from {', '.join(RECIPES)}")
    torch.set_num_threads(1)
    if arguments.judge:
        _judge(names, arguments.out, arguments.results)
        return
    for name in names:
        start = time.process_time()
        folder = arguments.out / name
        if name == "dann":
            write_variants(folder)
        write_truth(folder, make(folder, RECIPES[name], arguments.seeds, arguments.removals))
        print(f"{name}: {time.process_time() - start:.0f} s of processor", flush=True)


def write_variants(folder: Path) -> None:
    """Write two variants of the built-in digits as rows of 64 numbers, of 600 digits each and none of them the same.

    ``source.npz`` has them as they are, and ``target.npz`` with half of their contrast.
    """
    whole = digits()
    folder.mkdir(parents=True, exist_ok=True)
    assert whole.labels is not None
    for name, rows, changed in (
        ("source", slice(0, 600), lambda x: x),
        ("target", slice(600, 1200), lambda x: 0.5 * x),
    ):
        x, labels = changed(whole.x[rows]).flatten(1), whole.labels[rows]
        np.savez_compressed(folder / f"{name}.npz", x=x.numpy(), y=labels.numpy())


def place_of(recipe: Recipe, folder: Path) -> Place:
    """Data, system and configuration, as `gansift run` would have them in a truth's folder."""
    sources = [source.replace("=", f"={folder}/") if source.endswith(".npz") else source for source in recipe.sources]
    request = requested(sources, recipe.settings)
    data = load_data(request.sources, request.general)
    config = resolve(request, data)
    return Place(config, data, systems.build(config.game, data, config.system))


def trained(place: Place, seeds: Sequence[int]) -> list[training.Run]:
    """The runs of some seeds."""
    return training.train_seeds(place.game, place.train, seeds, steps=place.config.steps, **place.training)


def metrics_of(place: Place) -> list[Metric]:
    """The metrics that a recipe names, against validation data."""
    return [place.judges(metric_key(place.config, name)).validation for name in place.config.metrics]


def make(folder: Path, recipe: Recipe, seeds: int, removals: int) -> Truth:
    """The truth of a recipe.

    Args:
        folder: of the truth, whose name is that of the truth.
        recipe: what is trained.
        seeds: how many.
        removals: random sets of each share of `SHARES`, beside all single examples.
    """
    place = place_of(recipe, folder)
    runs = trained(place, range(seeds))
    ids = runs[0].ids
    sets = [set_ for share in SHARES for set_ in random_removals(runs[0], ids, removals, round(share * len(ids)))]
    about = {
        "command": recipe.command(seeds), "system": place.config.game,
        "settings": dict(place.config.system), "data": place.data.digest(), "gansift": __version__,
        "torch": torch.__version__.partition("+")[0],
    }  # fmt: skip
    return measured(folder.name, about, runs, place.train, [*((one,) for one in ids), *sets], metrics_of(place))


def _judge(names: Sequence[str], folder: Path, out: Path | None) -> None:
    ways = ("own seed", "one seed", "mean", "rolling", *_BASELINES, "single", "ceiling")
    table = Table(
        {"truth": "truth:<9", "metric": "metric:<28", "removed": "removed:<9"} | {way: f"{way}:.2f" for way in ways},
        out,
    )
    for name in names:
        truth, place = read_truth(folder / name), place_of(RECIPES[name], folder / name)
        if truth.training["data"] != place.data.digest():
            raise UsageError(f"the data of {folder / name} are not those of the recipe {name}; make the truth again")
        runs = trained(place, truth.seeds)
        for metric in metrics_of(place):
            found = dict(_ways(truth, runs, metric))
            for row, size in enumerate(("1 example", *(f"{100 * share:g} %" for share in SHARES))):
                values = {way: of_sizes[row] for way, of_sizes in found.items()}
                table.add({"truth": name, "metric": metric.name, "removed": size, **values})


def _ways(truth: Truth, runs: Sequence[training.Run], metric: Metric) -> Iterator[tuple[str, list[float | None]]]:
    """For each way of scoring its rank correlation with the truth, for each size of removals."""
    of_seeds = [influence.itd(run, metric) for run in runs]
    by_seed = [truth.judge(scores) for scores in of_seeds]
    own = [[spearman(of_size.predicted, of_size.true[row]) for of_size in found] for row, found in enumerate(by_seed)]
    yield "own seed", np.mean(own, axis=0).tolist()
    yield "one seed", np.mean([_lds(found) for found in by_seed], axis=0).tolist()
    yield "mean", _lds(truth.judge(mean_scores(of_seeds)))
    rolled = influence.combine([looks for (looks,) in influence.rolling_seeds(runs, [[metric]] * len(runs))])
    yield "rolling", _lds(truth.judge(rolled))
    for baseline in _BASELINES:
        try:
            ranks = [influence.estimate(baseline, run, metric, [run.steps])[run.steps] for run in runs]
        except GansiftError:
            continue  # not of this system
        mean = replace(ranks[0], values=np.mean([rankdata(one.values) for one in ranks], axis=0))
        yield baseline, _lds(truth.judge(mean))
    judged = truth.judge(_single(truth, metric))
    yield "single", _lds(judged)
    yield "ceiling", [of_size.ceiling for of_size in judged]


def _single(truth: Truth, metric: Metric) -> Scores:
    """The true change for every single example, as its score."""
    (row,) = (row for row, name in enumerate(truth.metrics) if name == metric.name)
    single = truth.removed.sum(axis=1) == 1
    values = truth.removed[single].T @ truth.changes[row, single].mean(axis=1)
    return Scores(truth.ids, values, metric.name, metric.direction, "truth", truth.steps, truth.steps, truth.removal)


def _lds(judged: Sequence[Verification]) -> list[float]:
    return [of_size.agreement.spearman.value for of_size in judged]


if __name__ == "__main__":
    main()
