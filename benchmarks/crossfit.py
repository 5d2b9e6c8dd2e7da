"""Is one list of all images, put together by a cross-fit, worth as much as it says? Prints a table.

    python benchmarks/crossfit.py FOLDER [--judging 16] [--jobs 2] [--out results.json]

Digits with eight kinds of dirt, planted among all of them: whoever has such data does not know which images are clean,
so those that choose and judge are as dirty as the others. `gansift crossfit` of four folds in FOLDER makes a list of
all. Then models are trained on everything, without that list, and without as many at random, from scratch with seeds
that nobody saw, and judged on digits of other writers that the cross-fit never had.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import built_in
import numpy as np
from command_line import Table, parser
from dirty.sets import unseen_digits

from gansift import data
from gansift.cleansing.new_models import change_of
from gansift.cleansing.replicas import retrained_players
from gansift.data import Splits
from gansift.data.builtin import digits_dirty
from gansift.games import Draw
from gansift.metrics import Replicates, replicates
from gansift.training.train import untrained


def main() -> None:
    """The cross-fit, and what its list does."""
    made = parser(__doc__)
    made.add_argument("folder", type=Path)
    made.add_argument("--judging", type=int, default=16)
    made.add_argument("--jobs", default="2")
    asked = made.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    source = asked.folder / "dirty.npz"
    kinds = _write(source)
    told = _crossfit(source, asked.folder / "crossfit", asked.jobs)
    found = told["new_models"]
    removed = (asked.folder / "crossfit" / "removed.txt").read_text().split()
    every = data.load(source, fractions=(0.98, 0.01, 0.01))
    ids = [identity for part in (every.train, every.valid, every.test) for identity in part.ids]
    planted = {identity for identity, kind in kinds.items() if kind != "clean"}
    print(f"{len(removed)} of {len(ids)} removed, {len(planted & set(removed))} of them planted of {len(planted)}")
    table = Table(
        {
            "images": "images",
            "removed": "removed",
            "before": "before:.2f",
            "change": "change:+.2f",
            "random": "random:+.2f",
        },
        asked.out,
    )
    table.add(
        {
            "images": "held out by folds", "removed": found["removed"], "before": found["before"],
            "change": (found["change"], found["ci95"]), "random": (found["random_change"], found["random_ci95"]),
        }
    )  # fmt: skip
    if removed:
        table.add({"images": "other writers", "removed": len(removed)} | _judged(source, removed, asked.judging))


def _write(source: Path) -> dict[str, str]:
    """All images in one file without splits; gives what is wrong with each, by id."""
    examples = digits_dirty(0, 24)
    pixels = ((examples.x + 1) * 127.5).round().to(int).numpy().astype(np.uint8)[:, 0]
    names = examples.columns["label"].names
    label = np.array([names[value] for value in examples.columns["label"].values.tolist()])
    np.savez_compressed(source, x=pixels, y=label)
    kind = examples.columns["kind"]
    loaded = data.load(source)
    by_id = {}
    for part in (loaded.train, loaded.valid, loaded.test):
        for identity in part.ids:
            row = int(identity.rpartition("/")[2].partition("#")[0])
            by_id[identity] = kind.names[kind.values[row]]
    return by_id


def _crossfit(source: Path, folder: Path, jobs: str) -> dict[str, Any]:
    command = [
        "crossfit",
        str(source),
        "--outdir",
        str(folder),
        "--baselines",
        "far-neighbours",
        "--jobs",
        jobs,
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "gansift.cli", *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def _judged(source: Path, removed: Sequence[str], judging: int) -> dict[str, Any]:
    """What the list does to models that are trained on all images."""
    splits = data.load(source)
    whole = data.Examples.joined([splits.train, splits.valid, splits.test])
    unseen = unseen_digits()
    half = len(unseen) // 2
    place = built_in.place(
        "digits", Splits("digits", whole, unseen.subset(range(half)), unseen.subset(range(half, len(unseen))))
    )
    by_seed: list[list[Replicates | None]] = []
    for seed in range(5000, 5000 + judging):
        order = Draw(seed, "as many at random").permutation(len(whole)).tolist()
        at_random = [whole.ids[row] for row in order[: len(removed)]]
        settings = place.training | {"renormalise": True}
        run = untrained(place.game(seed), place.train, steps=place.config.steps, seed=seed, **settings)
        players = retrained_players(run, [(), removed, at_random], run.steps)
        by_seed.append([None if one is None else replicates(place.test, one) for one in players])
    before, *after = zip(*by_seed, strict=True)
    changes = [change_of(of_arm, before) for of_arm in after]
    known = [value.value for value in before if value is not None]
    told = [None if one is None else (one.mean, one.interval.ci95) for one in changes]
    return {"before": float(np.mean(known)), "change": told[0], "random": told[1]}


if __name__ == "__main__":
    main()
