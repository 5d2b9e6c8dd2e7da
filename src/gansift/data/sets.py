"""Several named sources: ``NAME=SOURCE``, each with splits of its own."""

from __future__ import annotations

import hashlib
import json
import keyword
import os
from collections.abc import Sequence
from pathlib import Path

from gansift.data.alike import encode_alike, have_same_columns
from gansift.data.collection import Collection
from gansift.data.examples import Examples, Splits
from gansift.data.grey import AUTO, parse_span
from gansift.data.layout import SPLITS
from gansift.data.names import shown
from gansift.data.records import NO_ROLES, Records, Roles
from gansift.data.resize import USUAL
from gansift.data.sources import Reading, cut_rows, open_source, splits_of
from gansift.data.splits import FRACTIONS
from gansift.errors import UsageError

# The name of a set that was given none.
USUAL_NAME = "data"

# What is not the name of a set but of the data to test with.
TEST = "test"


class DataSets(dict[str, Splits]):
    """Data sets by name, in the order in which they were given."""

    @property
    def only(self) -> Splits:
        """The one data set.

        Raises:
            UsageError: if there are several.
        """
        if len(self) != 1:
            raise UsageError(f"one data set is wanted here, and there are {len(self)}: {', '.join(self)}")
        return next(iter(self.values()))

    @property
    def train(self) -> dict[str, Examples]:
        """The training examples of each."""
        return {name: splits.train for name, splits in self.items()}

    @property
    def valid(self) -> dict[str, Examples]:
        """The validation examples of each."""
        return {name: splits.valid for name, splits in self.items()}

    @property
    def test(self) -> dict[str, Examples]:
        """The test examples of each."""
        return {name: splits.test for name, splits in self.items()}

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of names, order and digests of all splits."""
        parts = [[name, *(getattr(splits, part).digest() for part in SPLITS)] for name, splits in self.items()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def parse_source(source: str) -> tuple[str | None, str]:
    """The name and the path of ``NAME=SOURCE``; the name is None where there is none.

    What is there under that path is a source without a name, and so is what has a slash before the ``=``.

    >>> parse_source("real=eyes.zip"), parse_source("./a=b")
    (('real', 'eyes.zip'), (None, './a=b'))

    Raises:
        UsageError: if the name is no word of letters, digits and underscores, or there is no source behind it.
    """
    name, equals, path = source.partition("=")
    if not equals or "/" in name or os.sep in name or os.path.lexists(source):
        return None, source
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(
            f"{shown(source)}: a data set is named by letters, digits and underscores, and {shown(name)!r} is no such "
            f"name. A path with = in it is given as ./{shown(source)}"
        )
    if not path:
        raise UsageError(f"{shown(source)}: there is no source behind the =")
    return name, path


def parse_sources(sources: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Sources by the names of their sets, in their order; and that of the data to test with, ``test=SOURCE``, or None.

    Raises:
        UsageError: if two are of one name, one without a name is not alone, or it cannot be told what is to be tested.
    """
    by_name: dict[str, str] = {}
    parsed = [parse_source(source) for source in sources]
    for name, path in parsed:
        if name in by_name:
            raise UsageError(f"two data sets are named {name}: {by_name[name]} and {path}")
        if name is None and len([one for one, _ in parsed if one != TEST]) > 1:
            raise UsageError(f"{shown(path)} has no name; of several data sets each needs one, such as a={shown(path)}")
        by_name[name or USUAL_NAME] = path
    test = by_name.pop(TEST, None)
    if not by_name:
        raise UsageError("there is no data set; give a source" + (" beside the one to test with" if test else ""))
    if test is not None and len(by_name) > 1:
        raise UsageError(f"test={shown(test)} goes with one data set, not with {', '.join(by_name)}")
    return by_name, test


def load_sets(
    sources: Sequence[str],
    *,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    labels: str | os.PathLike[str] | None = None,
    size: int | None = None,
    resize: str = USUAL,
    skip_bad: bool = False,
    cache: Path | None = None,
    roles: Roles = NO_ROLES,
    test: str | None = None,
    turn: float = 0.0,
    range: str = AUTO,
) -> DataSets:
    """Load data sets that are given as on the command line.

    Args:
        sources: ``SOURCE`` alone, whose set is named "data", or ``NAME=SOURCE`` for each; ``test=SOURCE`` holds the
            data to test with.
        seed: decides the splits, as for :func:`gansift.data.load`.
        fractions: of train, valid and test, for each set alike.
        labels: a label file; for one set only.
        size: side in pixels to which image files are resized; of several sets, those that are image files.
        resize: by which convention.
        skip_bad: leave unusable image files out.
        cache: a folder for decoded pixels; of several sets, each has its own in there.
        roles: of the columns of tables; several tables of the same columns are encoded alike.
        test: the same as ``test=SOURCE``.
        turn: of each split, as for ``load``.
        range: the values of 16-bit grey images that are black and white, as for :func:`gansift.data.load`.

    Raises:
        UsageError: as :func:`parse_sources` and ``load``, or if one label file is given for several sets.
        DataError: as ``load``.
    """
    by_name, tested = parse_sources([*sources, *([] if test is None else [f"{TEST}={test}"])])
    reading = Reading(seed, fractions, labels, size, resize, skip_bad, cache, roles, turn, parse_span(range))
    found = {name: open_source(source, seed, roles) for name, source in by_name.items()}
    if len(by_name) == 1:
        return DataSets({name: splits_of(found[name], source, reading, tested) for name, source in by_name.items()})
    if labels is not None:
        raise UsageError("--labels goes with one data set; put metadata.csv or dataset.json beside the images of each")
    for option, value in (("size", size), ("range", reading.span)):
        if value is not None and not any(isinstance(one, Collection) for one in found.values()):
            raise UsageError(
                f"--{option} goes with image files only, and none of {', '.join(by_name.values())} is such"
            )
    ways = {name: reading.beside(one, name) for name, one in found.items()}
    tables = {name: one for name, one in found.items() if isinstance(one, Records)}
    alike = {}
    if len(tables) > 1 and have_same_columns(tables):
        rows = {name: cut_rows(one, by_name[name], ways[name]) for name, one in tables.items()}
        alike = encode_alike(tables, rows)
    return DataSets(
        {
            name: alike[name] if name in alike else splits_of(found[name], source, ways[name])
            for name, source in by_name.items()
        }
    )
