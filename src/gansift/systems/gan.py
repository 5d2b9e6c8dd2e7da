"""The built-in GANs as a system: networks, losses, penalties and optimizers, with presets that fit the data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch

from gansift import games, models, training
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.systems.judges import exposure, sample_metrics
from gansift.systems.presets import general, preset
from gansift.systems.system import System, only

# What makes the player that follows path lengths their moving average, see `games.stylegan2.PathMean`.
_PATH_DECAY = 0.01


def gan(
    data: Mapping[str, Splits],
    *,
    model: Literal["auto", "mlp", "dcgan", "stylegan2", "fc"] = "auto",
    init: str | None = None,
    lora: Annotated[int, Range(0, 4096)] = 0,
    lora_layers: str = "*",
    lora_start: Literal["zero", "kaiming"] = "zero",
    latent: Annotated[int | None, Range(1, 65_536)] = None,
    width: Annotated[int | None, Range(1, 65_536)] = None,
    most: Annotated[int | None, Range(1, 65_536)] = None,
    depth: Annotated[int | None, Range(1, 1024)] = None,
    activation: Literal["silu", "lrelu"] | None = None,
    noise: bool | None = None,
    mixing: Annotated[float, Range(0, 1)] = 0.9,
    path_length: Annotated[float, Range(0, 1e9)] = 0.0,
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
    dp_epsilon: Annotated[float | None, Range(above=0, most=1000)] = None,
    dp_delta: Annotated[float | None, Range(above=0, below=1)] = None,
    dp_clip: Annotated[float, Range(1e-9, 1e9)] = 1.0,
) -> System:
    """A generator of images or points against a discriminator that tells them from real ones.

    What is left open (None or ``auto``) is chosen to fit the data, see `presets`.

    Args:
        data: one data set, of images or of points.
        model: networks: mlp, dcgan (28 or 32 pixels), stylegan2 (32, 64, 128 or 256 pixels), fc (points) or auto
        init: weights to start from: a file of `gansift export --format weights`, or a StyleGAN2 checkpoint (.pt)
        lora: rank of low-rank adapters, the only thing that is then trained; 0 trains everything
        lora_layers: patterns of the names of layers that get adapters, e.g. convs.*,blocks.*
        lora_start: zero (training starts from the network as it is) or kaiming (the papers' code)
        latent: number of latent variables
        width: width of the networks
        most: channels at most, of stylegan2
        depth: layers of stylegan2's mapping network
        activation: of stylegan2: silu (smooth) or lrelu (that of the paper)
        noise: add noise in every layer of stylegan2's generator, as the paper does
        mixing: probability that stylegan2 mixes the styles of two latents
        path_length: weight of stylegan2's path-length regularisation, every 4 steps; 0 for none
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
        dp_epsilon: train with differential privacy: the epsilon that one training may spend; with --until train
        dp_delta: the delta of the same (default: a tenth of one in as many as there are training examples)
        dp_clip: norm that the gradient of each real example is clipped to

    Metrics:
        fid, kid, is, all
        exposure: by how much training examples look like such, for attacks on membership (lower is better)

    Raises:
        UsageError: if nothing is known of data of that shape, or settings contradict one another.
        DataError: if the weights to start from cannot be read.
    """
    given = {name: value for name, value in locals().items() if name != "data"}
    splits = only(data, "gan")
    settings = presets(data, **given)
    shape = splits.train.shape
    check_used(settings, shape)
    if settings["dp_epsilon"] is not None:
        _check_private(settings, splits)
    return System(
        game=partial(_game, settings, shape),
        optimizers=optimizers(settings),
        metrics=sample_metrics(splits) | {"exposure": partial(exposure, splits)},
        defaults=general(settings),
        architecture=architecture(settings, shape),
    )


def presets(data: Mapping[str, Splits], **given: Any) -> dict[str, Any]:
    """Every setting of `gan` with what is left open filled in for these data, and defaults of the general settings.

    Args:
        data: as for `gan`.
        given: settings of `gan`; those that are None or ``auto`` are open.

    Returns:
        The settings of `gan`, and ``steps``, ``batch``, ``ema``, ``metric``, ``seeds``, ``horizons``, ``remove`` and
        ``verify``.

    Raises:
        UsageError: if nothing is known of data of that shape, or a setting contradicts the weights to start from.
        DataError: if these cannot be read.
    """
    decided = {name: value for name, value in given.items() if value not in (None, "auto")}
    if "init" in decided:  # absolute, so that a run goes on from any folder
        decided["init"] = str(Path(decided["init"]).absolute())
    chosen = _started_from(Path(decided["init"]), decided) if "init" in decided else {}
    if decided.get("dp_epsilon") is not None:
        chosen |= {"dp_delta": 0.1 / len(only(data, "gan").train)}
    fitting = preset(only(data, "gan").train.shape, chosen.get("model", decided.get("model", "auto")))
    return _defaults() | {"r1_interval": 1} | fitting | chosen | decided


def architecture(settings: Mapping[str, Any], shape: tuple[int, ...]) -> models.Architecture:
    """The built-in networks of resolved settings for examples of a shape."""
    own = {name: settings[name] for name in ("most", "depth", "activation", "noise") if settings[name] is not None}
    return models.Architecture(settings["model"], tuple(shape), settings["latent"], settings["width"], **own)


def _defaults() -> dict[str, Any]:
    parameters = inspect.signature(gan).parameters.values()
    return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}


def _started_from(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of weights says of its networks, which nobody may contradict."""
    recorded = asdict(models.initial_architecture(path))
    del recorded["shape"]
    classes = recorded.pop("classes")
    if classes:
        raise UsageError(
            f"--init {path} holds networks that are told the class, of {classes} classes, which the system gan is not. "
            "Start from others, or read them in a game of your own (gansift.models.read_weights)."
        )
    for name, value in recorded.items():
        if given.get(name, value) != value:
            raise UsageError(
                f"--{name} {given[name]} does not go with --init {path}, whose networks have {value}. Leave it out."
            )
    return recorded


def check_used(settings: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Refuse settings of parts that the game does not have.

    Args:
        settings: resolved ones, of `gan` or of a system that has most of its settings.
        shape: of one example.

    Raises:
        UsageError: naming the flags.
    """
    of_styles = ["mixing", "path_length"]
    if settings["init"] is None:  # else they are what the file says of its networks
        of_styles += ["most", "depth", "activation", "noise"]
    unused = [] if settings["model"] == "stylegan2" else of_styles
    unused += [] if settings["lora"] else ["lora_layers", "lora_start"]
    unused += (
        [] if settings.get("dp_epsilon") is not None else [name for name in ("dp_delta", "dp_clip") if name in settings]
    )
    usual = _defaults()
    odd = [f"--{name.replace('_', '-')}" for name in unused if settings[name] != usual[name]]
    if odd:
        raise UsageError(
            f"{', '.join(odd)} would do nothing: they need --model stylegan2, those of adapters --lora, and those of "
            "differential privacy --dp-epsilon"
        )
    if (games.parse_augment(settings["augment"]) or settings["mirror"]) and len(shape) != 3:
        raise UsageError("--augment and --mirror are for images, and these examples are points")


def _check_private(settings: Mapping[str, Any], splits: Splits) -> None:
    """Refuse what is not differentially private.

    Raises:
        UsageError: naming the flags.
    """
    odd = [f"--{name.replace('_', '-')}" for name in ("mirror", "gradient_penalty") if settings[name]]
    odd += ["--augment"] if games.parse_augment(settings["augment"]) else []
    if odd:
        raise UsageError(f"{', '.join(odd)} cannot go with --dp-epsilon; leave it out")
    if settings["model"] == "stylegan2":
        raise UsageError("--dp-epsilon is not there for --model stylegan2; choose mlp, dcgan or fc")
    if splits.encoding is not None:
        raise UsageError(
            "--dp-epsilon is not there for tables: means, scales and categories of their columns are told as they are"
        )
    if settings["dp_delta"] >= 1 / len(splits.train):
        raise UsageError(
            f"--dp-delta {settings['dp_delta']:g} promises nothing: it must be well below one in {len(splits.train):,} "
            "training examples"
        )


def _game(settings: Mapping[str, Any], shape: tuple[int, ...]) -> games.Game:
    generator, discriminator = (_adapted(settings, network) for network in _networks(settings, shape))
    own = losses(settings)
    if settings["model"] == "stylegan2":
        own |= {"mixing": settings["mixing"], "path_length": settings["path_length"]}
        return games.StyleGAN2(generator, discriminator, **own)
    return games.GAN(generator, discriminator, **own)


def losses(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What resolved settings say of the losses of a `games.GAN`, as its keyword arguments."""
    own = {name: settings[name] for name in ("loss", "r1", "r1_interval", "gradient_penalty", "mirror", "schedule")}
    return own | {"augment": games.parse_augment(settings["augment"])}


def _networks(settings: Mapping[str, Any], shape: tuple[int, ...]) -> models.Pair:
    if settings["init"] is None:
        return architecture(settings, shape).build()
    recorded, pair = models.initial_networks(Path(settings["init"]))
    if recorded.shape != tuple(shape):
        raise UsageError(
            f"--init {settings['init']} holds networks for images of shape {recorded.shape} (channels, height, width), "
            f"and these are {tuple(shape)}. Resize them with --size {recorded.shape[1]}, or start from other weights."
        )
    return pair


def _adapted(settings: Mapping[str, Any], network: models.Network) -> torch.nn.Module:
    if not settings["lora"]:
        return network
    if settings["init"] is None:
        raise UsageError(
            "--lora trains adapters of a network that is frozen, so it needs one: give its weights, --init"
        )
    if not network.pretrained:
        return network  # there is nothing to adapt: what the file does not hold is new, and trained as a whole
    patterns = [part.strip() for part in settings["lora_layers"].split(",")]
    return models.Adapted(network, settings["lora"], models.fitting(network, patterns), settings["lora_start"])


def optimizers(settings: Mapping[str, Any]) -> dict[str, training.Optimizer]:
    """The optimizers of resolved settings, by player."""
    lr, generator_lr = settings["lr"], settings["generator_lr"]
    found = {
        "discriminator": _optimizer(settings, lr),
        "generator": _optimizer(settings, lr if generator_lr is None else generator_lr),
    }
    if settings.get("dp_epsilon") is not None:
        promise = training.Privacy(epsilon=settings["dp_epsilon"], delta=settings["dp_delta"], clip=settings["dp_clip"])
        found["discriminator"] = replace(found["discriminator"], private=promise)
    if settings["model"] == "stylegan2" and settings["path_length"]:
        found["path"] = training.SGD(lr=_PATH_DECAY)
    return found


def _optimizer(settings: Mapping[str, Any], lr: float) -> training.Optimizer:
    name, beta1, beta2 = settings["optimizer"], settings["beta1"], settings["beta2"]
    rate: dict[str, Any] = {"lr": lr, **{key: settings[key] for key in ("warmup", "decay", "final")}}
    inside: dict[str, Any] = {key: settings[key] for key in ("eps", "eps_inside")}
    if name == "adam":
        return training.Adam(betas=(beta1, beta2), **inside, **rate)
    if name == "adamw":
        return training.AdamW(betas=(beta1, beta2), **inside, **rate)
    if name == "rmsprop":
        return training.RMSprop(alpha=beta2, momentum=beta1, **inside, **rate)
    if name == "sgd":
        return training.SGD(momentum=beta1, **rate)
    raise UsageError(f"--optimizer {name!r} is unknown; choose adam, adamw, rmsprop or sgd")
