"""Tables of who rated what, how and when, as they are released: rows that are no examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from gansift.data.csv_table import csv_columns, is_csv_name, is_zipped_csv, read_csv
from gansift.data.names import shown
from gansift.data.parquet import PARQUET, parquet_columns, read_parquet
from gansift.data.table import MISSING, Field, Table
from gansift.errors import DataError, UsageError
from gansift.named import suggestion

_DAY = 86_400.0
# Python 3.10 reads no more decimals of a second than six.
_MICROSECONDS = re.compile(r"(\.[0-9]{6})[0-9]+")
# Unix times from 1973 on, and how many of each there are in a second.
_UNIX = ((1e8, 1e10, 1.0), (1e11, 1e13, 1000.0))

# What the columns are usually called, the most usual first, without case, spaces and underscores.
_USUAL = {
    "user": ("user", "userid", "customer", "customerid", "subscriber", "person", "personid"),
    "item": ("item", "itemid", "movie", "movieid", "film", "product", "productid"),
    "value": ("value", "rating", "stars", "score"),
    "date": ("date", "timestamp", "time", "day"),
}


@dataclass(frozen=True, eq=False)
class Ratings:
    """A table of N ratings; a person may have rated an item more than once.

    Attributes:
        user: who rated, int32 (N,), numbers below ``people``.
        item: what was rated, int32 (N,), positions in ``items``.
        value: how, float64 (N,), NaN where that is missing; None where the table has no values.
        day: when, in days since 1970, float64 (N,), NaN where that is missing; None where the table has no dates.
        people: the number of people.
        items: what the items are called.
    """

    user: np.ndarray
    item: np.ndarray
    value: np.ndarray | None
    day: np.ndarray | None
    people: int
    items: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.user)

    def where(self, kept: np.ndarray) -> Ratings:
        """Some of the ratings; people and items keep their numbers.

        Args:
            kept: whether each is kept, bool (N,), or the positions of those that are.
        """
        value, day = (None if column is None else column[kept] for column in (self.value, self.day))
        return replace(self, user=self.user[kept], item=self.item[kept], value=value, day=day)


def read_ratings(path: Path, columns: Mapping[str, str | None]) -> tuple[Ratings, dict[str, str]]:
    """Read ratings from a CSV or Parquet file, and no other columns than theirs.

    Dates are texts like 2005-09-06, with a time of day or without, or Unix times in seconds or milliseconds.

    Args:
        path: of the file.
        columns: which column says who rated (``user``), what (``item``), how (``value``, a number) and when (``date``).
            None, or nothing, stands for the column with a usual name, such as ``userId``. Without such a column ratings
            have no values, or no dates.

    Returns:
        The ratings, and the columns that were read.

    Raises:
        UsageError: if the file is no CSV or Parquet file, or has not these columns.
        DataError: if it cannot be read, or a column holds what it cannot hold.
    """
    names, reader = _opened(path)
    found = _found(path, names, columns)
    table = reader(path, [name for name in names if name not in found.values()])
    users, items = (_named(path, table[found[role]]) for role in ("user", "item"))
    ratings = Ratings(
        user=users.values,
        item=items.values,
        value=_values(path, table[found["value"]]) if "value" in found else None,
        day=_days(path, table[found["date"]]) if "date" in found else None,
        people=len(users.names or ()),
        items=items.names or (),
    )
    return ratings, found


def _opened(path: Path) -> tuple[list[str], Callable[[Path, Sequence[str]], Table]]:
    """The names of all columns, and what reads the file without some of them."""
    if path.is_file() and path.suffix.lower() == PARQUET:
        return parquet_columns(path), read_parquet
    if path.is_file() and (is_csv_name(path.name) or (path.suffix.lower() == ".zip" and is_zipped_csv(path))):
        return csv_columns(path), read_csv
    raise UsageError(f"{shown(path)} is no CSV or Parquet file; give a table of who rated what, how and when")


def _found(path: Path, names: Sequence[str], asked: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each role that has one."""
    there = f"{shown(path)} has {', '.join(map(shown, names))}"
    found: dict[str, str] = {}
    for role, usual in _USUAL.items():
        name = asked.get(role)
        if name is None:
            name = _usually(names, usual)
        elif name not in names:
            raise UsageError(f"--{role} {name}: there is no such column{suggestion(name, names)}; {there}")
        if name is not None:
            found[role] = name
        elif role in ("user", "item"):
            raise UsageError(f"no column is called {role} or the like, so name it by --{role}; {there}")
    twice = [name for name in found.values() if list(found.values()).count(name) > 1]
    if twice:
        roles = " and ".join(f"--{role}" for role, name in found.items() if name == twice[0])
        raise UsageError(f"column {shown(twice[0])} cannot be {roles} at once; {there}")
    return found


def _usually(names: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column with the most usual name of these."""
    plain = {name.lower().replace("_", "").replace(" ", ""): name for name in reversed(names)}
    return next((plain[name] for name in usual if name in plain), None)


def _named(path: Path, field: Field) -> Field:
    """People or items, by name."""
    if field.missing.any():
        row = int(field.missing.argmax()) + 1
        raise DataError(f"{shown(path)}: column {shown(field.name)} holds nothing in row {row} below the header")
    if not field.whole and field.names is None:
        raise DataError(
            f"{shown(path)}: column {shown(field.name)} holds numbers that are not whole, which name nothing"
        )
    return field.as_categories()


def _values(path: Path, field: Field) -> np.ndarray:
    if field.names is not None:
        odd = field.odd or repr(shown(field.names[0]))
        raise DataError(
            f"{shown(path)}: column {shown(field.name)} holds {odd}, but values must be numbers; name another by "
            "--value"
        )
    return field.values


def _days(path: Path, field: Field) -> np.ndarray:
    """Days since 1970, NaN where a date is missing."""
    if field.names is not None:
        days = np.array([np.nan if text == MISSING else _day(path, field.name, text) for text in field.names])
        return days[field.values]
    present = field.values[~field.missing]
    for least, most, parts in _UNIX:
        if len(present) and least <= present.min() and present.max() < most:
            return field.values / (parts * _DAY)
    raise DataError(
        f"{shown(path)}: the numbers of column {shown(field.name)} are no Unix times since 1973 in seconds or "
        "milliseconds; write dates like 2005-09-06, or name another column by --date"
    )


def _day(path: Path, name: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(_MICROSECONDS.sub(r"\1", text.strip().replace("Z", "+00:00")))
    except ValueError:
        raise DataError(
            f"{shown(path)}: column {shown(name)} holds {shown(text)!r}; write dates like 2005-09-06, or name another "
            "column by --date"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() / _DAY
