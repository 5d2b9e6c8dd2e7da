"""The result: one score per training example, with what is needed to read it."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gansift.data.cells import cell
from gansift.data.rows import read_rows
from gansift.errors import GansiftError, UsageError
from gansift.files import write_text
from gansift.notebook import table

if TYPE_CHECKING:
    import pandas

_COLUMNS = ("id", "score", "score_se", "rank", "metric", "direction", "estimator", "horizon", "steps", "removal", "run")
# What another tool may leave out.
_OPTIONAL = ("score_se", "rank", "run")
# Examples at each end that a notebook shows.
_SHOWN = 5
# What is the same for all rows of a file.
_OF_ALL = ("metric", "direction", "estimator", "horizon", "steps", "removal")


@dataclass(frozen=True)
class Scores:
    """Scores of training examples.

    A score is the predicted change of the metric if the example is removed from step T - horizon on, in the metric's
    own units. An example is *harmful* if its removal makes the metric better: a negative score where lower is better
    (FID), a positive one where higher is better (IS, ALL).

    Attributes:
        ids: the examples, in the order of the training data.
        values: float64, shape (N,).
        metric: name of the metric.
        direction: ``lower`` or ``higher`` is better.
        estimator: how they were estimated, e.g. ``itd``.
        horizon: steps differentiated through, K; retraining that is to match them starts at step T - K.
        steps: steps of the whole run, T.
        removal: ``fixed-denominator`` or ``renormalised``, as in the run.
        run: what was scored: the name of its run directory and a hash of its configuration, or ``memory``.
        standard_error: of the values over several seeds, shape (N,), or None.
        growth: (step, norm of the adjoint before it, effect), from the last step backwards (see `influence.horizon`);
            empty for other estimators.
        residual: relative, of the linear system that ``aid`` solves; None for other estimators, and not in files.

    Examples:
        >>> common = dict(metric="fid", direction="lower", estimator="itd", horizon=1, steps=1, removal="renormalised")
        >>> scores = Scores(("a", "b", "c"), np.array([0.2, -0.1, 0.0]), **common)
        >>> scores.harmful(1).ids, scores.helpful(2).ids, scores.harmful(2).sum()
        (('b',), ('a', 'c'), -0.1)
    """

    ids: tuple[str, ...]
    values: np.ndarray
    metric: str
    direction: str
    estimator: str
    horizon: int
    steps: int
    removal: str
    run: str = "memory"
    standard_error: np.ndarray | None = None
    growth: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)
    residual: float | None = None

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.ids),):
            raise ValueError(f"{len(self.ids)} ids but values of shape {self.values.shape}")
        if self.direction not in ("lower", "higher"):
            raise ValueError(f"direction must be lower or higher, not {self.direction!r}")

    def __repr__(self) -> str:
        ends = f", from {self.values.min():.4g} to {self.values.max():.4g}" if len(self) else ""
        return f"{type(self).__name__}({self._what}{ends})"

    @property
    def _what(self) -> str:
        return (
            f"{len(self)} examples, {self.metric} ({self.direction} is better), {self.estimator} over the last "
            f"{self.horizon} of {self.steps} steps"
        )

    def _repr_html_(self) -> str:
        """The most harmful and the most helpful examples, in a notebook."""
        order, ranks = np.argsort(-self.harm, kind="stable"), self._ranks
        rows = order if len(order) <= 2 * _SHOWN else [*order[:_SHOWN], None, *order[-_SHOWN:]]
        errors = self.standard_error
        columns = ("rank", "example", "score", *(() if errors is None else ("standard error",)))
        cells = [
            ("…",) * len(columns)
            if row is None
            else (
                ranks[row],
                self.ids[row],
                float(self.values[row]),
                *(() if errors is None else (float(errors[row]),)),
            )
            for row in rows
        ]
        note = (
            f"A score is the predicted change of {self.metric} if the example is removed; {self.direction} is better, "
            f"so {'negative' if self.direction == 'lower' else 'positive'} scores are harmful. Rank 1 is the most "
            "harmful."
        )
        return table(f"Scores: {self._what}", columns, cells, note)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Pairs of id and score."""
        return iter(zip(self.ids, self.values.tolist(), strict=True))

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> Scores:
        """The scores of some rows, or of one."""
        index = np.atleast_1d(np.arange(len(self))[rows])
        return replace(
            self,
            ids=tuple(self.ids[row] for row in index),
            values=self.values[index],
            standard_error=None if self.standard_error is None else self.standard_error[index],
        )

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of every id."""
        return {identity: row for row, identity in enumerate(self.ids)}

    @cached_property
    def _ranks(self) -> np.ndarray:
        ranks = np.empty(len(self), dtype=int)
        ranks[np.argsort(-self.harm, kind="stable")] = np.arange(1, len(self) + 1)
        return ranks

    @property
    def harm(self) -> np.ndarray:
        """How much better the metric is predicted to get by each removal, shape (N,); positive is harmful."""
        return -self.values if self.direction == "lower" else self.values

    def sorted(self) -> Scores:
        """All scores, the most harmful first; ties stay in the order of the data."""
        return self[np.argsort(-self.harm, kind="stable")]

    def harmful(self, k: int) -> Scores:
        """The ``k`` examples whose removal is predicted to improve the metric most, the most harmful first."""
        return self.sorted()[: _checked(k, len(self))]

    def helpful(self, k: int) -> Scores:
        """The ``k`` examples whose removal is predicted to worsen the metric most, the most helpful first."""
        return self[np.argsort(self.harm, kind="stable")][: _checked(k, len(self))]

    def of(self, data_set: str) -> Scores:
        """The scores of one named data set, in their order; their ids are ``<data set>:<id>``.

        Raises:
            UsageError: if none of the scores is of that data set.

        >>> common = dict(metric="fid", direction="lower", estimator="itd", horizon=1, steps=1, removal="renormalised")
        >>> Scores(("source:a", "target:a", "source:b"), np.array([1.0, 2.0, 3.0]), **common).of("source").ids
        ('source:a', 'source:b')
        """
        rows = [row for row, identity in enumerate(self.ids) if identity.startswith(f"{data_set}:")]
        if not rows:
            known = f", and their ids are like {self.ids[0]!r}" if self.ids else ""
            raise UsageError(
                f"none of these scores is of a data set {data_set!r}{known}. Only a run of several data sets has "
                "ids <data set>:<id>."
            )
        return self[rows]

    def sum(self) -> float:
        """Predicted change of the metric if all of these examples are removed together (to first order)."""
        return float(self.values.sum())

    def to_csv(self, path: str | Path) -> None:
        """Write the scores in the order of the data; ``rank`` 1 is the most harmful.

        Numbers are written so that `read` gives the same bits.
        """
        write_text(Path(path), self.csv())

    def csv(self) -> str:
        """What `to_csv` writes."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(_COLUMNS)
        for row, (identity, value) in enumerate(self):
            error = "" if self.standard_error is None else repr(float(self.standard_error[row]))
            common = (self.metric, self.direction, self.estimator, self.horizon, self.steps, self.removal)
            lines.writerow((cell(identity), repr(value), error, self._ranks[row], *common, cell(self.run)))
        return text.getvalue()

    def to_frame(self) -> pandas.DataFrame:
        """The scores as a DataFrame of pandas, with the columns of `to_csv`, in the order of the data.

        Raises:
            UsageError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UsageError("to_frame needs pandas: pip install 'gansift[pandas]'") from error
        return pandas.DataFrame(
            {
                "id": self.ids,
                "score": self.values,
                "score_se": np.nan if self.standard_error is None else self.standard_error,
                "rank": self._ranks,
                **{name: getattr(self, name) for name in (*_OF_ALL, "run")},
            },
            columns=list(_COLUMNS),
        )

    @classmethod
    def from_issues(cls, issues: pandas.DataFrame, like: Scores, column: str = "label_score") -> Scores:
        """What cleanlab finds, as scores: the lower its quality, the more harmful; only the order is a claim.

        Args:
            issues: of ``Datalab.get_issues()`` or ``CleanLearning.get_label_issues()``, with a row for each training
                example: in the order of ``like``, or with its ids as the index.
            like: scores of the run, whose examples, metric and convention of removal these are for.
            column: of the qualities, 0 (bad) to 1, such as ``label_score``, ``label_quality`` or ``outlier_score``.

        Raises:
            UsageError: if there is no such column, or the rows are not the run's examples.
        """
        if column not in issues.columns:
            raise UsageError(f"the issues have no column {column!r}; they have {', '.join(map(str, issues.columns))}")
        quality = issues[column]
        if set(issues.index) == set(like.ids):
            quality = quality.loc[list(like.ids)]
        elif len(quality) != len(like) or list(issues.index) != list(range(len(like))):
            raise UsageError(
                f"{len(quality)} issues whose index is neither 0 to {len(like) - 1}, in the order of the "
                f"{len(like)} training examples, nor their ids"
            )
        bad = 1.0 - quality.to_numpy(dtype=np.float64)
        if not np.isfinite(bad).all():
            raise UsageError(f"the column {column!r} of the issues has values that are no numbers")
        return cls(
            ids=like.ids,
            values=-bad if like.direction == "lower" else bad,
            metric=like.metric,
            direction=like.direction,
            estimator=f"cleanlab-{column}",
            horizon=like.steps,
            steps=like.steps,
            removal=like.removal,
            run=like.run,
        )

    @classmethod
    def read(cls, path: str | Path) -> Scores:
        """Read a file written by `to_csv`, or by another tool in the same columns (``score_se`` may be empty).

        Raises:
            GansiftError: naming the file and what is missing or wrong in it.
        """
        first, ids, values, errors = _read_columns(path)
        try:
            found = cls(
                ids=ids,
                values=values,
                metric=first["metric"],
                direction=first["direction"],
                estimator=first["estimator"],
                horizon=int(first["horizon"]),
                steps=int(first["steps"]),
                removal=first["removal"],
                run=first.get("run") or "memory",
                standard_error=errors if len(errors) == len(ids) else None,
            )
        except ValueError as error:
            raise GansiftError(f"the score file {path} has a value that does not fit: {error}") from error
        found._check(path)
        return found

    def _check(self, path: str | Path) -> None:
        """Refuse what cannot be scores of one run, naming the first line of a file that is wrong."""
        if not 1 <= self.horizon <= self.steps:
            raise GansiftError(
                f"the score file {path} has the horizon {self.horizon} of {self.steps} steps; it must be 1 to "
                f"{self.steps}"
            )
        for name, values in (("score", self.values), ("score_se", self.standard_error)):
            if values is not None and not np.isfinite(values).all():
                row = int(np.flatnonzero(~np.isfinite(values))[0])
                raise GansiftError(
                    f"the score file {path}, line {row + 2}: the {name} of {self.ids[row]!r} is {values[row]}, and no "
                    "finite number. Leave the row out, or score it again."
                )
        seen: dict[str, int] = {}
        for row, identity in enumerate(self.ids):
            if seen.setdefault(identity, row) != row:
                raise GansiftError(
                    f"the score file {path}, lines {seen[identity] + 2} and {row + 2}: {identity!r} has two scores. "
                    "Which of them is meant cannot be told; leave one out."
                )


def _read_columns(path: str | Path) -> tuple[dict[str, str], tuple[str, ...], np.ndarray, np.ndarray]:
    """The first row of a score file, and of all rows ids, scores and standard errors; never all rows at a time."""
    first: dict[str, str] = {}
    ids: list[str] = []
    values, errors = array("d"), array("d")
    for line, row in read_rows(
        Path(path), _COLUMNS, lambda wrong: GansiftError(f"the score file {path} {wrong}"), optional=_OPTIONAL
    ):
        first = first or row
        odd = next((name for name in _OF_ALL if row[name] != first[name]), None)
        if odd is not None:
            raise GansiftError(
                f"the score file {path}, line {line}: {odd} is {row[odd]!r}, but {first[odd]!r} above. One file has "
                "the scores of one metric, estimator and horizon."
            )
        ids.append(row["id"])
        try:
            values.append(float(row["score"]))
            errors.extend(map(float, filter(None, [row.get("score_se")])))
        except ValueError as error:
            raise GansiftError(
                f"the score file {path} has in line {line} a value that does not fit: {error}"
            ) from error
    if not ids:
        raise GansiftError(f"the score file {path} has no scores")
    return first, tuple(ids), np.array(values), np.array(errors)


def _checked(k: int, count: int) -> int:
    if not 0 <= k <= count:
        raise GansiftError(f"cannot choose {k} of {count} examples")
    return k
