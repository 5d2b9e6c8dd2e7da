"""One setting of a system, a metric or an audit: its type, default and bounds, and what values it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansift.bounds import ANY, Range
from gansift.errors import UsageError
from gansift.named import suggestion

# Characters of a value in a message.
_LONGEST = 200
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Setting:
    """One keyword argument of a function, as a flag, a key of a TOML file or an entry of ``config.json``.

    Attributes:
        name: of the keyword, with underscores.
        type: bool, int, float or str.
        default: its default.
        help: what the docstring says of it, on one line.
        optional: whether None is allowed.
        choices: the only values that are allowed; empty if there is no such list.
        range: the bounds of a number.
    """

    name: str
    type: type
    default: Any
    help: str = ""
    optional: bool = False
    choices: tuple[Any, ...] = ()
    range: Range = ANY

    @property
    def flag(self) -> str:
        """The name on the command line, such as ``--r1-interval``."""
        return f"--{self.name.replace('_', '-')}"

    def parse(self, text: str) -> Any:
        """The value that a text on the command line stands for.

        Raises:
            UsageError: naming the flag, if it stands for none.
        """
        try:
            value = _BOOLEANS[text.lower()] if self.type is bool else self.type(text)
        except (ValueError, KeyError):
            raise self._refused(text) from None
        return self.check(value)

    def check(self, value: Any) -> Any:
        """The value, from Python, TOML or JSON, in the setting's own type.

        Raises:
            UsageError: naming the flag, if it is of another type, not finite, out of bounds, or none of the choices.
        """
        if value is None and self.optional:
            return None
        if self.type is float and type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                raise self._refused(value) from None
        if type(value) is not self.type or not self._allowed(value):
            raise self._refused(value)
        return value

    def _allowed(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        if self.type not in (int, float):
            return True
        return (self.type is int or math.isfinite(value)) and self.range.holds(value)

    def _refused(self, value: Any) -> UsageError:
        return UsageError(f"{self.flag} must be {self.wanted}, not {_shown(value)}")

    @property
    def wanted(self) -> str:
        """What values are allowed, in words."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        kind = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}[self.type]
        return f"{kind} {self.range.words()}".strip()


def _shown(value: Any) -> str:
    """A value as a message shows it: of a number with thousands of digits, which Python does not print, its size."""
    if type(value) is int and value.bit_length() > 1000:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def checked(settings: Sequence[Setting], values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Values of settings by name, each in its own type.

    >>> checked([Setting("most", float, 1.0)], {"most": 2}, "--game dann")
    {'most': 2.0}

    Args:
        settings: the known ones.
        values: from Python, TOML or JSON.
        what: whose settings they are, in an error message.

    Raises:
        UsageError: for a name that is not among the settings, or a value that does not fit.
    """
    known = {setting.name: setting for setting in settings}
    for name in values:
        if name not in known:
            raise UsageError(
                f"{what} has no setting {name!r}{suggestion(name, known)}; it has {', '.join(known) or 'none'}"
            )
    return {name: known[name].check(value) for name, value in values.items()}
