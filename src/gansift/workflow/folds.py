"""The folds of a cross-fit on disk, and their data as one: whoever some fold trains on is a training example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from gansift.data.examples import Examples, Splits
from gansift.data.layout import SPLITS
from gansift.data.sets import DataSets
from gansift.errors import GansiftError
from gansift.files import read_json, write_json
from gansift.workflow.config import CROSSFIT, Config, load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import load_data


def is_crossfit(root: Path) -> bool:
    """Whether a folder holds a cross-fit."""
    return (root / CROSSFIT).exists()


def count_of(root: Path) -> int:
    """How many folds a cross-fit has.

    Raises:
        GansiftError: if that cannot be read.
    """
    noted = read_json(root / CROSSFIT)
    count = noted.get("folds") if isinstance(noted, dict) else None
    if not isinstance(count, int) or count < 1:
        raise GansiftError(f"{root / CROSSFIT} is damaged: it does not say how many folds there are")
    return count


def keep_count(root: Path, folds: int) -> None:
    """Write down that a folder holds a cross-fit of so many folds."""
    write_json(root / CROSSFIT, {"folds": folds})


def folders(root: Path, folds: int) -> list[Path]:
    """The run directory of each fold."""
    return [root / f"fold-{number}" for number in range(folds)]


def whole_data(folds: Sequence[DataSets]) -> DataSets:
    """The data of all folds: those that any trains on for training, and the others as they are in the first."""
    return DataSets({name: _whole(splits, [data[name] for data in folds]) for name, splits in folds[0].items()})


def load_whole(root: Path) -> tuple[Config, DataSets]:
    """The configuration of the first fold, and the data of all.

    Raises:
        GansiftError: if a fold, or its data, cannot be read.
    """
    configs = [load(RunDirectory(folder).config) for folder in folders(root, count_of(root))]
    return configs[0], whole_data([load_data(config.sources, asdict(config)) for config in configs])


def _whole(first: Splits, folds: Sequence[Splits]) -> Splits:
    trained = {identity for splits in folds for identity in splits.train.ids}
    parts: list[Examples] = []
    taken: set[str] = set()
    for examples in (getattr(splits, part) for splits in folds for part in SPLITS):
        rows = [row for row, one in enumerate(examples.ids) if one in trained and one not in taken]
        taken.update(examples.ids[row] for row in rows)
        parts += [examples.subset(rows)] if rows else []
    valid, test = (
        part.subset([row for row, one in enumerate(part.ids) if one not in trained])
        for part in (first.valid, first.test)
    )
    return replace(first, train=Examples.joined(parts), valid=valid, test=test)
