"""Files that are whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import stat
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

from gansift.errors import GansiftError, UsageError

# Bytes of a file that are held at a time.
_PIECE = 2**16
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
# Not on every system: do not follow a link, do not wait for the other end of a pipe.
_ITSELF = getattr(os, "O_NOFOLLOW", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file that a directory has under a fixed name: of that file itself, and of nothing else.

    Whoever made the directory may have put a link there, to another person's file, or a pipe, on which every program
    waits for ever.

    Args:
        path: of the file.
        flags: as for `os.open`; nothing is truncated here.

    Raises:
        OSError: if it cannot be opened.
        GansiftError: if it is a link or no regular file; nothing was changed.
    """
    if path.is_symlink():
        raise _odd(path, "a link to another place")
    try:
        descriptor = os.open(path, flags | _ITSELF | _AT_ONCE | _BINARY, 0o666)
    except OSError as error:
        if error.errno in (
            errno.ELOOP,
            errno.EMLINK,
            errno.ENXIO,
        ):  # a link since a moment ago; a pipe without a reader
            raise _odd(path, "a link or a pipe") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _odd(path, "a pipe, a device or a folder")
    return descriptor


def _odd(path: Path, what: str) -> GansiftError:
    return GansiftError(
        f"{path} is {what} and not a file of gansift's own, so it is neither read nor written. Delete it if you know "
        "where it comes from; nothing was changed."
    )


def is_utf8(name: Path | str) -> bool:
    """Whether a name can be written down: file systems allow bytes that are no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace") == os.fspath(name)


def check_folder_name(folder: Path) -> None:
    """Refuse a folder to write to whose path is not UTF-8, before anything is computed for it.

    Raises:
        UsageError: if it is not.
    """
    path = folder.absolute()
    if not is_utf8(path):
        raise UsageError(f"the path {shown(path)} is not UTF-8, and what is written there cannot be; choose another")


def shown(name: Path | str) -> str:
    r"""A name for a message: bytes that are no UTF-8 are replaced; control and bidirectional characters are escaped.

    A line break becomes ``\n``, an escape ``\x1b``, the mark that turns the direction of writing ``\u202e``. Letters
    of any script stay as they are.
    """
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def refuse_pipes(folder: Path) -> None:
    """Refuse a folder in which something is neither file nor folder, also by a link: reading it could last for ever.

    Raises:
        GansiftError: naming it.
    """
    for place, _, names in os.walk(folder):
        for entry in (Path(place, name) for name in names):
            with suppress(OSError):  # what is gone again, or a link to nothing
                if not stat.S_ISREG(entry.stat().st_mode):
                    raise _odd(entry, "a pipe or a device")


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    A reader therefore never sees half a file, also after a kill or on a full disk.

    Raises:
        GansiftError: if the file cannot be written; the temporary file is removed and ``path`` is untouched.
    """
    # Machines that share a disk may have processes of the same number.
    temporary = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # whatever it is, also a link that somebody put there
        write(temporary)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot("write", path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, on disk when this returns; a line that a kill has cut short stays one of its own.

    Raises:
        GansiftError: if it cannot be written, or is a link or a pipe.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as file:
            file.write(("\n" if file.tell() else "").encode() + line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _cannot("write", path, error) from error


def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises:
        GansiftError: if it is there and cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot("delete", path, error) from error


def set_aside(path: Path) -> Path:
    """Give a file another name beside its own, so that it is out of the way and not lost.

    Returns:
        The new path, ``<name>.damaged`` or, if that is taken, ``<name>.damaged-2`` and so on; nothing is moved if
        there is no file.

    Raises:
        GansiftError: if it cannot be moved.
    """
    names = chain([f"{path.name}.damaged"], (f"{path.name}.damaged-{number}" for number in count(2)))
    aside = next(other for name in names if not (other := path.with_name(name)).exists())
    try:
        with suppress(FileNotFoundError):
            path.rename(aside)
    except OSError as error:
        raise _cannot("move", path, error) from error
    return aside


def _cannot(what: str, path: Path, error: OSError) -> GansiftError:
    """What the person has to do, by the cause; the file sizes that a shell can limit count as a full disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "Free some space"
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        remedy = "Make the folder writable"
    else:
        remedy = "Mend that"
    return GansiftError(
        f"cannot {what} {path}: {error.strerror or error}. {remedy}, or choose another directory; everything "
        "finished so far is kept, and the same command goes on from there."
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, atomically."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, write)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; NaN and infinity are refused."""
    write_text(path, _as_json(value))


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file; what is no finite number is no JSON.

    Raises:
        GansiftError: if it is missing or not JSON, naming it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused, parse_float=_finite)
    except FileNotFoundError as error:
        raise GansiftError(f"{path} does not exist") from error
    except (OSError, ValueError, RecursionError) as error:
        raise GansiftError(f"{path} is damaged: it cannot be read as JSON ({error})") from error


def _refused(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    return value if math.isfinite(value := float(text)) else _refused(text)


def write_sealed(path: Path, content: str | bytes) -> None:
    """Write a result, text as UTF-8, atomically, with its seal beside it, so that a change of it is noticed.

    Raises:
        GansiftError: if it cannot be written.
    """

    def write(temporary: Path) -> None:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)

    write_sealed_by(path, write)


def write_sealed_by(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file as `write_atomically` does, with its seal beside it.

    Raises:
        GansiftError: if it cannot be written.
    """

    def write_both(temporary: Path) -> None:
        write(temporary)
        # The seal first: a result that is there has one, also after a kill.
        write_text(seal_of(path), _digest_of(temporary) + "\n")

    write_atomically(path, write_both)


def write_sealed_json(path: Path, value: Any) -> None:
    """Write a result as JSON, as `write_json` does, with its seal beside it."""
    write_sealed(path, _as_json(value))


def remove_sealed(path: Path) -> None:
    """Delete a result with its seal, if they are there.

    Raises:
        GansiftError: if one of them cannot be deleted.
    """
    remove(path)
    remove(seal_of(path))


def broken_seal(path: Path) -> str | None:
    """Why a result is not as gansift wrote it; None if it is.

    This notices damage and edits. It is no protection from somebody who writes a seal to a result of their own.
    """
    try:
        sealed, found = seal_of(path).read_text(encoding="utf-8").strip(), _digest_of(path)
    except FileNotFoundError:
        return f"{path} has no checksum beside it, {seal_of(path).name}" if path.exists() else f"{path} is missing"
    except (OSError, ValueError) as error:
        return f"{path} is damaged: it or its checksum {seal_of(path).name} cannot be read ({error})"
    return None if sealed == found else f"{path} was changed: it does not match its checksum {seal_of(path).name}"


def seal_of(path: Path) -> Path:
    """The file of a result's seal, its SHA-256."""
    return path.with_name(f"{path.name}.sha256")


def _digest_of(path: Path) -> str:
    """SHA-256 of a file, which may be larger than the memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def in_words(amount: int) -> str:
    """An amount of bytes in the largest unit of which there is one.

    >>> in_words(1536)
    '1.5 KiB'
    """
    power = max(power for power in range(len(_UNITS)) if power == 0 or amount >= 1024**power)
    return f"{amount / 1024**power:.3g} {_UNITS[power]}" if power else f"{amount} bytes"
