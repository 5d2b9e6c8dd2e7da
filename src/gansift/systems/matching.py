"""Flow matching as a system: a network carries noise along straight paths into images or points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from gansift import games
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.systems import denoisers
from gansift.systems.presets import general
from gansift.systems.system import System, only


def matching(
    data: Mapping[str, Splits],
    *,
    model: Literal["auto", "mlp", "unet"] = "auto",
    width: Annotated[int | None, Range(4, 65_536)] = None,
    attention: bool = True,
    dropout: Annotated[float, Range(0, below=1)] = 0.0,
    conditional: bool = False,
    untold: Annotated[float, Range(above=0, below=1)] = 0.1,
    guidance: Annotated[float, Range(0, 100)] = 1.0,
    solver: Literal["heun", "euler"] = "heun",
    sampling_steps: Annotated[int, Range(1, 10_000)] = 8,
    lr: Annotated[float | None, Range(above=0, most=1000)] = None,
    warmup: Annotated[int | None, Range(0, 100_000_000)] = None,
) -> System:
    """Flow matching: a network carries noise along straight paths into images or points.

    What is left open (None or ``auto``) is chosen to fit the data.

    Args:
        data: one data set, of images or of points.
        model: mlp (points and small images), unet (square images of an even side) or auto
        width: width of the perceptron, or channels of the U-Net at full size
        attention: the U-Net attends to all places at its smallest size
        dropout: probability that a number of a layer is dropped in training
        conditional: tell the network the class of every example
        untold: share of examples whose class is not told, with --conditional
        guidance: how far samples are guided to their class; 1 for none, with --conditional
        solver: how samples are made: heun, which asks the network twice in each step, or euler
        sampling_steps: steps in which a sample is made
        lr: learning rate at its peak
        warmup: steps over which the learning rate rises

    Metrics:
        fid, kid, is, all
        intra-fid: Fréchet distance within each class, on average (lower is better)
        tstr: error on real data of a classifier fitted to samples, reported with its wrong labels (lower is better)
        denoising-loss: error at undoing noise of held-out examples (lower is better)
        query-loss: the same of one example, which --query names: what does it owe its samples to? (lower is better)

    Raises:
        UsageError: without classes where they are to be told, or for settings that contradict one another.
    """
    settings = presets(data, **{name: value for name, value in locals().items() if name != "data"})
    splits = only(data, "matching")
    denoisers.check_network(settings)
    own = denoisers.losses(settings, splits, "matching") | {"solver": solver}
    rule = "Heun's rule" if solver == "heun" else "Euler's rule"
    sampler = denoisers.Sampler(f"{solver}{sampling_steps}", f"{sampling_steps} steps of {rule}")
    return System(
        game=partial(_game, settings, splits.train.shape, own),
        optimizers=denoisers.optimizer(settings),
        metrics=denoisers.metrics(splits, sampler, conditional),
        defaults=general(settings) | {"baselines": denoisers.BASELINES},
    )


def presets(data: Mapping[str, Splits], **given: Any) -> dict[str, Any]:
    """Every setting of `matching` with what is left open filled in for these data, and those of `presets.GENERAL`."""
    return denoisers.presets(data, "matching", given)


def _game(settings: Mapping[str, Any], shape: tuple[int, ...], own: Mapping[str, Any]) -> games.Game:
    return games.FlowMatching(denoisers.network(settings, shape, len(own.get("shares", ()))), **own)
