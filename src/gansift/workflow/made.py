"""What trained players make of data: refined images with their labels, and representations of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansift.data.examples import Examples, Splits
from gansift.data.records import Records
from gansift.data.sources import open_source
from gansift.errors import UsageError
from gansift.files import write_bytes
from gansift.games.trained import Trained
from gansift.report.destination import fill_folder, refuse_occupied
from gansift.report.release import csv_text, pictures
from gansift.workflow.directory import RunDirectory
from gansift.workflow.releasing import players_of

REFINED, REPRESENTATION = "refined", "representation"
FORMATS = (REFINED, REPRESENTATION)


def export_made(
    directory: RunDirectory, destination: Path, format: str, model: str, rows: Path | None
) -> tuple[dict[str, Any], str]:
    """Write what the players of a run's first seed make of data.

    Args:
        directory: of a run that is trained to its end.
        destination: new folder for ``refined``, new CSV file for ``representation``.
        format: one of `FORMATS`. ``refined``: the kept simulated training images, refined, with their labels, as a
            folder that trains again. ``representation``: of every example its split, its columns and its z.
        model: as for `releasing.release`.
        rows: a CSV or Parquet file of new rows with the columns that were trained on, to represent in place of the
            run's own.

    Returns:
        What was written, for programs and in words.

    Raises:
        UsageError: if the game makes nothing of the kind.
        DataError: if new rows do not have the columns that were trained on.
        GansiftError: if a file cannot be written, or the destination is occupied.
    """
    seed, trained = players_of(directory, model)
    refuse_occupied(destination, a_file=format == REPRESENTATION)
    if format == REFINED:
        count = _refine(directory, seed.place.data, trained, destination)
        text = f"{count:,} refined images in {destination}, with their labels in metadata.csv"
    else:
        count = _represent(directory, seed.place.data, trained, destination, rows)
        text = f"the representations of {count:,} rows in {destination}"
    return {"destination": str(destination), "count": count}, text


def _refine(directory: RunDirectory, data: Mapping[str, Splits], trained: Trained, destination: Path) -> int:
    refine = getattr(trained.game, "refine", None)
    if refine is None or "simulated" not in data:
        raise UsageError(f"the game of {directory.root} refines no images; --format {REFINED} is for --game simgan")
    removed = directory.listed("removed") or frozenset()
    train = data["simulated"].train
    kept = train.subset([row for row, one in enumerate(train.ids) if one not in removed])
    x = trained.made_of(refine, kept.x).float().clamp(-1, 1)
    columns: dict[str, Sequence[Any]] = {"label": _named(kept, "label"), "id": kept.ids}
    fill_folder(destination, pictures(x.numpy(), columns))
    return len(kept)


def _represent(
    directory: RunDirectory, data: Mapping[str, Splits], trained: Trained, destination: Path, rows: Path | None
) -> int:
    if not trained.game.offers("represent"):
        raise UsageError(
            f"the game of {directory.root} makes no representation; --format {REPRESENTATION} is for --game laftr and "
            "dann"
        )
    represent = trained.game.represent
    columns: dict[str, list[Any]]
    if rows is not None:
        z = trained.made_of(represent, _new_rows(next(iter(data.values())), rows)).float()
        columns = {"row": list(range(len(z)))}
    else:
        parts = [
            (name, split, part)
            for name, splits in data.items()
            for split, part in (("train", splits.train), ("valid", splits.valid), ("test", splits.test))
        ]
        z = torch.cat([trained.made_of(represent, part.x) for _, _, part in parts]).float()
        columns = {"id": [], "split": []}
        if len(data) > 1:
            columns["set"] = []
        known = [name for name in parts[0][2].columns if all(name in part.columns for _, _, part in parts)]
        columns |= {name: [] for name in known}
        for name, split, part in parts:
            columns["id"] += part.ids
            columns["split"] += [split] * len(part)
            if len(data) > 1:
                columns["set"] += [name] * len(part)
            for column in known:
                columns[column] += _named(part, column)
    columns |= {f"z{place}": values for place, values in enumerate(z.T.tolist(), start=1)}
    write_bytes(destination, csv_text(columns).encode())
    return len(z)


def _new_rows(splits: Splits, path: Path) -> Tensor:
    """New rows as x, encoded as those that were trained on."""
    if splits.encoding is None:
        raise UsageError("--rows: the run was trained on no table, so that there are no new rows of it; leave it out")
    opened = open_source(str(path), 0)
    if not isinstance(opened, Records):
        raise UsageError(f"--rows {path}: give a CSV or Parquet file with the columns that were trained on")
    return splits.encoding.encode(opened.table.fields)


def _named(part: Examples, name: str) -> list[Any]:
    """The values of a column, categories by their names."""
    column = part.columns[name]
    values = column.values.tolist()
    return values if column.names is None else [column.names[value] for value in values]
