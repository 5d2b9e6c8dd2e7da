"""The cleaned data set in forms that other programs read: lists of ids, or a folder of the kept training examples."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image

from gansift.errors import GansiftError
from gansift.files import write_text
from gansift.report.pictures import to_pixels

if TYPE_CHECKING:
    from gansift.data.examples import Examples

FORMATS = ("lists", "folder")
LINKS = ("copy", "symlink", "hardlink")


@dataclass(frozen=True)
class _Row:
    """One training example of a manifest."""

    id: str
    path: str
    label: str


def write_lists(folder: Path, ids: Sequence[str], removed: Sequence[str]) -> None:
    """Write ``kept.txt`` and ``removed.txt`` into ``folder``: one id a line, in the order of ``ids``.

    Args:
        folder: a run directory, or any other folder.
        ids: every training example.
        removed: those of them that are removed.

    Raises:
        GansiftError: if an id contains a line break, or a removed id is none of ``ids``.
    """
    broken = next((identity for identity in ids if len(identity.splitlines()) != 1), None)
    if broken is not None:
        raise GansiftError(
            f"the id {broken!r} is empty or contains a line break, so it cannot stand in a list; rename it"
        )
    dropped = set(removed)
    if unknown := dropped - set(ids):
        raise GansiftError(f"{min(unknown)!r} is to be removed but is not a training example")
    for name, listed in (("kept", [i for i in ids if i not in dropped]), ("removed", [i for i in ids if i in dropped])):
        write_text(folder / f"{name}.txt", "".join(f"{identity}\n" for identity in listed))


def export(
    format: str, run_dir: Path, destination: Path, *, link: str = "copy", examples: Examples | None = None
) -> int:
    """Export what a run decided to keep.

    ``lists`` writes ``kept.txt`` and ``removed.txt``. ``folder`` fills a folder with the kept *training* examples under
    the same relative paths as in the source; validation and test examples are not in it. Examples that never were
    files (built-in data, rows of an array) are written as PNG images, in a folder per class, named after the last part
    of their id. The folder appears only when it is complete.

    Args:
        format: ``lists`` or ``folder``.
        run_dir: a run directory with ``manifest.csv`` and ``removed.txt``.
        destination: a folder that does not exist yet or is empty.
        link: ``copy``, ``symlink`` or ``hardlink``: how files get into the folder.
        examples: the training examples; needed for those that are not files.

    Returns:
        The number of kept examples.

    Raises:
        GansiftError: if the run is not finished, the destination is not empty, or a file is missing.
    """
    if format not in FORMATS:
        raise GansiftError(f"there is no export format {format!r}; choose one of {', '.join(FORMATS)}")
    if link not in LINKS:
        raise GansiftError(f"files cannot be put there by {link!r}; choose one of {', '.join(LINKS)}")
    _refuse_occupied(destination)
    train = _read_training_rows(run_dir / "manifest.csv")
    removed = _read_removed(run_dir / "removed.txt", {row.id for row in train})
    if format == "lists":
        write_lists(destination, [row.id for row in train], sorted(removed))
    else:
        kept = [row for row in train if row.id not in removed]
        _fill_folder(destination, kept, [row.path for row in train if row.path], link, examples)
    return len(train) - len(removed)


def _refuse_occupied(destination: Path) -> None:
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise GansiftError(f"{destination} is there already and is not a folder; choose another destination")
    if destination.is_dir() and any(destination.iterdir()):
        raise GansiftError(f"{destination} is not empty, and nothing in it is overwritten; choose another destination")


def _read_training_rows(manifest: Path) -> list[_Row]:
    try:
        with open(manifest, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise GansiftError(f"{manifest} cannot be read ({error.strerror}); is this a run directory?") from error
    missing = [name for name in ("id", "path", "split", "label") if rows and rows[0].get(name) is None]
    if missing:
        raise GansiftError(f"{manifest} has no column {', '.join(missing)}")
    train = [_Row(row["id"], row["path"], row["label"] or "") for row in rows if row["split"] == "train"]
    if not train:
        raise GansiftError(f"{manifest} lists no training examples, so there is nothing to export")
    return train


def _read_removed(path: Path, ids: set[str]) -> set[str]:
    try:
        removed = set(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise GansiftError(
            f"{path} cannot be read ({error.strerror}): nothing has been chosen for removal yet. "
            "Run `gansift cleanse` first"
        ) from error
    if unknown := removed - ids:
        raise GansiftError(f"{path} lists {min(unknown)!r}, which is no training example of the manifest beside it")
    return removed


def _fill_folder(
    destination: Path, kept: Sequence[_Row], sources: Sequence[str], link: str, examples: Examples | None
) -> None:
    """Fill a temporary folder beside ``destination``, then rename it."""
    writers = _writers(kept, sources, link, examples)
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        for relative, write in writers.items():
            target = temporary / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target)
        if destination.is_dir():
            destination.rmdir()
        os.replace(temporary, destination)
    except OSError as error:
        hint = " Use copies or symbolic links: hard links cannot cross file systems." if link == "hardlink" else ""
        raise GansiftError(f"cannot export to {destination}: {error.strerror or error}.{hint}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _writers(
    kept: Sequence[_Row], sources: Sequence[str], link: str, examples: Examples | None
) -> dict[PurePosixPath, Callable[[Path], object]]:
    """What to do for every file of the folder, so that all that is wrong shows before anything is written."""
    root = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in sources]) if sources else ""
    positions = {} if examples is None else {identity: position for position, identity in enumerate(examples.ids)}
    writers: dict[PurePosixPath, Callable[[Path], object]] = {}
    for row in kept:
        if row.path:
            if not Path(row.path).is_file():
                raise GansiftError(
                    f"{row.path} of example {row.id!r} is not there any more; put it back and export again"
                )
            relative = _relative_path(row, root)
            write = _put(Path(row.path).absolute(), link)
        elif examples is not None and row.id in positions:
            relative = PurePosixPath(row.label, f"{_without_hash(row.id).rpartition('/')[2]}.png")
            write = _paint(examples, positions[row.id])
        else:
            raise GansiftError(
                f"example {row.id!r} never was a file; export lists, or give its pixels so that an image can be written"
            )
        if relative.is_absolute() or ".." in relative.parts:
            raise GansiftError(
                f"example {row.id!r} would be written outside the destination, to {relative}; use lists instead"
            )
        if relative in writers:
            raise GansiftError(
                f"two kept examples would be written to {relative}, one of them {row.id!r}; use lists instead"
            )
        writers[relative] = write
    return writers


def _without_hash(identity: str) -> str:
    """The id of an example without the start of its content hash, ``#`` and twelve digits, if it ends with it."""
    return re.sub("#[0-9a-f]{12}$", "", identity)


def _relative_path(row: _Row, root: str) -> PurePosixPath:
    """The path in the id if the file's path ends with it, as for a folder; else that below the folder common to all."""
    path, named = Path(row.path).as_posix(), _without_hash(row.id)
    if path == named or path.endswith(f"/{named}"):
        return PurePosixPath(named)
    return PurePosixPath(Path(os.path.relpath(path, root)).as_posix())


def _put(source: Path, link: str) -> Callable[[Path], object]:
    if link == "symlink":
        return lambda target: target.symlink_to(source)
    if link == "hardlink":
        return lambda target: os.link(source, target)
    return lambda target: shutil.copy2(source, target)


def _paint(examples: Examples, position: int) -> Callable[[Path], object]:
    image = examples.x[position]
    if image.ndim != 3:
        raise GansiftError("these examples are points, not images, so a folder cannot hold them; use lists instead")
    return lambda target: Image.fromarray(to_pixels(image.numpy())).save(target, "PNG")
