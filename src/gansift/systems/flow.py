"""A flow between data sets as a system: what is each data set's own, by transfer of examples from one to another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Annotated, Literal

from torch import Tensor

from gansift import games, metrics, models
from gansift.bounds import Range
from gansift.data.alike import check_columns
from gansift.data.columns import LABEL
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.metrics.reconstruction import reconstruction
from gansift.metrics.transfer import judge_of, transfer
from gansift.systems.system import Judges, System
from gansift.training import Adam


def flow(
    data: Mapping[str, Splits],
    *,
    attribute: str = "",
    transfer_from: str = "",
    transfer_to: str = "",
    latent: Annotated[int, Range(2, 65_536)] = 16,
    width: Annotated[int, Range(1, 65_536)] = 128,
    error: Literal["squared", "l1"] = "squared",
    perceptual: Annotated[float, Range(0, 1e9)] = 0.0,
    blocks: Annotated[int, Range(1, 1000)] = 6,
    hidden: Annotated[int, Range(1, 65_536)] = 64,
    lr: Annotated[float, Range(above=0, most=1000)] = 0.003,
) -> System:
    """What makes one data set differ from another: an autoencoder of all, and a flow on its latents (net2net).

    Examples of any data set become examples of any other one. What of them that keeps, and whether it means anything,
    is asked by `gansift audit transfer`.

    Args:
        data: two data sets or more, of images or rows of one shape.
        attribute: column whose values the metric transfer-shift counts; by default the first one beside the label that
            all data sets have, else the label
        transfer_from: data set that the metric transfers; by default the first one
        transfer_to: data set that it is transferred to; by default the one after
        latent: numbers that the autoencoder makes of an example
        width: of the hidden layers of encoder and decoder
        error: mean over an example's numbers of squares (squared), or of absolute values (l1)
        perceptual: weight of a further error in features of ImageNet, for images; needs the extra imagenet
        blocks: couplings of the flow
        hidden: width of the hidden layers of a coupling
        lr: learning rate of all players at the start

    Metrics:
        transfer-shift: how far the shares of an attribute's values move in a transfer (lower is better)
        reconstruction: squared error of reconstructed held-out examples (lower is better)

    Raises:
        UsageError: for a single data set, examples of several shapes or columns, or an unknown data set or attribute.
    """
    shape = _checked(data)
    source, target = _pair(tuple(data), transfer_from, transfer_to)
    told = _attribute(data, attribute)
    perceive = _perceive(shape, perceptual)
    adam = partial(Adam, lr=lr, betas=(0.9, 0.99), eps_inside=True)
    autoencoder = adam(eps=1e-5, decay=settling)
    return System(
        game=partial(_game, tuple(data), shape, latent, width, error, perceive, perceptual, blocks, hidden),
        optimizers={"encoder": autoencoder, "decoder": autoencoder, "flow": adam(eps=1e-3, decay="cosine")},
        metrics={
            "transfer-shift": partial(_transfer, data, told, source, target),
            "reconstruction": partial(_reconstruction, data),
        },
        defaults={
            "steps": 2000, "batch": 64, "ema": 0.0, "metric": "transfer-shift" if told else "reconstruction",
            "seeds": 5, "horizons": "1,2,5", "remove": "2%,5%,10%", "verify": 20,
            "baselines": "far-neighbours,isolation-forest,density",
        },
    )  # fmt: skip


def settling(progress: float) -> float:
    """The share of the autoencoder's learning rate at a progress of training from 0 to 1: 0 from the middle on.

    >>> settling(0.0), settling(0.5), settling(0.7)
    (1.0, 0.0, 0.0)
    """
    return (1 + math.cos(math.pi * min(1.0, 2 * progress))) / 2


def _game(
    sets: Sequence[str],
    shape: tuple[int, ...],
    latent: int,
    width: int,
    error: Literal["squared", "l1"],
    perceive: Callable[[Tensor], Tensor] | None,
    perceptual: float,
    blocks: int,
    hidden: int,
) -> games.LatentFlow:
    return games.LatentFlow(
        models.MLPDiscriminator(width, shape, latent),
        models.MLPGenerator(latent, width, shape),
        models.CouplingFlow(latent, len(sets), hidden, blocks),
        sets=sets, error=error, perceive=perceive, perceptual=perceptual,
    )  # fmt: skip


def _perceive(shape: tuple[int, ...], weight: float) -> Callable[[Tensor], Tensor] | None:
    if not weight:
        return None
    if len(shape) != 3:
        raise UsageError("--perceptual: features of ImageNet are of images, and these are rows; leave it out")
    return metrics.ImageNetFeatures()


def _transfer(data: Mapping[str, Splits], attribute: str, source: str, target: str) -> Judges:
    """The metric by a judge that validation data made, and by one that test data made."""
    if not attribute:
        raise UsageError(
            "the metric transfer-shift counts the values of a column, and there is none that all data sets have"
        )

    def metric(parts: Mapping[str, Examples]) -> metrics.NetMetric:
        judge = _judge(tuple(parts.values()), attribute)
        return transfer(parts[source], judge.logits, source, target, attribute=attribute)

    return Judges(
        metric({name: splits.valid for name, splits in data.items()}),
        metric({name: splits.test for name, splits in data.items()}),
    )


@lru_cache(maxsize=2)
def _judge(parts: tuple[Examples, ...], attribute: str) -> metrics.ClassifierFeatures:
    """The judge, which is kept: stages of one run ask for that of validation and that of test data again and again."""
    return judge_of(parts, attribute)[0]


def _reconstruction(data: Mapping[str, Splits]) -> Judges:
    validation, test = (
        reconstruction(Examples.joined([_bare(getattr(splits, part)) for splits in data.values()]))
        for part in ("valid", "test")
    )
    return Judges(validation, test)


def _bare(part: Examples) -> Examples:
    """Examples without their columns, which data sets need not have in common."""
    return replace(part, columns={})


def _checked(data: Mapping[str, Splits]) -> tuple[int, ...]:
    """The one shape of all examples."""
    if len(data) < 2:
        raise UsageError("the system flow takes two data sets or more, each with a name: a=PATH b=PATH")
    check_columns(data)
    shapes = {name: splits.train.shape for name, splits in data.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise UsageError(
            f"the system flow takes examples of one shape, and these are: {told}. --size gives image files one size"
        )
    return next(iter(shapes.values()))


def _pair(names: tuple[str, ...], source: str, target: str) -> tuple[str, str]:
    """The data set that the metric transfers, and the one that it is transferred to."""
    for flag, name in (("--transfer-from", source), ("--transfer-to", target)):
        if name and name not in names:
            raise UsageError(f"{flag} {name}: there is no such data set; choose from {', '.join(names)}")
    first = source or next(name for name in names if name != target)
    second = target or names[(names.index(first) + 1) % len(names)]
    if first == second:
        raise UsageError(f"--transfer-from and --transfer-to are both {first}: choose two data sets")
    return first, second


def _attribute(data: Mapping[str, Splits], wanted: str) -> str:
    """The column whose values are counted; "" where there is none that all data sets have."""
    known = [
        {name for name, column in part.columns.items() if column.names is not None}
        for splits in data.values()
        for part in (splits.valid, splits.test)
    ]
    shared = [name for name in next(iter(data.values())).valid.columns if all(name in one for one in known)]
    if wanted and wanted not in shared:
        raise UsageError(
            f"--attribute {wanted}: no such column of categories in all data sets; there is "
            f"{', '.join(shared) or 'none'}"
        )
    return wanted or next(iter(sorted(shared, key=LABEL.__eq__)), "")
