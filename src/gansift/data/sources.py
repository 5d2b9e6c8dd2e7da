"""What the person names as their data, and how it becomes splits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gansift.data.archive import open_archive
from gansift.data.builtin import BUILTINS
from gansift.data.collection import Collection
from gansift.data.examples import Examples, Splits
from gansift.data.folder import open_folder
from gansift.data.grey import AUTO, parse_span
from gansift.data.held_out import with_test
from gansift.data.image_tables import is_table_name, open_tables
from gansift.data.images import read_images
from gansift.data.names import shown
from gansift.data.npz import open_npz
from gansift.data.pixels import Span
from gansift.data.records import NO_ROLES, Records, Roles, encode, is_records, open_records, split_with_test
from gansift.data.resize import USUAL, check_resize
from gansift.data.splits import FRACTIONS, check_fractions, split
from gansift.errors import DataError, UsageError
from gansift.files import is_utf8


@dataclass(frozen=True)
class Reading:
    """How sources are read and split: the arguments of `load` that say so.

    Raises:
        UsageError: if the fractions, the size or the way of resizing make no sense.
    """

    seed: int = 0
    fractions: Sequence[float] = FRACTIONS
    labels: str | os.PathLike[str] | None = None
    size: int | None = None
    resize: str = USUAL
    skip_bad: bool = False
    cache: Path | None = None
    roles: Roles = NO_ROLES
    turn: float = 0.0
    span: Span | None = None

    def __post_init__(self) -> None:
        check_fractions(self.fractions)
        check_size(self.size, self.resize)

    def beside(self, found: Examples | Records | Collection, name: str) -> Reading:
        """How to read a source of this name beside others: resized only if it can be, and with a cache of its own."""
        of_files = (self.size, self.resize, self.span) if isinstance(found, Collection) else (None, USUAL, None)
        size, resize, span = of_files
        cache = None if self.cache is None else self.cache / name
        return replace(self, size=size, resize=resize, span=span, cache=cache)


def load(
    source: str | os.PathLike[str],
    *,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    labels: str | os.PathLike[str] | None = None,
    size: int | None = None,
    resize: str = USUAL,
    skip_bad: bool = False,
    cache: Path | None = None,
    label: str | None = None,
    group: Sequence[str] = (),
    ignore: Sequence[str] = (),
    include: Sequence[str] = (),
    impute: str | None = None,
    test: str | os.PathLike[str] | None = None,
    turn: float = 0.0,
    range: str = AUTO,
) -> Splits:
    """Load a source of examples and split it.

    Args:
        source: the name of a built-in data set, a folder or zip of images, a Parquet file or a folder of such, a
            ``.npz`` file, or a CSV file, plain or compressed. A built-in name wins over a folder of that name in the
            current one, which is reached as ``./name``.
        seed: decides the splits, and the points of the built-in normal distributions.
        fractions: of train, valid and test; three positive numbers with sum 1. Splits that the source has itself are
            used as they are; one that it lacks is taken from its training examples by these fractions.
        labels: a label file for a folder or zip, which takes precedence over labels that are found in it.
        size: side in pixels to which image files are resized.
        resize: by which convention (:mod:`gansift.data.resize`).
        skip_bad: leave unusable image files out; they are listed in ``Splits.skipped``.
        cache: a folder for decoded pixels of image files, so that each is decoded once; None keeps none.
        label: of a table: the column that is the label.
        group: columns of a table, or of the label file of images, that are kept beside x, such as sex;
            `Examples.columns` has them.
        ignore: of a table: columns that are not read.
        include: of a table: those of the label and the groups that are part of x, too.
        impute: of a table: what stands for a missing number, the ``mean`` or ``median`` of the training rows; None
            refuses such a table.
        test: a source of its own that holds the test examples: all of it, or its test split if it has one.
        turn: the same split, turned on by this share of the examples, see :func:`gansift.data.assign`; so each example
            can be held out once.
        range: the values of 16-bit grey images that are black and white, such as ``0,4095``; ``auto`` tells it from the
            values of all of them, as :mod:`gansift.data.grey` says.

    Raises:
        DataError: if the source is not there or cannot be used, or a split ends up empty.
        UsageError: if the fractions, the size or the way of resizing make no sense, or an option does not go with the
            source.
    """
    roles = Roles(label, tuple(group), tuple(ignore), tuple(include), impute)
    reading = Reading(seed, fractions, labels, size, resize, skip_bad, cache, roles, turn, parse_span(range))
    return splits_of(open_source(source, seed, roles), source, reading, test)


def splits_of(
    found: Examples | Records | Collection,
    source: str | os.PathLike[str],
    reading: Reading,
    test: str | os.PathLike[str] | None = None,
) -> Splits:
    """The splits of an opened source, and of another to test with.

    Raises:
        DataError, UsageError: as `load`.
    """
    name = source_name(source)
    cut = partial(split, name=name, seed=reading.seed, fractions=reading.fractions, turn=reading.turn)
    if isinstance(found, Records):
        return _splits_of_records(found, source, reading, cut, test)
    examples, skipped = _read(found, source, reading)
    if test is not None:
        tested = open_source(test, reading.seed, reading.roles)
        if isinstance(tested, Records):
            raise UsageError(f"{test}, to test with, is a table, and {source} is none")
        held_out, more = _read(tested, test, replace(reading.beside(tested, "test"), labels=None))
        examples, skipped = with_test(examples, held_out, name, source_name(test)), skipped + more
    return cut(examples, skipped=skipped)


def cut_rows(found: Records, source: str | os.PathLike[str], reading: Reading) -> Splits:
    """The splits of a table's rows (`Records.rows`), not yet encoded.

    Raises:
        DataError: if the table cannot be trained on.
        UsageError: if an option does not go with it.
    """
    _refuse_image_options(source, reading)
    found.check()
    return split(
        found.rows, name=source_name(source), seed=reading.seed, fractions=reading.fractions, turn=reading.turn
    )


def _splits_of_records(
    found: Records,
    source: str | os.PathLike[str],
    reading: Reading,
    cut: Callable[[Examples], Splits],
    test: str | os.PathLike[str] | None,
) -> Splits:
    if test is None:
        return encode(cut_rows(found, source, reading), found)
    _refuse_image_options(source, reading)
    found.check()
    tested = open_source(test, reading.seed, reading.roles)
    if not isinstance(tested, Records):
        raise UsageError(f"{source} is a table, and {test}, to test with, is none")
    return split_with_test(found, tested, cut, source_name(test))


def _refuse_image_options(source: str | os.PathLike[str], reading: Reading) -> None:
    for option, value in (("labels", reading.labels), ("size", reading.size), ("range", reading.span)):
        if value is not None:
            raise UsageError(f"--{option} goes with image files only, and {source} is none")


def _read(
    found: Examples | Collection, source: str | os.PathLike[str], reading: Reading
) -> tuple[Examples, tuple[tuple[str, str], ...]]:
    """The examples of an opened source, and (path, reason) of what was left out."""
    if isinstance(found, Examples):
        _refuse_image_options(source, reading)
        return found, ()
    if reading.labels is not None and found.kind == "table":
        raise UsageError(f"--labels goes with a folder or zip of images; the labels of {source} are a column of it")
    return read_images(
        found,
        labels=None if reading.labels is None else Path(reading.labels),
        size=reading.size,
        resize=reading.resize,
        skip_bad=reading.skip_bad,
        cache=reading.cache,
        span=reading.span,
        groups=reading.roles.group,
    )


def check_size(size: int | None, resize: str) -> None:
    """Refuse a size or a way of resizing that makes no sense.

    Raises:
        UsageError: if it does not.
    """
    if size is not None and size < 1:
        raise UsageError(f"the size must be at least 1 pixel, not {size}")
    check_resize(resize)
    if size is None and resize != USUAL:
        raise UsageError(f"--resize {resize} says how images become squares; say of how many pixels a side with --size")


def open_source(
    source: str | os.PathLike[str], seed: int = 0, roles: Roles = NO_ROLES
) -> Examples | Records | Collection:
    """The examples of a source that are no image files, the records of a table, or the collection of image files.

    Args:
        source: as for `load`.
        seed: decides the points of the built-in normal distributions.
        roles: of the columns of a table.

    Raises:
        DataError: if the source is not there, or is nothing of that kind.
        UsageError: if it is no table and columns have roles, or a table has no such column.
    """
    path = Path(source)
    if os.fspath(source) not in BUILTINS and path.exists() and not is_utf8(path.absolute()):
        raise DataError(
            f"the path {shown(path.absolute())} is not UTF-8, and is written down with what is made of these data; "
            "rename the folder or file"
        )
    builtin = BUILTINS.get(os.fspath(source))
    found = None if builtin is None else builtin(seed)
    if isinstance(found, Records):
        return found.with_roles(roles) if roles else found
    if found is None and path.is_file():
        if path.suffix.lower() == ".npz":
            return open_npz(path, roles)
        if is_records(path):
            return open_records(path, roles)
    if roles and found is not None:
        raise UsageError(f"--label, --group and --ignore name columns of a table, and {source} is none")
    if replace(roles, group=()) and path.exists():
        raise UsageError(
            f"--label and --ignore name columns of a table, and {source} is none; images take --group alone, a column "
            "of their label file"
        )
    if found is not None:
        return found
    if path.is_dir():
        folder = open_folder(path)
        tables = [name for name in folder.others if is_table_name(name)]
        return open_tables(path, tables) if tables and not folder.names else folder
    if not path.exists():
        raise DataError(
            f"{source} does not exist, and it is no built-in data set. Give a folder or zip of images, a CSV, "
            f"Parquet or .npz file, or one of {', '.join(BUILTINS)}."
        )
    if not path.is_file():  # reading a pipe would wait for ever
        raise DataError(f"{source} is neither a folder nor a regular file")
    if path.suffix.lower() == ".zip":
        return open_archive(path)
    if is_table_name(path.name):
        return open_tables(path.parent, [path.name])
    raise DataError(
        f"{source} is a file of another kind than .csv, .parquet, .npz or .zip (of images). Give one of these or the "
        "folder that holds the images, or save arrays with np.savez(path, x=..., y=...)."
    )


def source_name(source: str | os.PathLike[str]) -> str:
    """What a source is called in messages: a built-in name, or the last part of its path."""
    return os.fspath(source) if os.fspath(source) in BUILTINS else Path(source).resolve().name
