"""Who writes into a directory: locks that the kernel takes back however their process ends."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gansift.errors import GansiftError
from gansift.files import open_own

_log = logging.getLogger(__name__)

# Seconds to wait for a lock before it counts as held: the workers of a killed command end within moments, those on a
# machine that lost its network once it has noticed that, or once a file server has.
_PATIENCE = 2.0
_PATIENCE_WITH_OTHERS = 150.0
# What a lock file begins with; one that holds anything else is a person's and is left as it is.
_HOLDER = "process "


def lock_path(folder: Path) -> Path:
    """The file that is locked while a process writes into ``folder``. It stays, and names the last that did."""
    return folder / ".lock"


def wait_for_other_machines() -> None:
    """Let this process wait longer for locks: one may be held on a machine that was given up and does not know it."""
    global _PATIENCE
    _PATIENCE = _PATIENCE_WITH_OTHERS


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Write into ``folder`` alone: as long as this is open, nobody else is let in, not even this process.

    Where the file system knows no locks, or the folder cannot be written to, that is logged and work goes on.

    Raises:
        GansiftError: if another process holds the lock, naming it and the folder, or the file that is to be locked is a
            link, a pipe or a file that holds something else.
    """
    with _locked(lock_path(folder), folder, alone=True):
        yield


@contextmanager
def one_of_several_writers(folder: Path, name: str) -> Iterator[None]:
    """Write into ``folder`` beside others that are let in by this function under other names, and beside nobody else.

    Args:
        folder: to write into.
        name: of a file in it that this writer locks for itself.

    Raises:
        GansiftError: as `only_writer`, and if another process is let in under that name.
    """
    with _locked(lock_path(folder), folder, alone=False), _locked(folder / name, folder, alone=True):
        yield


@contextmanager
def _locked(path: Path, folder: Path, *, alone: bool) -> Iterator[None]:
    descriptor = _opened(path)
    try:
        if descriptor is not None:
            _take(descriptor, path, folder, alone)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_own(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        _go_on_without(path.parent, error)
        return None


def _take(descriptor: int, path: Path, folder: Path, alone: bool) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            import fcntl  # not on every system

            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise GansiftError(_refusal(descriptor, folder)) from None
            time.sleep(0.05)
        except (ImportError, OSError) as error:
            _go_on_without(folder, error)
            return
    if (held := os.pread(descriptor, len(_HOLDER), 0)) and held != _HOLDER.encode():
        raise GansiftError(
            f"{path} is no lock of gansift: it holds something else, and is left as it is. Move it "
            "away, or choose another directory."
        )
    with suppress(OSError):  # on a full disk the lock still holds; it only names nobody
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{_HOLDER}{os.getpid()} on {platform.node()}".encode(), 0)


def _refusal(descriptor: int, folder: Path) -> str:
    holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
    return (
        f"{folder} is in use: {holder} writes into it. Wait until it has ended, or stop it, and give the same command "
        "again; or choose another directory."
    )


def _go_on_without(folder: Path, error: Exception) -> None:
    _log.warning("cannot lock %s (%s): see to it that no other process writes into it", folder, error)
