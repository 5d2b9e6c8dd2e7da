"""Doctests that stand in the text of a docstring, and not in a section of their own, are code on the site, too."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


def fenced(text: str) -> str:
    r"""The text of a docstring with its doctests as blocks of code; those of a section ``Examples:`` are indented.

    >>> fenced("Adds.\n\n>>> 1 + 1\n2\n\nArgs:")
    'Adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nArgs:'
    """
    return DOCTEST.sub(lambda match: f"```pycon\n{match[0]}\n```", text)


class Doctests(Extension):
    """Rewrites every docstring that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
