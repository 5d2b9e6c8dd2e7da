"""Names that a person gives: of their own code, ``module:name`` or ``file.py:name``, and the misspelt ones."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from gansift.errors import UsageError


def is_named(spec: str) -> bool:
    """Whether ``spec`` has the form ``module:name`` or ``file.py:name``."""
    module, _, name = spec.rpartition(":")
    return bool(module) and name.isidentifier() and (module.endswith(".py") or not set(module) & set("/\\:"))


def absolute_named(spec: str) -> str:
    """``file.py:name`` with an absolute path, so that a run goes on from any folder; anything else as it is."""
    file, _, name = spec.rpartition(":")
    return f"{Path(file).absolute()}:{name}" if is_named(spec) and Path(file).is_file() else spec


def import_named(spec: str, what: str) -> Any:
    """What is called ``name`` in a module that can be imported, also from the current folder, or in a file.

    Args:
        spec: of the form that `is_named` knows.
        what: what it is for, in the words of an error message.

    Raises:
        UsageError: if the module or file cannot be imported, or has nothing of that name.
    """
    module, _, name = spec.rpartition(":")
    if not is_named(spec):
        raise UsageError(f"cannot load {what} from {spec!r}: it is not of the form module:name or file.py:name")
    try:
        found = _from_file(Path(module)) if module.endswith(".py") else _from_path(module)
    except Exception as error:  # a module of the user's, which may raise anything
        raise UsageError(
            f"cannot load {what} from {spec!r}: importing {module} failed ({type(error).__name__}: {error}). Install "
            "it, mend it, put its folder on PYTHONPATH, or name the file, file.py:name."
        ) from error
    try:
        return getattr(found, name)
    except AttributeError as error:
        raise UsageError(f"cannot load {what} from {spec!r}: {module} has nothing called {name!r}") from error


def source_file(spec: str) -> Path | None:
    """The Python file that ``module:name`` or ``file.py:name`` is loaded from, if there is one; nothing is run."""
    module = spec.rpartition(":")[0]
    if not is_named(spec):
        return None
    if module.endswith(".py"):
        return Path(module) if Path(module).is_file() else None
    found = _specs(module)
    origin = found[-1].origin if len(found) == module.count(".") + 1 else None
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def code_files(spec: str) -> list[Path]:
    """The files that are run to load ``module:name``, its own and those of the packages that it lies in.

    Nothing is run to tell. What is built into Python has no file, and what is not there is left out.
    """
    module = spec.rpartition(":")[0]
    if not is_named(spec):
        return []
    if module.endswith(".py"):
        return [Path(module)] if Path(module).is_file() else []
    origins = (found.origin for found in _specs(module) if found.has_location)
    return [Path(origin) for origin in origins if origin is not None and Path(origin).is_file()]


def _specs(module: str) -> list[ModuleSpec]:
    """Where a module and the packages that it lies in would be loaded from, from outside, as far as they are there."""
    _look_here()
    specs: list[ModuleSpec] = []
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        try:
            # Only a name without a dot can be looked up by importlib without importing what it lies in.
            found = PathFinder.find_spec(name, specs[-1].submodule_search_locations) if specs else find_spec(name)
        except (ImportError, ValueError):
            break
        if found is None:
            break
        specs.append(found)
        if found.submodule_search_locations is None:
            break
    return specs


def fingerprint(spec: str) -> str | None:
    """SHA-256, in hexadecimal, of the file behind a metric, features or a system, so that an edited one is noticed.

    Args:
        spec: ``module:name``, ``file.py:name``, or a path, also as ``path@convention``.

    Returns:
        None for a built-in name, and for what has no file of its own.
    """
    path = source_file(spec)
    for text in (spec, spec.rpartition("@")[0]):
        path = path or (Path(text) if text and Path(text).is_file() else None)
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def _look_here() -> None:
    """Let modules of the current folder be found, which the command line does not do by itself as `python -m` does."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def _from_path(module: str) -> ModuleType:
    _look_here()
    return importlib.import_module(module)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    # One module for each file, so that what it defines is the same class however often it is asked for.
    name = f"gansift_own_{path.stem}_{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:8]}"
    if name not in sys.modules:
        if str(path.absolute().parent) not in sys.path:
            sys.path.append(str(path.absolute().parent))  # what lies beside it, as for `python file.py`
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def suggestion(name: str, names: Iterable[str]) -> str:
    """In brackets and after a space, the name that comes nearest to a misspelt one; empty if none is near.

    >>> suggestion("gna", ["gan", "dann"])
    ' (did you mean gan?)'
    """
    nearest = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
