"""Names that can be printed: what others called their files cannot steer a terminal or break a list."""

from __future__ import annotations

import os
from pathlib import Path


def shown(name: Path | str) -> str:
    r"""A name for a message: bytes that are no UTF-8 are replaced; control and bidirectional characters are escaped.

    A line break becomes ``\n``, an escape ``\x1b``, the mark that turns the direction of writing ``\u202e``. Letters
    of any script stay as they are.
    """
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def refusal(name: str) -> str | None:
    """Why an example cannot be called that, or None: ids are written one a line, in UTF-8."""
    if name.splitlines() != [name]:
        return "has a line break in its name; rename it"
    if os.fsencode(name).decode("utf-8", "replace") != name:
        return "has a name that is not UTF-8; rename it"
    return None
