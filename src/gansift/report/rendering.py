"""The templates of the page, with the filters that they share."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gansift.report import words


def render(template: str, **content: Any) -> Markup:
    """A template of this package filled in; all texts are escaped, and a name that is missing is an error."""
    return Markup(_environment().get_template(template).render(content))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "interval": words.interval,
        "duration": words.duration,
        "plural": words.plural,
        "setting": _setting,
        "cell": _cell,
        "typeset": words.typeset,
        "share": words.share,
        "breakable": _breakable,
    }
    return environment


def _setting(value: Any) -> str:
    if value is None:
        return words.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _breakable(identity: str) -> Markup:
    """An id that goes on in a new line between its parts, where it does not fit; it is copied as it is."""
    return Markup("<wbr>").join(re.split(r"(?<=[:/#])(?=.)", identity))


def _cell(value: Any) -> str:
    """A cell of an audit's table."""
    if value is None:
        return words.MISSING
    return words.number(value, 3) if isinstance(value, float) else str(value)
