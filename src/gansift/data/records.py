"""Tables of numbers and categories as a source of examples."""

from __future__ import annotations

import csv
import io
import logging
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from gansift.data.columns import LABEL, Column
from gansift.data.csv_table import is_csv_name, is_zipped_csv, read_csv
from gansift.data.encoding import IMPUTE, Encoding
from gansift.data.examples import Examples, Splits
from gansift.data.hashing import row_ids
from gansift.data.held_out import with_test
from gansift.data.layout import split_name
from gansift.data.names import shown
from gansift.data.parquet import PARQUET, is_of_images, read_parquet
from gansift.data.table import Field, Table, content_hashes
from gansift.errors import DataError, UsageError
from gansift.named import suggestion

_log = logging.getLogger(__name__)

# More categories than this are not told apart by one number each; nor is what is different in most rows.
MOST_CATEGORIES = 256
_FEW = 20

# Whole numbers as labels are classes if there are at most so many.
_MOST_CLASSES = 100

# Beyond this, squares of numbers overflow.
_LARGEST = 1e150

_SHOWN = 5


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for; those that are not named here are what x is made of.

    Attributes:
        label: the column that is the label.
        group: columns that are kept beside x, such as sex or race.
        ignore: columns that are not read.
        include: those of the label and the groups that are part of x, too.
        impute: what stands for a missing number: ``mean``, ``median``, or None, which refuses such a table.

    Raises:
        UsageError: if a column has two roles, or nothing of that name can stand for a missing number.
    """

    label: str | None = None
    group: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    impute: str | None = None

    def __post_init__(self) -> None:
        roles = [*(() if self.label is None else (self.label,)), *self.group, *self.ignore]
        twice = [name for name in roles if roles.count(name) > 1]
        if twice:
            raise UsageError(f"column {twice[0]!r} is named twice among --label, --group and --ignore")
        if LABEL in self.group and self.label is not None:
            raise UsageError(f"a group cannot be called {LABEL!r} beside a label: rename that column")
        stray = [name for name in self.include if name not in (self.label, *self.group)]
        if stray:
            raise UsageError(f"--include names a label or a group that is part of x, too; {stray[0]!r} is neither")
        if self.impute is not None and self.impute not in IMPUTE:
            raise UsageError(f"--impute {self.impute!r} is unknown; give {' or '.join(IMPUTE)}")

    @classmethod
    def parse(cls, label: str | None, group: str, ignore: str, include: str, impute: str | None) -> Roles:
        """Roles as the command line has them: names with commas between them.

        Raises:
            UsageError: as the constructor.
        """
        return cls(label, parse_columns(group), parse_columns(ignore), parse_columns(include), impute)

    def __bool__(self) -> bool:
        return self != NO_ROLES

    @property
    def flags(self) -> list[str]:
        """The command line's flags for them."""
        flags = [] if self.label is None else ["--label", shown(self.label)]
        for flag, names in (("group", self.group), ("ignore", self.ignore), ("include", self.include)):
            flags += [f"--{flag}", listed_columns(names)] if names else []
        return flags if self.impute is None else [*flags, "--impute", self.impute]

    @property
    def beside(self) -> dict[str, str]:
        """The columns beside x: what examples call them, and the table."""
        groups = {name: name for name in self.group}
        return groups if self.label is None else {LABEL: self.label, **groups}

    def check(self, names: Sequence[str], where: str) -> None:
        """Refuse roles of columns that are not there.

        Args:
            names: of the columns that are there.
            where: what has them, for the message.

        Raises:
            UsageError: with the names that are there, the nearest first.
        """
        for option, wanted in (("label", (self.label,)), ("group", self.group), ("ignore", self.ignore)):
            for name in wanted:
                if name is not None and name not in names:
                    near, there = suggestion(name, names), ", ".join(map(shown, names))
                    raise UsageError(f"--{option} {name}: {where} has no such column{near}. It has {there}.")


