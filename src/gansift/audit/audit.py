"""What an audit looks at, which audits there are, and how one is run.

An audit is a function of a `Subject`, and of settings by keyword, that returns an `Answer`. One that can look at
several runs together takes further subjects, ``*others``. One whose first argument is annotated as `Files` reads files
by itself, since their rows are no examples. A new one is one file with a function of the file's name; a person's own is
named as ``file.py:function``.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gansift.catalogue import AUDITS
from gansift.errors import UsageError
from gansift.named import import_named, is_named, suggestion

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from gansift.data.examples import Examples, Splits
    from gansift.games.trained import Trained
    from gansift.influence.looks import Looks
    from gansift.report.answer import Answer


class Trainer(Protocol):
    """Trains a run's game on other examples, for as many steps, with as many of them in a step."""

    def __call__(self, examples: Examples, seeds: Sequence[int], weights: Sequence[np.ndarray]) -> list[Trained | None]:
        """The players of every training; None where one broke down.

        Args:
            examples: N of them, in the place of the run's only data set.
            seeds: of initial parameters, batches and latents, one for each training.
            weights: 1 for the examples that a training has and 0 for all others, shape (N,), for each; a loss is the
                mean over the former.
        """
        ...


class Variants(Protocol):
    """Trains a run's game with other numbers in it, on all of its data sets and for as many steps."""

    def __call__(self, changes: Mapping[str, float], count: int) -> list[Trained | None]:
        """The players of each training; None where one broke down.

        Args:
            changes: numbers that the game has as attributes, by name, such as ``{"most": 0.0}``, in place of the run's.
            count: how many of the seeds that `Subject.players` were trained from, the first ones.
        """
        ...


@dataclass(frozen=True)
class Subject:
    """What an audit looks at.

    Attributes:
        name: of the run or of the data, for sentences.
        data: the data sets by name, each with its splits.
        players: what was trained, one for each training seed; empty if only data are looked at.
        kept: ids of the training examples that the run keeps, or None for all.
        removed: ids of those that it removes.
        cleansed: what was trained without them, from the first of the training seeds; None where nothing is removed.
        features: maps examples or samples (n, *shape) to features (n, d), or None where there are none.
        train: trains the run's game anew with its settings; None where that cannot be done. See `Trainer`.
        variants: trains it with other numbers, such as the weight of a term; None where that cannot be done. See
            `Variants`.
        looks: what the scored trainings say of every training example, one for each; none where it was not asked what
            helps new models.
        seed: decides everything that an audit draws at random.
    """

    name: str
    data: Mapping[str, Splits]
    players: Sequence[Trained] = ()
    kept: frozenset[str] | None = None
    removed: frozenset[str] = frozenset()
    cleansed: Trained | None = None
    features: Callable[[Tensor], Tensor] | None = None
    train: Trainer | None = None
    variants: Variants | None = None
    looks: Sequence[Looks] = ()
    seed: int = 0

    def set_of(self, shape: Sequence[int]) -> Splits:
        """The data set whose examples have a shape: the first such.

        Raises:
            UsageError: if there is none, naming the shapes that there are.
        """
        for splits in self.data.values():
            if tuple(splits.train.shape) == tuple(shape):
                return splits
        shapes = ", ".join(f"{name} {tuple(splits.train.shape)}" for name, splits in self.data.items())
        raise UsageError(
            f"no data set of {self.name} has examples of shape {tuple(shape)}, as its samples do: {shapes}"
        )


@dataclass(frozen=True)
class Files:
    """What an audit looks at that reads files by itself, since their rows are no examples.

    Attributes:
        paths: what a person named, at least one.
        seed: decides everything that an audit draws at random.
    """

    paths: tuple[Path, ...]
    seed: int = 0

    @property
    def name(self) -> str:
        """Of the files, for sentences."""
        return ", ".join(map(str, self.paths))


def held_out(splits: Splits) -> list[Examples]:
    """The parts of a data set that no training saw: validation and test data, as far as there are any."""
    return [part for part in (splits.valid, splits.test) if len(part)]


def find(name: str) -> Callable[..., Answer]:
    """An audit by its name, or a person's own as ``file.py:function`` or ``module:function``.

    Raises:
        UsageError: if there is no such audit, with the names that there are, or if a person's own cannot be imported.
    """
    if name in AUDITS:
        module, _, function = AUDITS[name].partition(":")
        return getattr(importlib.import_module(module), function)
    if is_named(name):
        return import_named(name, "an audit")
    raise UsageError(
        f"there is no audit {name!r}{suggestion(name, AUDITS)}; there are {', '.join(AUDITS)}, and your own is named "
        "file.py:function"
    )


def reads_files(audit: Callable[..., Answer]) -> bool:
    """Whether an audit is one of `Files`, by the annotation of its first argument."""
    first = next(iter(inspect.signature(audit).parameters.values()), None)
    return first is not None and (first.annotation is Files or str(first.annotation).rpartition(".")[2] == "Files")


def run_audit(name: str, subject: Subject | Files, *others: Subject | Files, **settings: Any) -> Answer:
    """Run one audit.

    Args:
        name: as `find` takes it.
        subject: what it looks at.
        others: further runs to look at together with the first, for an audit that takes several (``*others``).
        settings: keywords of the audit.

    Returns:
        The answer. That of a person's own audit goes by the function's name, unless it has one of its own.

    Raises:
        UsageError: if there is no such audit, or it has no such setting, or it takes one run alone, or files and no
            runs, or it returns no answer, or one with a number that is not finite.
    """
    from gansift.report.answer import Answer  # charts come with it, which listing audits does not need

    audit = find(name)
    if reads_files(audit) != isinstance(subject, Files):
        wanted = "reads a table by itself" if reads_files(audit) else "looks at a run or at examples"
        raise UsageError(f"the audit {name} {wanted}: gansift audit {name} --help")
    known = list(inspect.signature(audit).parameters.values())[1:]
    if others and not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in known):
        raise UsageError(f"the audit {name} looks at one run, and {1 + len(others)} were given: give one at a time")
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        names = [parameter.name for parameter in known if parameter.kind is not parameter.VAR_POSITIONAL]
        for setting in settings:
            if setting not in names:
                raise UsageError(
                    f"the audit {name} has no setting {setting!r}; it has {', '.join(names) if names else 'none'}"
                )
    answer = audit(subject, *others, **settings)
    if not isinstance(answer, Answer):
        raise UsageError(f"the audit {name} returned {type(answer).__name__}, not a gansift.report.Answer")
    for key, number in answer.numbers.items():
        if not all(map(math.isfinite, (number.value, *(number.ci95 or ())))):
            raise UsageError(f"the audit {name} returned no finite number for {key!r}: {number.value}, {number.ci95}")
    return replace(answer, audit=answer.audit or name.rpartition(":")[2])
