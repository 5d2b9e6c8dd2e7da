"""Domain adaptation as a system: labels of one data set, learnt so that they hold on another one without labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated

import torch

from gansift import games, models
from gansift.bounds import Range
from gansift.data.alike import check_columns
from gansift.data.columns import LABEL, Column
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.metrics.entropy import prediction_entropy
from gansift.metrics.held_out import class_loss
from gansift.systems.system import Judges, System
from gansift.training import Adam


def dann(
    data: Mapping[str, Splits],
    *,
    most: Annotated[float, Range(0, 1e9)] = 0.5,
    hidden: Annotated[int, Range(4, 65_536)] = 100,
    lr: Annotated[float, Range(above=0, most=1000)] = 0.001,
) -> System:
    """Labels learnt on the data set source, from features that cannot tell it from the data set target (DANN).

    The labels of target's training examples are never looked at; those of its validation and test examples tell how
    well it went, by the metric target-loss. Where there are none, target-entropy stands in for it.

    Args:
        data: the data sets ``source`` and ``target``, of images or of points.
        most: weight of the domain loss in the features' loss at the end of training; 0 trains on source alone
        hidden: width of the hidden layers; the convolutions for images have a third and half as many channels
        lr: learning rate of all players at the start

    Metrics:
        target-loss: loss of the labels of target's held-out examples, reported with their error (lower is better)
        target-entropy: how undecided predictions of target's held-out examples are, without labels (lower is better)

    Raises:
        UsageError: for other data sets, without labels of source, with other classes in target than in source, or of
            points of another kind.
    """
    source, target = _checked(data)
    return System(
        game=partial(_game, source.train, target.train, most, hidden),
        # The paper's SGD with momentum begins so slowly that the domain loss takes hold before any label is learnt.
        optimizers=Adam(lr=lr, betas=(0.9, 0.99), eps=1e-5, eps_inside=True, decay=falling),
        metrics={
            "target-loss": partial(_target_loss, source, target),
            "target-entropy": partial(_target_entropy, target),
        },
        defaults={
            "steps": 400, "batch": 64, "ema": 0.0, "metric": "target-loss" if _judged(target) else "target-entropy",
            "seeds": 5, "horizons": "1,5,all", "remove": "2%,5%,10%", "verify": 20,
            "baselines": "own-loss,far-neighbours,isolation-forest,density",
        },
    )  # fmt: skip


def falling(progress: float) -> float:
    """The share of the learning rate that is left at a progress of training from 0 to 1, by the paper's schedule.

    >>> falling(0.0)
    1.0
    """
    return (1 + 10 * progress) ** -0.75


def _game(source: Examples, target: Examples, most: float, hidden: int) -> games.DANN:
    assert source.class_names is not None
    features, count = _features(source.shape, target.shape, hidden)
    # Two hidden layers of the labeller are its own, as in the paper: what both heads see is not narrowed before.
    labeller = models.Head(hidden, hidden, len(source.class_names))
    return games.DANN(
        features,
        torch.nn.Sequential(torch.nn.Linear(count, hidden), torch.nn.SiLU(), labeller),
        models.Head(count, hidden, 1),
        most=most,
    )


def _features(source: tuple[int, ...], target: tuple[int, ...], hidden: int) -> tuple[models.Network, int]:
    """What makes features of points, or of images of both sizes, as coloured as either; and how many."""
    if len(source) == 1:
        return models.PointEncoder(source[0], hidden), hidden
    side = min(source[1:] + target[1:])
    made = models.ImageFeatures(max(source[0], target[0]), side, max(1, hidden // 3), max(1, hidden // 2))
    return made, made.outputs


def _judged(target: Splits) -> bool:
    """Whether target's held-out examples have labels."""
    return all(part.class_names is not None for part in (target.valid, target.test))


def _target_entropy(target: Splits) -> Judges:
    validation, test = (
        prediction_entropy(part, name="target-entropy", what=f"held-out examples of {target.name}")
        for part in (target.valid, target.test)
    )
    return Judges(validation, test)


def _target_loss(source: Splits, target: Splits) -> Judges:
    if not _judged(target):
        raise UsageError(
            "the metric target-loss needs labels of the data set target: class folders, or a label file; without them "
            "there is --metric target-entropy"
        )
    validation, test = (
        class_loss(_numbered_like(part, source.train), name="target-loss", what=f"held-out examples of {target.name}")
        for part in (target.valid, target.test)
    )
    return Judges(validation, test)


def _numbered_like(examples: Examples, source: Examples) -> Examples:
    """Examples whose labels are numbered as those of ``source``, by the names of the classes."""
    assert source.class_names is not None
    assert examples.class_names is not None
    assert examples.labels is not None
    numbers = torch.tensor([source.class_names.index(name) for name in examples.class_names])
    renumbered = Column(numbers[examples.labels], source.class_names)
    return replace(examples, columns={**examples.columns, LABEL: renumbered})


def _checked(data: Mapping[str, Splits]) -> tuple[Splits, Splits]:
    if set(data) != {"source", "target"}:
        raise UsageError(
            f"the system dann takes the data sets source and target, not {', '.join(data)}. Name them: "
            "source=PATH target=PATH"
        )
    source, target = data["source"], data["target"]
    if source.train.labels is None or source.train.class_names is None:
        raise UsageError("the system dann needs labels of the data set source: class folders, or a label file")
    unknown = sorted(set(target.valid.class_names or ()) - set(source.train.class_names or ()))
    if unknown:
        raise UsageError(f"the data set target has classes that source does not have: {', '.join(unknown)}")
    check_columns(data)
    shapes = source.train.shape, target.train.shape
    if len(shapes[0]) != len(shapes[1]) or (len(shapes[0]) == 1 and shapes[0] != shapes[1]):
        raise UsageError(f"source has examples of shape {shapes[0]}, target of {shapes[1]}: no network takes both")
    return source, target
