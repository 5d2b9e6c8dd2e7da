"""Dataclasses to JSON and back, checked against their type hints; what does not fit is named."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gansift.errors import GansiftError

_Record = TypeVar("_Record")
_PLAIN = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


def to_json(value: Any) -> Any:
    """A value as JSON holds it: dataclasses and mappings become dicts, tuples and lists become lists.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Interval:
    ...     ends: tuple[float, float]
    >>> to_json({"change": Interval((-2.0, -1.0))})
    {'change': {'ends': [-2.0, -1.0]}}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, tuple | list) else value


def from_json(kind: type[_Record], value: Any, place: str = "") -> _Record:
    """A dataclass from the dict that `to_json` made of it.

    A field that is missing takes its default; names that the dataclass does not have are passed over, so that a file
    of a later version can be read.

    Args:
        kind: the dataclass. Its fields are numbers, text, tuples, dicts and dataclasses, each perhaps None.
        value: what JSON held.
        place: where ``value`` stands in the file, such as ``test``; empty for the whole.

    Raises:
        GansiftError: naming the first field that is missing or holds something else.
    """
    if not isinstance(value, Mapping):
        raise _misfit(place, "an object", value)
    hints, content = get_type_hints(kind), {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = f"{place}.{field.name}" if place else field.name
        if field.name in value:
            content[field.name] = _read(hints[field.name], value[field.name], name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise GansiftError(f"{name} is missing")
    return kind(**content)


def _read(kind: Any, value: Any, place: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):  # something, or None
        if value is None:
            return None
        return _read(next(one for one in arguments if one is not types.NoneType), value, place)
    if is_dataclass(kind):
        return from_json(kind, value, place)  # type: ignore[arg-type]
    if origin is tuple:
        return _tuple(arguments, value, place)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _misfit(place, "an object", value)
        return {key: _read(arguments[1], item, f"{place}.{key}") for key, item in value.items()}
    if origin is Literal and value not in arguments:
        raise _misfit(place, " or ".join(map(str, arguments)), value)
    if kind in _PLAIN and not _is_plain(kind, value):
        raise _misfit(place, _PLAIN[kind], value)
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    """Any number of one kind, ``tuple[float, ...]``, or one of each, ``tuple[float, float]``."""
    if not isinstance(value, list | tuple):
        raise _misfit(place, "a list", value)
    kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
    if len(kinds) != len(value):
        raise _misfit(place, f"a list of {len(kinds)}", value)
    return tuple(
        _read(kind, item, f"{place}[{row}]") for row, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _is_plain(kind: type, value: Any) -> bool:
    """Whether a value is of that kind; a whole number is a number, too, and truth is none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _misfit(place: str, expected: str, value: Any) -> GansiftError:
    shown = repr(value)
    return GansiftError(
        f"{place or 'the whole'} should be {expected}, not {shown if len(shown) <= 40 else f'{shown[:40]}…'}"
    )
