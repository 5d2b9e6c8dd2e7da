"""Fair representations as a system: rows or images whose label is learnt while protected groups are hidden."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

from gansift import games, models
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.metrics.gap import gap
from gansift.metrics.held_out import class_loss
from gansift.systems.system import Judges, System, only
from gansift.training import Adam


def laftr(
    data: Mapping[str, Splits],
    *,
    criterion: Literal["dp", "eo", "eopp"] = "dp",
    gamma: Annotated[float, Range(0, 1e6)] = 1.0,
    audit_by: Literal["ce", "l1"] = "ce",
    audits: Annotated[int, Range(1, 1000)] = 5,
    beta: Annotated[float, Range(0, 1e6)] = 0.0,
    positive: str = "",
    hidden: Annotated[int, Range(4, 65_536)] = 8,
    lr: Annotated[float, Range(above=0, most=1000)] = 0.01,
) -> System:
    """A representation that tells the label and hides protected groups from an auditor (ALFR, LAFTR).

    Which columns are protected is said by --group. Whether z hides them is not for the auditor of the training to say:
    `gansift audit fairness` asks a fresh one.

    Args:
        data: one data set with labels and protected columns.
        criterion: what is to be alike in all groups: decisions (dp), both error rates (eo), or true positive rates
            (eopp)
        gamma: weight of what the auditor achieves; 0 for none
        audit_by: how the auditor is judged: ce (log-likelihood), or l1 as in the paper, which often reveals more than
            it hides
        audits: updates of the auditor for each one of the representation
        beta: weight of the error of a reconstruction of the examples from z and the groups
        positive: name of the positive label; by default the last one in alphabetical order
        hidden: numbers of z, and width of the hidden layers
        lr: learning rate of all players

    Metrics:
        dp-gap: largest difference between groups in how probable the positive label is (lower is better)
        eo-gap: the same among examples of one label, positive or not (lower is better)
        eopp-gap: the same among positive examples (lower is better)
        class-loss: loss of held-out labels, reported with their error (lower is better)

    Raises:
        UsageError: without classes or protected columns, or for a positive label that there is not.
    """
    splits = only(data, "laftr")
    names = splits.train.class_names
    if names is None or len(names) < 2:
        raise UsageError(
            f"the system laftr learns labels of two classes or more, and {splits.name} has none: name the column with "
            "--label"
        )
    if positive and positive not in names:
        raise UsageError(f"--positive {positive}: there is no such label; choose from {', '.join(names)}")
    number = names.index(positive) if positive else len(names) - 1
    groups = splits.train.groupings
    if not groups:
        raise UsageError(
            f"the system laftr hides protected groups, and {splits.name} has no column of two groups or more: name it "
            "with --group"
        )
    if beta and len(splits.train.shape) > 1:
        raise UsageError("--beta: only rows of numbers are reconstructed, not images; leave it out")
    make = partial(_game, splits, groups, len(names), criterion, audit_by, gamma, number, beta, audits, hidden)
    judges = {f"{one}-gap": partial(_gaps, splits, one, tuple(groups), number) for one in ("dp", "eo", "eopp")}
    batch = min(512, len(splits.train))
    return System(
        game=make,
        optimizers=Adam(lr=lr, betas=(0.5, 0.99), eps=1e-3, eps_inside=True),
        metrics={**judges, "class-loss": lambda: Judges(class_loss(splits.valid), class_loss(splits.test))},
        defaults={
            "steps": 800, "batch": batch, "ema": 0.0, "metric": f"{criterion}-gap", "seeds": 5, "horizons": "1,5,all",
            "remove": "2%,5%,10%", "verify": 20, "baselines": "own-loss,far-neighbours,isolation-forest",
        },
    )  # fmt: skip


def _game(
    splits: Splits,
    groups: Mapping[str, int],
    labels: int,
    criterion: Literal["dp", "eo", "eopp"],
    audit_by: Literal["ce", "l1"],
    gamma: float,
    positive: int,
    beta: float,
    audits: int,
    hidden: int,
) -> games.LAFTR:
    shape, several = splits.train.shape, sum(groups.values())
    return games.LAFTR(
        models.encoder_of(shape, hidden),
        models.Head(hidden, hidden, labels),
        models.Head(hidden + labels * (criterion == "eo"), hidden, several),
        groups=groups, labels=labels, criterion=criterion, auditing=audit_by, gamma=gamma, positive=positive,
        decoder=models.Head(hidden + several, hidden, shape[0]) if beta else None, beta=beta, audits=audits,
    )  # fmt: skip


def _gaps(splits: Splits, criterion: Literal["dp", "eo", "eopp"], protected: tuple[str, ...], positive: int) -> Judges:
    validation, test = (gap(part, criterion, protected, positive) for part in (splits.valid, splits.test))
    return Judges(validation, test)
