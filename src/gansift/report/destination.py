"""Where an export goes: a place that nothing lies in yet, filled at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from gansift.errors import GansiftError

#: Writes a file whose folder is there.
Write = Callable[[Path], object]


def refuse_occupied(destination: Path, a_file: bool) -> None:
    """Refuse a destination that holds something.

    Args:
        destination: a folder that does not exist yet or is empty, or a new file.
        a_file: whether it is to be a file.

    Raises:
        GansiftError: if it is there already.
    """
    if a_file:
        if destination.is_symlink() or destination.exists():
            raise GansiftError(f"{destination} is there already and is not overwritten; choose another destination")
        return
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise GansiftError(f"{destination} is there already and is not a folder; choose another destination")
    if destination.is_dir() and any(destination.iterdir()):
        raise GansiftError(f"{destination} is not empty, and nothing in it is overwritten; choose another destination")


def fill_folder(destination: Path, writers: Mapping[PurePosixPath, Write], link: str = "copy") -> None:
    """Fill a temporary folder beside ``destination``, then rename it.

    Args:
        destination: see `refuse_occupied`.
        writers: what writes each file, by its path below the folder.
        link: how files get there, for the message of an error.

    Raises:
        GansiftError: if a file cannot be written; nothing of the folder is left then.
    """
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
