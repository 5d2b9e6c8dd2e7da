"""GANs that are told the class as a system: samples of requested classes, and metrics of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

import torch

from gansift import games, models
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.metrics.held_out import class_loss
from gansift.systems import gan
from gansift.systems.judges import conditional_metrics, exposure, sample_metrics
from gansift.systems.presets import general
from gansift.systems.system import Judges, System, only

_RANKINGS = "far-neighbours,isolation-forest,density,discriminator-score,nearest-samples"
_BASELINES = {"classifier": f"own-loss,{_RANKINGS}", "projection": _RANKINGS}


def acgan(
    data: Mapping[str, Splits],
    *,
    conditioning: Literal["classifier", "projection"] = "classifier",
    class_weight: Annotated[float, Range(0, 1e9)] = 1.0,
    class_loss_on_fakes: bool = True,
    model: Literal["auto", "mlp", "dcgan", "stylegan2", "fc"] = "auto",
    latent: Annotated[int | None, Range(1, 65_536)] = None,
    width: Annotated[int | None, Range(1, 65_536)] = None,
    most: Annotated[int | None, Range(1, 65_536)] = None,
    depth: Annotated[int | None, Range(1, 1024)] = None,
    activation: Literal["silu", "lrelu"] | None = None,
    noise: bool | None = None,
    augment: str = "none",
    mirror: bool = False,
    loss: Literal["non-saturating", "saturating", "least-squares", "wasserstein"] = "non-saturating",
    r1: Annotated[float | None, Range(0, 1e9)] = None,
    r1_interval: Annotated[int | None, Range(1, 100_000_000)] = None,
    gradient_penalty: Annotated[float, Range(0, 1e9)] = 0.0,
    schedule: str = "alternating",
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam",
    lr: Annotated[float | None, Range(above=0, most=1000)] = None,
    generator_lr: Annotated[float | None, Range(above=0, most=1000)] = None,
    beta1: Annotated[float, Range(0, below=1)] = 0.0,
    beta2: Annotated[float | None, Range(0, below=1)] = None,
    eps: Annotated[float | None, Range(0, 1)] = None,
    eps_inside: bool = True,
    warmup: Annotated[int | None, Range(0, 100_000_000)] = None,
    decay: Literal["constant", "cosine"] | None = None,
    final: Annotated[float | None, Range(0, 1)] = None,
) -> System:
    """A generator that is told the class, G(z, c), against a discriminator that knows classes (AC-GAN, or projection).

    What is left open (None or ``auto``) is chosen to fit the data as for the system gan.

    Args:
        data: one data set with labels, of images or of points.
        conditioning: classifier (AC-GAN: a second head says the class) or projection (the discriminator is told it)
        class_weight: of the class loss beside that of real or generated
        class_loss_on_fakes: the class head learns from generated samples, too, as in the paper
        model: networks: mlp, dcgan (28 or 32 pixels), stylegan2 (32, 64, 128 or 256 pixels), fc (points) or auto
        latent: number of latent variables, without those that stand for the class
        width: width of the networks
        most: channels at most, of stylegan2
        depth: layers of stylegan2's mapping network
        activation: of stylegan2: silu (smooth) or lrelu (that of the paper)
        noise: add noise in every layer of stylegan2's generator, as the paper does
        augment: what the discriminator sees is augmented by: translation,colour,cutout or none
        mirror: flip training images from left to right at random; each stays the example it is
        loss: non-saturating, saturating, least-squares or wasserstein
        r1: weight of the R1 penalty on real images
        r1_interval: steps from one R1 penalty to the next, which counts as often
        gradient_penalty: weight of the WGAN-GP penalty
        schedule: alternating, simultaneous, or n:m updates of discriminator and generator
        optimizer: adam, adamw, rmsprop or sgd
        lr: learning rate of both players
        generator_lr: learning rate of the generator, if it differs
        beta1: decay of Adam's first moment, or the momentum of sgd and rmsprop
        beta2: decay of Adam's second moment
        eps: epsilon in Adam's denominator; 1e-3 to 1e-2 keeps training smooth
        eps_inside: put epsilon inside the root: sqrt(v + eps^2)
        warmup: steps over which the learning rate rises
        decay: learning rate after the warm-up: constant or cosine
        final: share of the learning rate that a cosine ends at

    Metrics:
        fid, kid, is, all
        intra-fid: Fréchet distance within each class, on average (lower is better)
        tstr: error on real data of a classifier fitted to samples, reported with its wrong labels (lower is better)
        class-loss: loss of held-out labels, reported with their error (lower is better)
        exposure: by how much training examples look like such, for attacks on membership (lower is better)

    Raises:
        UsageError: without labels of two classes or more, if nothing is known of data of that shape, or settings
            contradict one another.
    """
    given = {name: value for name, value in locals().items() if name != "data"}
    splits = _checked(data)
    settings = presets(data, **given)
    gan.check_used(settings, splits.train.shape)
    if conditioning == "projection" and (class_weight != 1.0 or not class_loss_on_fakes):
        raise UsageError(
            "--class-weight and --no-class-loss-on-fakes would do nothing: --conditioning projection has no class loss"
        )
    shares = shares_of(splits)
    return System(
        game=partial(_game, settings, splits.train.shape, shares),
        optimizers=gan.optimizers(settings),
        metrics=_metrics(splits, conditioning),
        defaults=general(settings) | {"baselines": _BASELINES[conditioning]},
        architecture=_architecture(settings, splits.train.shape, len(shares)),
    )


def presets(data: Mapping[str, Splits], **given: Any) -> dict[str, Any]:
    """Every setting of `acgan` with what is left open filled in for these data, see `gan.presets`."""
    return gan.presets({"data": only(data, "acgan")}, **given)


def shares_of(splits: Splits) -> tuple[float, ...]:
    """How often each class is in the training data."""
    assert splits.train.labels is not None
    counts = torch.bincount(splits.train.labels, minlength=len(splits.train.class_names or ()))
    return tuple((counts.double() / counts.sum()).tolist())


def _metrics(splits: Splits, conditioning: str) -> dict[str, Any]:
    found: dict[str, Any] = sample_metrics(splits) | conditional_metrics(splits)
    found["exposure"] = lambda: exposure(splits)
    if conditioning == "classifier":
        found["class-loss"] = lambda: Judges(class_loss(splits.valid), class_loss(splits.test))
    return found


def _architecture(settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> models.Architecture:
    return replace(gan.architecture(settings, shape), classes=classes)


def _game(settings: Mapping[str, Any], shape: tuple[int, ...], shares: tuple[float, ...]) -> games.Game:
    generator, discriminator = _architecture(settings, shape, len(shares)).build()
    own = gan.losses(settings)
    if settings["conditioning"] == "projection":
        return games.ProjectionGAN(generator, discriminator, shares, **own)
    told = {name: settings[name] for name in ("class_weight", "class_loss_on_fakes")}
    return games.ACGAN(generator, discriminator, shares, **told, **own)


def _checked(data: Mapping[str, Splits]) -> Splits:
    splits = only(data, "acgan")
    names = splits.train.class_names
    if names is None or len(names) < 2:
        raise UsageError(
            "the system acgan needs labels of two classes or more: class folders, or a label file (--labels)"
        )
    return splits
