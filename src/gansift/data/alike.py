"""Several tables of the same columns, encoded alike: a number of x means the same in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gansift.data.encoding import Encoding
from gansift.data.examples import Splits
from gansift.data.names import shown
from gansift.data.records import Records, encoded
from gansift.data.table import Field
from gansift.errors import DataError, UsageError


def have_same_columns(tables: Mapping[str, Records]) -> bool:
    """Whether x would be made of the same columns in all of them, in whatever order."""
    return len({frozenset(part.name for part in table.features) for table in tables.values()}) == 1


def encode_alike(tables: Mapping[str, Records], splits: Mapping[str, Splits]) -> dict[str, Splits]:
    """Splits of several tables with x in place, standardised and one-hot as fitted on the training rows of all.

    Args:
        tables: by the name of the data set, of the same columns (`have_same_columns`) and with the same roles.
        splits: of the rows of each (`Records.rows`).

    Returns:
        The splits by the same names. Columns beside x, such as the label, keep the categories of their own table.

    Raises:
        DataError: if a column holds numbers in one table and categories in another, or a number is missing and nothing
            stands for it.
    """
    parts = {name: {part.name: part for part in table.at(splits[name].train)} for name, table in tables.items()}
    first, *_ = tables.values()
    pooled = [_pooled([part[one.name] for part in parts.values()], tables) for one in first.features]
    shared = Encoding.fit(pooled, impute=first.roles.impute, label=first.roles.label)
    made = {}
    for name, table in tables.items():
        columns = {beside: column.names for beside, column in table.rows.columns.items()}
        encoding = replace(shared, columns=columns)
        train, valid, test = (
            encoded(part, table, encoding) for part in (splits[name].train, splits[name].valid, splits[name].test)
        )
        made[name] = replace(splits[name], train=train, valid=valid, test=test, encoding=encoding)
    return made


def check_columns(data: Mapping[str, Splits]) -> None:
    """Refuse tables of other columns than one another's, whose numbers would mean other things to the same network.

    Args:
        data: splits by the name of the data set; those that are no tables are passed over.

    Raises:
        UsageError: naming what a data set lacks.
    """
    columns = {
        name: {part.name for part in splits.encoding.features}
        for name, splits in data.items()
        if splits.encoding is not None
    }
    every = set().union(*columns.values())
    lacking = [f"{name} lacks {shown(', '.join(sorted(every - own)))}" for name, own in columns.items() if every - own]
    if lacking:
        raise UsageError(
            f"{', '.join(columns)} must have the same columns, and {'; '.join(lacking)}. Leave out what not all have "
            "with --ignore."
        )


def _pooled(fields: Sequence[Field], tables: Mapping[str, Records]) -> Field:
    """A column of all tables, one below the other."""
    kinds = ["numbers" if one.names is None else "categories" for one in fields]
    if len(set(kinds)) > 1:
        told = ", ".join(f"{kind} in {shown(name)}" for name, kind in zip(tables, kinds, strict=True))
        raise DataError(f"the column {shown(fields[0].name)} holds {told}: these tables cannot be encoded alike")
    if kinds[0] == "numbers":
        return Field(fields[0].name, np.concatenate([one.values for one in fields]))
    texts = [name for one in fields for name in one.names or ()]
    starts = np.cumsum([0, *(len(one.names or ()) for one in fields)])
    codes = np.concatenate([one.values + start for one, start in zip(fields, starts, strict=False)])
    return Field.of_codes(fields[0].name, codes, texts)
