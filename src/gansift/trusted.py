"""Code that a person has named or confirmed before, so that a run directory of somebody else runs none unasked.

A run directory names the files of its game, metrics and features, and whoever reads the run would execute them. What a
person names on a command line is remembered, by path and content; anything else has to be confirmed.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from gansift.errors import GansiftError, UsageError
from gansift.files import append_line
from gansift.named import code_files, is_named

_log = logging.getLogger(__name__)
_OWN = Path(__file__).parent
#: SHA-256 of files that everybody has and that are known to do nothing else, and what they are.
KNOWN = {
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4": "the Inception network of the published FID",
}
# What this process was told; also where the person's file cannot be written.
_told: set[Code] = set()
_everything: ContextVar[bool] = ContextVar("everything is confirmed", default=False)


class Code(NamedTuple):
    """Something that is executed when it is read.

    Attributes:
        place: absolute path of a file; the name of what has none.
        sha256: of the content, in hexadecimal; of the name where there is no file.
    """

    place: str
    sha256: str


def code_of(spec: str) -> list[Code]:
    """What is executed for a name: the files of a module and of the packages it lies in, or a TorchScript file.

    Nothing is imported to tell. gansift's own files are left out.

    Args:
        spec: ``module:name``, ``file.py:name``, the path of a file, also as ``path@convention``, or an address of a
            cluster, whose answers are executed.
    """
    if "://" in spec:
        return [Code(spec, _hash(spec.encode()))]
    if is_named(spec):
        files = code_files(spec)
        if not files and not spec.rpartition(":")[0].endswith(".py"):  # built into Python, or not to be found
            return [Code(spec, _hash(spec.encode()))]
    else:
        files = [path for text in (spec, spec.rpartition("@")[0]) if text and (path := Path(text)).is_file()][:1]
    own = [path.resolve() for path in files if _OWN not in path.resolve().parents]
    return [Code(str(path), _hash(path.read_bytes())) for path in own]


def remember(specs: Iterable[str]) -> None:
    """Take what a person has named as confirmed, from now on; a file that cannot be written is only logged.

    Args:
        specs: as for `code_of`.
    """
    _keep(code for spec in specs for code in code_of(spec))


def check(specs: Iterable[str]) -> None:
    """Refuse what was never named by this person, or was changed since.

    Args:
        specs: as for `code_of`; those of a run directory.

    Raises:
        UsageError: naming every file with its SHA-256, and the flag that confirms it.
    """
    needed = [code for spec in specs for code in code_of(spec)]
    unknown = [code for code in dict.fromkeys(needed) if code.sha256 not in KNOWN and code not in _told]
    if unknown:
        known = _read()
        unknown = [code for code in unknown if code not in known]
    if not unknown:
        return
    if _everything.get():
        for code in unknown:
            _log.warning("confirmed: %s with SHA-256 %s", *code)
        _keep(unknown)
        return
    listed = ", ".join(f"{place} (SHA-256 {sha256})" for place, sha256 in unknown)
    raise UsageError(
        f"this run names code that you have not named or confirmed yet, or that was changed since: {listed}. Reading "
        "the run would execute it. Look at it; if you know where it comes from, give the same command with --trust, "
        "which remembers it until it changes."
    )


@contextmanager
def confirming() -> Iterator[None]:
    """As long as this is open, whatever `check` is asked about counts as confirmed, and is remembered."""
    token = _everything.set(True)
    try:
        yield
    finally:
        _everything.reset(token)


def memory() -> Path:
    """The person's file of what is confirmed, a SHA-256 and a path in each line."""
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(state or Path.home() / ".local" / "state") / "gansift" / "trusted.txt"


def _keep(codes: Iterable[Code]) -> None:
    new = [code for code in dict.fromkeys(codes) if code not in _told]
    _told.update(new)
    known = _read() if new else set()
    try:
        for place, sha256 in new:
            if Code(place, sha256) not in known and place.isprintable():  # another one would not stand in a line
                append_line(memory(), f"{sha256}  {place}")
    except GansiftError as error:
        _log.warning("what you have named is not remembered, and has to be confirmed next time: %s", error)


def _read() -> set[Code]:
    try:
        lines = memory().read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return set()
    parts = (line.partition("  ") for line in lines)
    return {Code(place, sha256) for sha256, _, place in parts if place}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
