"""What fine-tuning a StyleGAN2 by adapters stores, how its base was trained, and whether scores find planted images.

    python benchmarks/fine_tune.py bytes [WEIGHTS]           bytes of a state, adapters alone against everything
    python benchmarks/fine_tune.py curve RUN [--picture P]   FID of every tenth kept state on validation data; samples
    python benchmarks/fine_tune.py truth WEIGHTS [--removals 8] [SETTINGS ...]
    python benchmarks/fine_tune.py planted WEIGHTS [--seeds 3] [--share 0.05] [--out F] [SETTINGS ...]

`truth` fine-tunes on emoji-twemoji and sets scores beside retraining without random 2 % and without the most harmful.
`planted` adds foreign images to the training images of emoji-twemoji (handwritten digits, blank ones and noise, a third
each), fine-tunes, scores by several estimators for validation FID over the whole run, and counts how many of the
planted images are among as many that are called most harmful. Settings are `name=value`, as flags of `gansift run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import command_line
import numpy as np
import torch
from built_in import place, settings, train
from torch.nn.functional import interpolate

from gansift import data, games, influence, models, training
from gansift.cleansing.agreement import agreement
from gansift.cleansing.retraining import changes
from gansift.cleansing.verify import random_removals
from gansift.data.examples import Examples
from gansift.data.hashing import hash_rows
from gansift.report.views.images import sheet
from gansift.training.memory import state_bytes
from gansift.training.step import Step
from gansift.training.train import settings_for
from gansift.workflow.config import load, parse_counts, parse_horizons
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import Place, place_of
from gansift.workflow.seed import Seed

ESTIMATORS = ("itd", "isolation-forest", "discriminator-score", "density", "random")
KINDS = ("digits", "blank", "noise")
SHARES = {kind: f"{kind}:.2f" for kind in ("all", *KINDS)}


def print_bytes(weights: Path | None) -> None:
    """One line for each size of network: parameters and bytes of one state with Adam's moments and the average."""
    cases = [("StyleGAN2 at 256 pixels, rank 32", models.Architecture("stylegan2", (3, 256, 256), 512, 128), 32)]
    if weights is not None:
        cases.insert(0, (f"{weights}, rank 8", models.read_architecture(weights), 8))
    for title, architecture, rank in cases:
        sizes = []
        for adapted in (False, True):
            pair = architecture.build()
            networks = [models.Adapted(network, rank) if adapted else network for network in pair]
            sizes.append(state_bytes(_state(games.StyleGAN2(*networks), architecture.shape)))
        print(f"{title}: everything {sizes[0]:,} bytes a state, adapters {sizes[1]:,} ({sizes[1] / sizes[0]:.1%})")


def _state(game: games.Game, shape: tuple[int, ...]) -> Any:
    examples = Examples(("a", "b"), torch.zeros(2, *shape), {}, ("", ""), ("a", "b"))
    settings = settings_for(
        game, {"data": examples}, steps=1, batch_size=2, optimizers=training.Adam(lr=1e-3), ema=0.9, seed=0,
        renormalise=False, dtype="float32", device="cpu",
    )  # fmt: skip
    return Step(game, {"data": examples}, settings).initial()


def print_curve(folder: Path, every: int, picture: Path | None) -> None:
    """Validation FID at every so many kept states, and a sheet of 64 samples of the last one."""
    directory = RunDirectory(folder)
    made = place_of(load(directory.config), directory.cache)
    run = Seed(directory, made, 0).run
    for number in run.checkpoints.numbers()[::every]:
        print(f"step {number:6}  {made.validation.name} {made.validation.value(run.trained(number)):8.3f}", flush=True)
    if picture is not None:
        samples = run.trained().sample(64, games.Draw(0, "picture")).detach().numpy()
        sheet(samples, 16, side=64).save(picture)


