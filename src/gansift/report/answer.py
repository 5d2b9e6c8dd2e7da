"""What an audit answers, in a form that the terminal and the page show without knowing the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from gansift.errors import GansiftError
from gansift.files import broken_seal, read_json, remove_sealed, write_sealed, write_sealed_json
from gansift.notebook import table
from gansift.report import typed
from gansift.report.words import MINUS


@dataclass(frozen=True)
class Number:
    """One number that was measured.

    Attributes:
        value: the value of the number.
        ci95: the ends of its 95 % interval, or None where there is none.
        meaning: what the number is, in a clause.
        expected: the value if nothing is wrong, or None where there is no such value.
    """

    value: float
    ci95: tuple[float, float] | None = None
    meaning: str = ""
    expected: float | None = None

    def told(self, form: str = ".3f") -> str:
        """The value with its interval, as sentences and cells of tables have it.

        >>> Number(0.5, (0.25, 0.75)).told(), Number(0.5, (-0.25, 1.25)).told("+.1f"), Number(2).told()
        ('0.500 (0.250 to 0.750)', '+0.5 (−0.2 to +1.2)', '2.000')

        Args:
            form: of each number, as `format` takes it.
        """
        ends = "" if self.ci95 is None else f" ({' to '.join(format(end, form) for end in self.ci95)})"
        return f"{self.value:{form}}{ends}".replace("-", MINUS)


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers.

    Attributes:
        columns: headings.
        rows: one cell for each heading: text, a number, or None.
        note: a sentence below the table, or "".
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Curves:
    """Lines in one pair of axes.

    Attributes:
        x: what stands on the horizontal axis, with its unit.
        y: what stands on the vertical axis, with its unit.
        lines: by name, the two coordinates of each line's points.
        note: a sentence below the chart, or "".
    """

    x: str
    y: str
    lines: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    note: str = ""


@dataclass(frozen=True)
class Scatter:
    """Points of several kinds in one pair of axes.

    Attributes:
        x: what stands on the horizontal axis, with its unit.
        y: what stands on the vertical axis, with its unit.
        points: by kind, the two coordinates of its points.
        note: a sentence below the chart, or "".
    """

    x: str
    y: str
    points: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Groups of examples or samples to look at, such as pairs.

    Attributes:
        headings: what each place of a group holds, such as ("sample", "nearest training example").
        x: the groups, shape (N, len(headings), *shape of an example): images in [-1, 1], or points.
        captions: one for each group.
        note: a sentence below the gallery, or "".
    """

    headings: tuple[str, ...]
    x: np.ndarray
    captions: tuple[str, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if self.x.shape[:2] != (len(self.captions), len(self.headings)):
            raise ValueError(
                f"{len(self.captions)} captions and {len(self.headings)} headings, but x of shape {self.x.shape}"
            )


@dataclass(frozen=True)
class Answer:
    """What an audit found.

    Attributes:
        audit: the name of the audit, fit for a file name.
        verdict: one sentence in plain words.
        finding: whether the audit found something against the run or the data; None if it cannot tell.
        numbers: the numbers, by name.
        tables: the tables, by title.
        curves: the curves, by title.
        pictures: the galleries, by title.
        shown: what the numbers show, a sentence each.
        not_shown: what they do not show, a sentence each.
        badge: the verdict in two or three words; empty for words that are made of ``finding``.
        groups: ids of training examples that belong together, by name; `--remove-groups` removes them whole.
        scatters: the charts of points, by title.
    """

    audit: str
    verdict: str
    finding: bool | None
    numbers: dict[str, Number]
    tables: dict[str, Table] = field(default_factory=dict)
    curves: dict[str, Curves] = field(default_factory=dict)
    pictures: dict[str, Gallery] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    not_shown: tuple[str, ...] = ()
    badge: str = ""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scatters: dict[str, Scatter] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Answer({self.audit!r}, {self.verdict!r}, finding={self.finding})"

    def _repr_html_(self) -> str:
        """Verdict, numbers with their intervals, and tables, in a notebook."""
        numbers = [
            (name, one.value, None if one.ci95 is None else "{:.3g} to {:.3g}".format(*one.ci95), one.meaning)
            for name, one in self.numbers.items()
        ]
        parts = [table(f"{self.audit}: {self.verdict}", ("", "value", "95 % interval", "meaning"), numbers)]
        parts += [table(title, one.columns, one.rows, one.note) for title, one in self.tables.items()]
        return "".join(parts)

    def to_json(self) -> dict[str, Any]:
        """What ``gansift audit --json`` prints.

        >>> Answer("copies", "No copies.", False, {"close_share": Number(0.04, (0.03, 0.06))}).to_json()
        {'audit': 'copies', 'verdict': 'No copies.', 'finding': False, \
'numbers': {'close_share': {'value': 0.04, 'ci95': [0.03, 0.06]}}}
        """
        numbers = {
            name: {"value": number.value, "ci95": None if number.ci95 is None else list(number.ci95)}
            for name, number in self.numbers.items()
        }
        return {"audit": self.audit, "verdict": self.verdict, "finding": self.finding, "numbers": numbers}


@dataclass(frozen=True)
class _Stored:
    """An answer as its JSON file holds it: galleries without their arrays, which lie in a file beside it."""

    audit: str
    verdict: str
    finding: bool | None
    numbers: dict[str, Number]
    tables: dict[str, Table]
    curves: dict[str, Curves]
    pictures: dict[str, _StoredGallery]
    shown: tuple[str, ...]
    not_shown: tuple[str, ...]
    badge: str = ""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scatters: dict[str, Scatter] = field(default_factory=dict)


@dataclass(frozen=True)
class _StoredGallery:
    headings: tuple[str, ...]
    captions: tuple[str, ...]
    note: str


def write_answer(folder: Path, answer: Answer) -> None:
    """Write an answer as ``<audit>.json`` and, where it has pictures, ``<audit>.safetensors``.

    Args:
        folder: such as ``audits`` of a run directory; made if it is not there.
        answer: to write; an earlier one of the same audit is replaced.

    Raises:
        GansiftError: if a file cannot be written.
    """
    pictures = {
        title: _StoredGallery(gallery.headings, gallery.captions, gallery.note)
        for title, gallery in answer.pictures.items()
    }
    arrays = {title: np.ascontiguousarray(gallery.x) for title, gallery in answer.pictures.items()}
    beside = folder / f"{answer.audit}.safetensors"
    if arrays:
        write_sealed(beside, save(arrays))
    else:
        remove_sealed(beside)
    write_sealed_json(folder / f"{answer.audit}.json", typed.to_json({**_parts(answer), "pictures": pictures}))


def read_answer(path: Path) -> Answer:
    """The answer in ``<audit>.json``.

    Raises:
        GansiftError: naming the file, and the field, if it is damaged.
    """
    try:
        stored = typed.from_json(_Stored, read_json(_unbroken(path)))
        arrays = load_file(_unbroken(path.with_suffix(".safetensors"))) if stored.pictures else {}
        pictures = {
            title: Gallery(gallery.headings, arrays[title], gallery.captions, gallery.note)
            for title, gallery in stored.pictures.items()
        }
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise GansiftError(f"{path} is damaged: {error}. {_remedy(path)}") from error
    except GansiftError as error:  # which names the file, or the field in it
        named = "" if str(path.parent) in str(error) else f"{path} is damaged: "
        raise GansiftError(f"{named}{error}. {_remedy(path)}") from error
    return Answer(**{**_parts(stored), "pictures": pictures})


def _unbroken(path: Path) -> Path:
    """The same file; one that is not as it was written is no answer."""
    if (reason := broken_seal(path)) is not None:
        raise GansiftError(reason)
    return path


def _remedy(path: Path) -> str:
    return f"Audit again, or delete {path.name} to go on without that answer."


def read_answers(folder: Path) -> tuple[Answer, ...]:
    """All answers in a folder, by name; none if there is no such folder.

    Raises:
        GansiftError: as `read_answer`.
    """
    return tuple(read_answer(path) for path in sorted(folder.glob("*.json")))


def _parts(answer: Answer | _Stored) -> Mapping[str, Any]:
    return dict(vars(answer))
