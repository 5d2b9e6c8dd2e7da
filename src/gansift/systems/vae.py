"""The variational autoencoder as a system: latents are decoded into images or points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from gansift import games, models
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.metrics.bound import negative_bound
from gansift.systems import denoisers
from gansift.systems.judges import sample_metrics
from gansift.systems.presets import general
from gansift.systems.system import Judges, System, only

_POINTS = {"latent": 2, "metric": "all", "remove": "1%,2%,5%,10%"}
_IMAGES = {"latent": 8, "metric": "fid", "remove": "2%,5%,10%"}
_SMOOTH: dict[str, Any] = {
    "width": 64, "lr": 2e-3, "warmup": 75, "steps": 1500, "batch": 50, "ema": 0.98, "horizons": "1,5,20,all",
    "seeds": 5, "scoring_seeds": 4, "choosing_seeds": 4, "judging_seeds": 16, "verify": 30,
}  # fmt: skip


def vae(
    data: Mapping[str, Splits],
    *,
    latent: Annotated[int | None, Range(1, 65_536)] = None,
    width: Annotated[int | None, Range(1, 65_536)] = None,
    deviation: Annotated[float, Range(above=0, most=1e6)] = 0.3,
    lr: Annotated[float | None, Range(above=0, most=1000)] = None,
    warmup: Annotated[int | None, Range(0, 100_000_000)] = None,
) -> System:
    """A variational autoencoder (VAE): perceptrons encode images or points as latents, and decode latents.

    What is left open (None) is chosen to fit the data.

    Args:
        data: one data set, of small images or of points.
        latent: number of latent variables
        width: width of the hidden layers
        deviation: standard deviation of a pixel about what is decoded; smaller values reconstruct more finely
        lr: learning rate at its peak
        warmup: steps over which the learning rate rises

    Metrics:
        fid, kid, is, all
        bound: negative evidence lower bound of held-out examples, in nats a number (lower is better)
    """
    settings = presets(data, latent=latent, width=width, deviation=deviation, lr=lr, warmup=warmup)
    splits = only(data, "vae")
    return System(
        game=lambda: games.VAE(
            models.PerceptronVAE(settings["latent"], settings["width"], splits.train.shape), deviation=deviation
        ),
        optimizers=denoisers.optimizer(settings),
        metrics={
            **sample_metrics(splits),
            "bound": lambda: Judges(negative_bound(splits.valid), negative_bound(splits.test)),
        },
        defaults=general(settings) | {"baselines": denoisers.BASELINES},
    )


def presets(data: Mapping[str, Splits], **given: Any) -> dict[str, Any]:
    """Every setting of `vae` with what is left open filled in for these data, and those of `presets.GENERAL`."""
    fitting = _POINTS if len(only(data, "vae").train.shape) == 1 else _IMAGES
    return {**given, **_SMOOTH, **fitting, **{name: value for name, value in given.items() if value is not None}}
