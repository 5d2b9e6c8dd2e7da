"""A table as a Parquet file, for whoever has the extra ``table``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gansift.errors import GansiftError
from gansift.files import write_atomically


def write_table(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns of one length as a Parquet file, atomically; None is a missing value.

    Raises:
        GansiftError: if pyarrow is not installed, or the file cannot be written.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise GansiftError(
            f"writing a Parquet file needs pyarrow ({error}); install it with pip install 'gansift[table]'"
        ) from error
    table = pyarrow.table(dict(columns))
    write_atomically(path, lambda temporary: parquet.write_table(table, temporary))
