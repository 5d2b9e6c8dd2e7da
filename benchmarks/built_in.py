"""The built-in GANs with given settings on given data, as `gansift run` would train and judge them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gansift import data, systems, training
from gansift.data import DataSets, Splits
from gansift.workflow.place import Place, resolve
from gansift.workflow.request import requested


def place(source: str, splits: Splits | None = None, **settings: Any) -> Place:
    """Configuration, data and system.

    Args:
        source: of the data, as on the command line.
        splits: in place of the source's own.
        settings: general ones and those of the system ``gan``; what is not given is chosen to fit the data.
    """
    sets = DataSets(data=data.load(source, seed=0) if splits is None else splits)
    config = resolve(requested([source], settings), sets)
    return Place(config, sets, systems.build(config.game, sets, config.system))


def train(made: Place, seed: int = 0, outdir: Path | None = None, game: Any = None, **other: Any) -> training.Run:
    """The run of one seed, in memory or kept in a folder; with another game, or other training settings, if given."""
    settings = made.training | {"steps": made.config.steps, "seed": seed} | other
    return training.train(game or made.game(seed), made.data.only.train, outdir=outdir, **settings)