def planted(examples: Examples, share: float, seed: int) -> tuple[Examples, np.ndarray]:
    """Examples with foreign ones behind them, and the kind of each: "" or one of `KINDS`."""
    count = round(share * len(examples)) // 3
    rng = np.random.default_rng(seed)
    digits = data.load("mnist", seed=0).train.x[rng.permutation(4000)[:count]]
    foreign = torch.cat(
        [
            interpolate(digits, size=examples.shape[1:], mode="bilinear").expand(-1, 3, -1, -1),
            torch.from_numpy(rng.uniform(-1, 1, (count, 3, 1, 1)).astype(np.float32)).expand(
                -1, -1, *examples.shape[1:]
            ),
            torch.from_numpy(rng.uniform(-1, 1, (count, *examples.shape)).astype(np.float32)),
        ]
    )
    kinds = np.array([""] * len(examples) + [kind for kind in KINDS for _ in range(count)])
    names = tuple(f"planted/{kind}/{row}" for kind in KINDS for row in range(count))
    both = Examples(
        ids=examples.ids + names,
        x=torch.cat([examples.x, foreign]),
        columns={},
        paths=("",) * len(kinds),
        hashes=examples.hashes + hash_rows(foreign.numpy()),
    )
    return both, kinds


def find_planted(made: Place, seeds: int, share: float, out: Path | None) -> None:
    """Fine-tune on data with planted images, and print what share of them each estimator finds, by kind."""
    splits, validation = made.data.only, made.validation
    table = command_line.Table(dict(seed="seed", estimator="estimator", **SHARES), out)
    for seed in range(seeds):
        train, kinds = planted(splits.train, share, seed)
        run = training.train(made.game(seed), train, **made.training, steps=made.config.steps, seed=seed)
        count = int((kinds != "").sum())
        for name in ESTIMATORS:
            scores = influence.estimate(name, run, validation, [run.steps])[run.steps]
            chosen = kinds[[scores.rows[identity] for identity in scores.harmful(count).ids]]
            found = {kind: float((chosen == kind).sum() / (kinds == kind).sum()) for kind in KINDS}
            table.add({"seed": seed, "estimator": name, "all": float((chosen != "").sum() / count), **found})
    print("Means over the seeds:")
    means = command_line.Table({"estimator": "estimator", **SHARES})
    for name in ESTIMATORS:
        own = [row for row in table.rows if row["estimator"] == name]
        means.add({"estimator": name, **{kind: np.mean([row[kind] for row in own]) for kind in ("all", *KINDS)}})


def print_truth(made: Place, removals: int) -> None:
    """FID of a fine-tuning at its start and end, and for each horizon how well summed scores predict retraining."""
    validation, test = made.validation, made.test
    run = train(made)
    for name, metric in (("validation", validation), ("test", test)):
        print(
            f"{name}: {metric.value(run.trained(0)):.2f} at the start, {metric.value(run):.2f} at the end", flush=True
        )
    horizons = parse_horizons(made.config.horizons, run.epoch, run.steps)
    for horizon, scores in sorted(influence.itd_horizons(run, validation, horizons).items()):
        removed = random_removals(run, scores.ids, removals, round(0.02 * len(run.ids)))
        truth = np.array(changes(run, removed, horizon, [validation]))[:, 0]
        found = agreement(np.array([scores.values[[scores.rows[i] for i in ids]].sum() for ids in removed]), truth)
        print(f"last {horizon} steps: LDS {found.spearman.value:.3f}, slope {found.slope.value:.2f}", flush=True)
        for count in parse_counts(made.config.remove, len(run.ids)):
            harmful = scores.harmful(count)
            (changed,) = changes(run, [harmful.ids], horizon, [validation, test])
            print(
                f"  {count} removed: predicted {harmful.sum():.2f}, validation {changed[0]:.2f}, test {changed[1]:.2f}"
            )


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("what", choices=("bytes", "curve", "truth", "planted"))
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--removals", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.05)
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    if arguments.what == "bytes":
        print_bytes(arguments.path)
    elif arguments.what == "curve":
        print_curve(arguments.path, arguments.every, arguments.picture)
    else:
        made = place("emoji-twemoji", **{"init": str(arguments.path), **settings(arguments.settings)})
        if arguments.what == "truth":
            print_truth(made, arguments.removals)
        else:
            find_planted(made, arguments.seeds, arguments.share, arguments.out)


if __name__ == "__main__":
    main()
