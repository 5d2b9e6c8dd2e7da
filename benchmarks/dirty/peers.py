"""Scores of cleanlab, the tool that people clean data sets with, for the benchmark on dirty data.

    python benchmarks/dirty/peers.py digits-dirty            before run.py, which takes up what lies in the folder

cleanlab lives in a virtual environment of its own and exchanges plain files with gansift. It is given two feature
spaces: that of FID here, a classifier of the validation images, and that of a network trained on ImageNet. Its outlier
score is the mean distance to the nearest neighbours, its near-duplicate score the distance to the nearest one; so these
are also what tools such as SelfClean or fastdup look at, in other features.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import numpy as np
import torch
from command_line import parser

from dirty.sets import OF_THEMSELVES, SETS, DirtySet
from gansift.influence import Scores
from gansift.metrics.metric import in_chunks
from gansift.systems.judges import features_of

HERE = Path(__file__).resolve().parent
SPACES = {"classifier": "FID's features", "imagenet": "ImageNet features"}
ISSUES = {"outlier": "outliers", "near_duplicate": "near duplicates"}


def main(arguments: list[str] | None = None) -> None:
    command = parser(__doc__, saves=False)
    command.add_argument("sets", nargs="+", choices=OF_THEMSELVES, metavar="SET", help=", ".join(OF_THEMSELVES))
    command.add_argument("--python", type=Path, help="interpreter that has cleanlab; default one that is set up")
    command.add_argument("--work", type=Path, default=Path("runs/dirty"), help="folder that run.py works in")
    given = command.parse_args(arguments)
    torch.set_num_threads(1)
    python = given.python or environment(given.work / "cleanlab")
    for name in given.sets:
        data = SETS[name]({})
        folder = given.work / name / "peers"
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "features.npz", **spaces(data))
        files = [str(folder / file) for file in ("features.npz", "scores.npz")]
        subprocess.run([str(python), str(HERE / "with_cleanlab.py"), *files], check=True)
        with np.load(folder / "scores.npz") as found:
            for key in found.files:
                space, _, issue = key.partition("|")
                way = f"cleanlab {ISSUES[issue]}, {SPACES[space]}"
                as_scores(data, way, found[key]).to_csv(folder / f"{way}.csv")
                print(folder / f"{way}.csv")


def environment(folder: Path) -> Path:
    """The interpreter of an environment that has cleanlab, made if it is not there."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "-r", str(HERE / "requirements-peers.txt")], check=True
        )
    return python


def spaces(data: DirtySet) -> dict[str, np.ndarray]:
    """The training images in every feature space."""
    splits = data.place.data.only
    return {name: in_chunks(features_of(splits, name), data.train.x, 200).numpy() for name in SPACES}


def as_scores(data: DirtySet, way: str, harm: np.ndarray) -> Scores:
    """Harm as scores of a metric of which lower is better."""
    return Scores(
        ids=data.train.ids,
        values=-harm.astype(np.float64),
        metric=data.scored_on.name,
        direction="lower",
        estimator=way,
        horizon=data.place.config.steps,
        steps=data.place.config.steps,
        removal="fixed-denominator",
    )


if __name__ == "__main__":
    main()