NO_ROLES = Roles()


class Problem(NamedTuple):
    """What keeps a table from being trained on.

    Attributes:
        what: the column and what is wrong with it.
        ignore: the column without which it would be gone; None if that is no remedy.
        impute: whether it would also be gone if something stood for missing numbers.
    """

    what: str
    ignore: str | None = None
    impute: bool = False


@dataclass(frozen=True, eq=False)
class Records:
    """A table that is read and not yet encoded: for that one must know which rows are trained on.

    Attributes:
        name: of the file.
        table: all columns that are not ignored.
        roles: what they are for.
        rows: the examples; their x is int64 (N, 1), the position of the row, until `encode` puts numbers in its place.
    """

    name: str
    table: Table
    roles: Roles
    rows: Examples

    @classmethod
    def of(cls, name: str, table: Table, roles: Roles) -> Records:
        """The records of a table whose columns have these roles.

        Raises:
            UsageError: if a role is of a column that is not there, or a group holds fractions.
        """
        roles.check([*(part.name for part in table.fields), *table.ignored], shown(name))
        table, parts = _without_split(table, {roles.label, *roles.group})
        beside = {roles.label, *roles.group} - set(roles.include)
        # Rows that are alike but for their label or group stay together. Were they apart, whoever learns the group of
        # one from training rows would always be told the other one's, and do worse than guessing on test rows.
        content = [part for part in table.fields if part.name not in beside]
        # With nothing left of it there is one content; `problems` says so.
        hashes = content_hashes(content) if content else ("",) * len(table)
        columns = {column: _beside(table[part], column) for column, part in roles.beside.items()}
        positions = torch.arange(len(table))[:, None]
        rows = Examples(row_ids(name, hashes), positions, columns, ("",) * len(table), hashes, parts=parts)
        return cls(name, table, roles, rows)

    def with_roles(self, roles: Roles) -> Records:
        """The same table with other roles for its columns.

        Raises:
            UsageError: as `of`.
        """
        kept = tuple(part for part in self.table.fields if part.name not in roles.ignore)
        ignored = tuple(part.name for part in self.table.fields if part.name in roles.ignore)
        return Records.of(self.name, Table(kept, (*self.table.ignored, *ignored)), roles)

    @property
    def features(self) -> tuple[Field, ...]:
        """The columns that x is made of."""
        beside = {self.roles.label, *self.roles.group} - set(self.roles.include)
        return tuple(part for part in self.table.fields if part.name not in beside)

    def at(self, examples: Examples) -> list[Field]:
        """The features of some of the rows."""
        positions = examples.x[:, 0].numpy()
        return [replace(part, values=part.values[positions]) for part in self.features]

    def problems(self) -> list[Problem]:
        """What keeps the table from being trained on."""
        found = [problem for part in self.features for problem in _problems(part, self.roles)]
        if not self.features:
            found.append(Problem("no column is left to train on: give fewer of them to --label, --group and --ignore"))
        if self.roles.label is not None:
            label = self.table[self.roles.label]
            found += _too_large(label)
            if label.missing.any():
                missing = f"{label.missing.sum():,} of {len(label):,} rows"
                found.append(Problem(f"{shown(label.name)}: {missing} have no label; label all rows or none"))
        return found

    def check(self) -> None:
        """Refuse a table that cannot be trained on.

        Raises:
            DataError: with what is wrong, and what to do.
        """
        problems = self.problems()
        if problems:
            more = [f"  and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
            first = [f"  {problem.what}" for problem in problems[:_SHOWN]]
            lines = [f"{shown(self.name)} cannot be used as it is:", *first, *more, *remedies(problems)]
            raise DataError("\n".join(lines))


def remedies(problems: Sequence[Problem]) -> list[str]:
    """What to do, a sentence for each kind of problem."""
    ignored = [problem.ignore for problem in problems if problem.ignore is not None]
    found = [f"--ignore {shlex.quote(listed_columns(ignored))} goes on without such columns."] if ignored else []
    if any(problem.impute for problem in problems):
        found.append("--impute median lets the median of the training rows stand for missing numbers.")
    return found


def parse_columns(text: str) -> tuple[str, ...]:
    """Names of columns from a list with commas; a name that has a comma stands in double quotes.

    Examples:
        >>> parse_columns('sex, "income, net"')
        ('sex', 'income, net')
    """
    return tuple(name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row)


def listed_columns(names: Sequence[str]) -> str:
    """Names of columns as `parse_columns` reads them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(map(shown, names))
    return text.getvalue()


def is_records(path: Path) -> bool:
    """Whether a file is a table of numbers and categories, or is named like one."""
    if path.suffix.lower() == PARQUET:
        return not is_of_images(path)
    return is_csv_name(path.name) or (path.suffix.lower() == ".zip" and is_zipped_csv(path))


def open_records(path: Path, roles: Roles) -> Records:
    """The records of a CSV or Parquet file.

    Raises:
        DataError: if it cannot be read.
        UsageError: if a role is of a column that is not there.
    """
    read = read_parquet if path.suffix.lower() == PARQUET else read_csv
    return Records.of(path.name, read(path, roles.ignore), roles)


def encode(splits: Splits, records: Records) -> Splits:
    """Splits of `Records.rows` with x in place: standardised and one-hot as fitted on the training rows alone.

    Categories that no training row has are said in the log; they are 0 everywhere.

    Args:
        splits: of the rows of records that have been checked (:meth:`Records.check`).
        records: the table.

    Raises:
        DataError: if a number is missing and nothing stands for it.
    """
    encoding = _fitted(records, splits.train)
    train, valid, test = (encoded(part, records, encoding) for part in (splits.train, splits.valid, splits.test))
    return replace(splits, train=train, valid=valid, test=test, encoding=encoding)


def _fitted(records: Records, train: Examples) -> Encoding:
    """The encoding that is fitted on these rows."""
    columns = {name: column.names for name, column in records.rows.columns.items()}
    return Encoding.fit(records.at(train), impute=records.roles.impute, columns=columns, label=records.roles.label)


def split_with_test(records: Records, held_out: Records, split: Callable[[Examples], Splits], other: str) -> Splits:
    """Splits of a table that is tested with the rows of another, encoded as its training rows are.

    Args:
        records: to train on and to choose with.
        held_out: to test with.
        split: makes the splits of examples.
        other: what the second table is called.

    Raises:
        DataError: as `encode` and `encode_like`.
        UsageError: as :func:`gansift.data.held_out.with_test`.
    """
    # Columns beside x are left to `encode_like`, which gives them the numbers of the training data.
    bare, tested = (replace(one.rows, columns={}) for one in (records, held_out))
    splits = split(with_test(bare, tested, records.name, other))
    train, valid = (records.rows.subset(part.x[:, 0]) for part in (splits.train, splits.valid))
    encoding = _fitted(records, train)
    test = encode_like(held_out, encoding).subset(splits.test.x[:, 0])
    train, valid = (encoded(part, records, encoding) for part in (train, valid))
    return replace(splits, train=train, valid=valid, test=test, encoding=encoding)


def encode_like(records: Records, encoding: Encoding) -> Examples:
    """All rows of another table, encoded as the training rows of the first one were; for your own test data.

    Raises:
        DataError: if a column is not there or of another kind, a number is missing, or a label or group has a
            category that the first table lacks.
    """
    columns = {}
    for name, names in encoding.columns.items():
        if name not in records.rows.columns:
            raise DataError(f"{shown(records.name)} has no column for {shown(name)!r}, which the training data have")
        columns[name] = _renumbered(records.rows.columns[name], names, f"{shown(name)!r} of {shown(records.name)}")
    return replace(encoded(records.rows, records, encoding), columns=columns)


def encoded(examples: Examples, records: Records, encoding: Encoding) -> Examples:
    """Some rows of `Records.rows` with x in place; categories that the encoding does not know are said in the log.

    Raises:
        DataError: if a column is not there or of another kind, or a number is missing.
    """
    fields = records.at(examples)
    for name, counts in encoding.unknown(fields).items():
        first = ", ".join(f"{shown(category)!r} ({count})" for category, count in list(counts.items())[:_SHOWN])
        _log.warning(
            "%s: %d rows have a %s that no training row has, %s%s; it is 0 in all of its places",
            shown(records.name), sum(counts.values()), shown(name), first, ", ..." if len(counts) > _SHOWN else "",
        )  # fmt: skip
    return replace(examples, x=encoding.encode(fields), resize=encoding.digest())


def _without_split(table: Table, named: Collection[str | None]) -> tuple[Table, tuple[str, ...]]:
    """The table without its column ``split``, and the split of each row; all of it and () if it has none.

    Raises:
        DataError: if some rows alone are in a split.
    """
    part = next((part for part in table.fields if part.name.strip().casefold() == "split"), None)
    if part is None or part.name in named or part.names is None or not any(map(split_name, part.names)):
        return table, ()
    other = [name for name in part.names if split_name(name) is None]
    if other:
        raise DataError(
            f"column {shown(part.name)}: a split is train, valid or test, and some rows have {shown(other[0])!r}. Give "
            f"all rows a split, or go on without the column with --ignore {shlex.quote(shown(part.name))}."
        )
    split = [split_name(name) or "" for name in part.names]
    kept = tuple(other for other in table.fields if other is not part)
    return replace(table, fields=kept), tuple(split[code] for code in part.values.tolist())


def _beside(part: Field, column: str) -> Column:
    """A label or a group: categories, or, for a label, numbers where they are fractions or many."""
    if part.names is None and part.whole and (column != LABEL or len(np.unique(part.values)) <= _MOST_CLASSES):
        part = part.as_categories()
    if part.names is not None:
        return Column(torch.from_numpy(part.values.astype(np.int64)), part.names)
    if column != LABEL:
        raise UsageError(f"--group {column}: it holds fractions, and groups are categories; put ranges in their place")
    return Column(torch.from_numpy(part.values.astype(np.float32)))


def _problems(part: Field, roles: Roles) -> Iterator[Problem]:
    name, rows = shown(part.name), f"{len(part):,} rows"
    if part.names is not None:
        count = len(part.names)
        if count > MOST_CATEGORIES or (count > _FEW and count > len(part) / 2):
            odd = f", such as {part.odd}" if part.odd else ""
            yield Problem(f"{name}: {count:,} different values in {rows}{odd}; too many for categories", part.name)
        return
    yield from _too_large(part)
    mostly_there = bool(part.missing.mean() <= 0.5)
    if part.missing.any() and roles.impute is None:
        yield Problem(f"{name}: {part.missing.sum():,} numbers in {rows} are missing", part.name, mostly_there)


def _too_large(part: Field) -> Iterator[Problem]:
    large = ~part.missing & ~(np.abs(part.values) <= _LARGEST) if part.names is None else np.array([False])
    if large.any():
        found = f"{large.sum():,} numbers in {len(part):,} rows are infinite or too large"
        yield Problem(f"{shown(part.name)}: {found}", part.name)


def _renumbered(column: Column, names: tuple[str, ...] | None, what: str) -> Column:
    """A column whose categories have the numbers that these names have."""
    if (column.names is None) != (names is None):
        raise DataError(f"{what} is of another kind (numbers or categories) than in the training data")
    if column.names is None or names is None:
        return column
    stray = [name for name in column.names if name not in names]
    if stray:
        raise DataError(f"{what} has values that the training data lack: {', '.join(map(shown, stray[:_SHOWN]))}")
    order = torch.tensor([names.index(name) for name in column.names], dtype=torch.int64)
    return Column(order[column.values], names)
