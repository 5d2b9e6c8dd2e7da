"""The built-in GANs with given settings on given data, as `gansift run` would train and judge them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gansift import data, systems, training
from gansift.data import DataSets, Splits
from gansift.errors import UsageError
from gansift.named import suggestion
from gansift.systems import Setting, manual, spec_of
from gansift.workflow.config import GENERAL
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


def settings(texts: Iterable[str], others: Sequence[Setting] = ()) -> dict[str, Any]:
    """Settings of `gansift run` from texts ``name=value``, each value read as that of the flag.

    Args:
        texts: as they stand on the command line.
        others: settings that the benchmark has besides.

    Raises:
        UsageError: for a setting that does not exist, or a value that it does not take.
    """
    known = {one.name: one for one in (*manual(spec_of("gan")).settings, *(one.setting for one in GENERAL), *others)}
    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known:
            raise UsageError(f"{text}: there is no setting {name!r}{suggestion(name, known)}; give name=value")
        values[name] = known[name].parse(value)
    return values
