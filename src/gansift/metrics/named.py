"""The user's own code, named on the command line as ``module:name``."""

from __future__ import annotations

import importlib
from typing import Any

from gansift.errors import UsageError


def is_named(spec: str) -> bool:
    """Whether ``spec`` has the form ``module:name``."""
    module, _, name = spec.partition(":")
    return bool(module and name) and "/" not in spec and "\\" not in spec


def import_named(spec: str, what: str) -> Any:
    """What ``module:name`` names.

    Args:
        spec: of the form that `is_named` knows.
        what: what it is for, in the words of an error message.

    Raises:
        UsageError: if the module cannot be imported, or has nothing of that name.
    """
    module, _, name = spec.partition(":")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # a module of the user's, which may raise anything
        raise UsageError(
            f"cannot load {what} from {spec!r}: importing {module} failed ({type(error).__name__}: {error}). Install "
            "it, mend it, or put its folder on PYTHONPATH."
        ) from error
    try:
        return getattr(found, name)
    except AttributeError as error:
        raise UsageError(f"cannot load {what} from {spec!r}: {module} has nothing called {name!r}") from error
