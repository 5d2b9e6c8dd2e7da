"""S+U learning as a system: simulated images with labels are refined until they look like real ones without labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from gansift import games, models
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.games.memory import Memory
from gansift.metrics.downstream import downstream
from gansift.systems.judges import features_of
from gansift.systems.system import Judges, System
from gansift.training import Adam


def simgan(
    data: Mapping[str, Splits],
    *,
    penalty: Annotated[float, Range(0, 1e9)] = 10.0,
    distance: Literal["squared", "l1"] = "squared",
    refinements: Annotated[int, Range(1, 1000)] = 2,
    buffer: Annotated[int, Range(0, 1_000_000)] = 256,
    rise: Annotated[float, Range(0, 1)] = 0.05,
    width: Annotated[int, Range(1, 4096)] = 16,
    blocks: Annotated[int, Range(1, 64)] = 2,
    lr: Annotated[float, Range(above=0, most=1000)] = 0.001,
) -> System:
    """Simulated images that are refined until they look real, and keep their labels (S+U learning, SimGAN).

    The labels of simulated images are what is wanted of them; those of real training images are never looked at. How
    well it went is told by the labels of real validation and test images.

    Args:
        data: the data sets ``simulated``, with labels, and ``real``, of images of one size.
        penalty: weight of the mean change of a pixel, lambda; too little of it loses the labels
        distance: mean over pixels of squares (squared), or of absolute values (l1)
        refinements: updates of the refiner for each one of the critic
        buffer: older refined images that the critic is shown, too; 0 for none
        rise: share of training in which the critic's term in the refiner's loss rises from 0
        width: channels of both networks
        blocks: residual blocks of the refiner
        lr: learning rate of both players

    Metrics:
        downstream-loss: loss on real images of a classifier fitted to refined ones, with their error (lower is better)

    Raises:
        UsageError: for other data sets, without labels, or of images of another shape.
    """
    simulated, real = _checked(data)
    names = list(data)
    before = sum(len(data[name].train) for name in names[: names.index("simulated")])
    return System(
        game=partial(_game, simulated, penalty, distance, refinements, buffer, rise, width, blocks),
        optimizers=Adam(lr=lr, betas=(0.5, 0.99), eps=1e-3, eps_inside=True),
        metrics={"downstream-loss": partial(_downstream, simulated, real, before)},
        defaults={
            "steps": 700, "batch": 64, "ema": 0.0, "metric": "downstream-loss", "seeds": 5, "horizons": "1,5,all",
            "remove": "2%,5%,10%", "verify": 20, "baselines": "far-neighbours,isolation-forest,density",
        },
    )  # fmt: skip


def _game(
    simulated: Splits,
    penalty: float,
    distance: Literal["squared", "l1"],
    refinements: int,
    buffer: int,
    rise: float,
    width: int,
    blocks: int,
) -> games.SimGAN:
    shape = simulated.train.shape
    return games.SimGAN(
        models.Refiner(shape[0], width, blocks),
        models.PatchCritic(shape[0], width),
        Memory(torch.zeros(buffer, *shape)) if buffer else None,
        penalty=penalty, distance=distance, rise=rise, refinements=refinements,
    )  # fmt: skip


def _refined(game: Any, net: Any, x: Tensor) -> Tensor:
    return game.refine(net, x)


def _downstream(simulated: Splits, real: Splits, before: int, *, features: str = "auto") -> Judges:
    """The metric on validation and on test images.

    Args:
        simulated: the data set whose training images are refined.
        real: the data set whose held-out images test.
        before: training examples of data sets that come before the simulated one.
        features: classifier, autoencoder, imagenet[:dims], module:name, a TorchScript file, or auto; those that are
            fitted are fitted to simulated validation images
    """
    function = features_of(simulated, features)
    rows = slice(before, before + len(simulated.train))
    validation, test = (
        downstream(_refined, function, simulated.train, part, rows, what="refined images")
        for part in (real.valid, real.test)
    )
    return Judges(validation, test)


def _checked(data: Mapping[str, Splits]) -> tuple[Splits, Splits]:
    if set(data) != {"simulated", "real"}:
        raise UsageError(
            f"the system simgan takes the data sets simulated and real, not {', '.join(data)}. Name them: "
            "simulated=PATH real=PATH"
        )
    simulated, real = data["simulated"], data["real"]
    shapes = simulated.train.shape, real.train.shape
    if len(shapes[0]) != 3 or shapes[0] != shapes[1]:
        raise UsageError(
            f"the system simgan takes images of one shape; simulated ones are {shapes[0]}, real ones {shapes[1]}. "
            "--size gives both one size"
        )
    for name, part in (("simulated", simulated.train), ("real", real.valid), ("real", real.test)):
        if part.labels is None or part.class_names is None:
            raise UsageError(
                f"the system simgan needs labels of the data set {name}: class folders, or a label file. Of real "
                "images only those of validation and test examples are looked at."
            )
    return simulated, real
