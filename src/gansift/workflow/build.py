"""From a configuration to the objects it names: data, game, optimizers, metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansift import data, games, metrics, models, training
from gansift.data.examples import Examples, Splits
from gansift.data.records import parse_columns
from gansift.errors import UsageError
from gansift.metrics.imagenet import is_imagenet, parse_dims, weights_file
from gansift.metrics.metric import Metric
from gansift.named import is_named
from gansift.training.devices import check_device
from gansift.training.memory import bytes_of
from gansift.training.order import check_batch
from gansift.workflow.config import MACHINE, Config, known
from gansift.workflow.own import own_game
from gansift.workflow.plan import metric_name

# What makes the player that follows path lengths their moving average, see `games.stylegan2.PathMean`.
_PATH_DECAY = 0.01


@dataclass(frozen=True)
class Workplace:
    """Everything that the seeds of a run have in common.

    Attributes:
        config: the resolved configuration.
        splits: the data.
        metrics: by name, each against validation data (scores and choices use it) and against test data, with latents
            of its own (for reporting only).
        asked: the name of the metric that is asked about.
    """

    config: Config
    splits: Splits
    metrics: Mapping[str, tuple[Metric, Metric]]
    asked: str

    @property
    def validation(self) -> Metric:
        """The metric that is asked about, against validation data."""
        return self.metrics[self.asked][0]

    @property
    def test(self) -> Metric:
        """The metric that is asked about, against test data."""
        return self.metrics[self.asked][1]


def workplace(config: Config, cache: Path) -> Workplace:
    """Load the data and fit the metric's features; done once for settings that differ in those of the machine alone.

    Args:
        config: resolved.
        cache: the run directory's folder for decoded images.
    """
    machine: dict[str, Any] = dict.fromkeys(MACHINE)
    return replace(_workplace(replace(config, **machine), cache), config=config)


@lru_cache(maxsize=1)
def _workplace(config: Config, cache: Path) -> Workplace:
    torch.set_num_threads(config.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic
    torch.use_deterministic_algorithms(True)
    splits = load_data(config, cache)
    name = metric_name(config)
    return Workplace(config, splits, {name: build_metrics(config, splits)}, name)


def load_data(config: Config, cache: Path | None = None) -> Splits:
    """The data of a configuration, split; decoded images are kept in a cache, if there is one."""
    return data.load(
        config.source,
        seed=config.split_seed,
        fractions=data.parse_fractions(config.fractions),
        labels=config.labels,
        label=config.label,
        group=parse_columns(config.group),
        ignore=parse_columns(config.ignore),
        include=parse_columns(config.include),
        impute=config.impute,
        size=config.size,
        resize=config.resize,
        skip_bad=config.skip_bad,
        cache=cache,
    )


def check(config: Config, splits: Splits) -> None:
    """Find what would be refused later, before any work is done.

    Raises:
        UsageError: for unknown networks, optimizers or metrics, a metric that does not fit the data, or ImageNet
            features without the package that has the weights.
        TrainingError: for a game or a batch that is impossible.
    """
    check_batch(config.batch, len(splits.train))
    check_device(known(config.device))
    if config.memory is not None:
        bytes_of(config.memory)
    _check_used(config)
    build_game(config, splits.train)
    build_optimizers(config, splits.train)
    if config.metric not in ("fid", "kid", "is", "all") and not is_named(known(config.metric)):
        raise UsageError(f"--metric {config.metric!r} is unknown; choose fid, kid, is, all or module:name")
    if is_imagenet(config.features):
        parse_dims(config.features)
        weights_file()
    if _features_name(config, splits) == "classifier" and splits.valid.labels is None:
        raise UsageError(
            "--features classifier needs labelled images: class folders, or --labels FILE. Without labels use "
            "--features autoencoder."
        )


def build_game(config: Config, examples: Examples, seed: int = 0) -> games.Game:
    """The game of a resolved configuration for these training examples and a training seed.

    Raises:
        UsageError: for unknown networks, or a game of one's own that cannot be built.
        TrainingError: if the networks or the game do not take what is given.
    """
    if config.game is not None:
        return own_game(config.game, examples, seed)[0]
    generator, discriminator = (_adapted(config, network) for network in _networks(config, examples.shape))
    settings: dict[str, Any] = {
        "loss": config.loss, "r1": known(config.r1), "r1_interval": known(config.r1_interval),
        "gradient_penalty": config.gradient_penalty, "augment": games.parse_augment(config.augment),
        "mirror": config.mirror, "schedule": config.schedule,
    }  # fmt: skip
    if (settings["augment"] or config.mirror) and len(examples.shape) != 3:
        raise UsageError("--augment and --mirror are for images, and these examples are points")
    if config.model == "stylegan2":
        settings |= {"mixing": config.mixing, "path_length": config.path_length}
        return games.StyleGAN2(generator, discriminator, **settings)
    return games.GAN(generator, discriminator, **settings)


def _check_used(config: Config) -> None:
    """Refuse settings of parts that the game does not have."""
    usual = Config()
    of_styles = ["mixing", "path_length"]
    if config.init is None:  # else they are what the file says of its networks
        of_styles += ["most", "depth", "activation", "noise"]
    unused = ([] if config.model == "stylegan2" else of_styles) + ([] if config.lora else ["lora_layers", "lora_start"])
    odd = [name for name in unused if getattr(config, name) != getattr(usual, name)]
    if odd:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in odd)
        raise UsageError(f"{flags} would do nothing: they need --model stylegan2, and those of adapters --lora")


def architecture(config: Config, shape: tuple[int, ...]) -> models.Architecture:
    """The built-in networks of a resolved configuration for examples of a shape."""
    own = {name: getattr(config, name) for name in ("most", "depth", "activation", "noise")}
    return models.Architecture(
        config.model,
        tuple(shape),
        known(config.latent),
        known(config.width),
        **{name: value for name, value in own.items() if value is not None},
    )


def _networks(config: Config, shape: tuple[int, ...]) -> models.Pair:
    if config.init is None:
        return architecture(config, shape).build()
    there, pair = models.read_weights(Path(config.init))
    if there.shape != tuple(shape):
        raise UsageError(
            f"--init {config.init} holds networks for images of shape {there.shape} (channels, height, width), and "
            f"these are {tuple(shape)}. Resize them with --size {there.shape[1]}, or start from other weights."
        )
    return pair


def _adapted(config: Config, network: models.Network) -> torch.nn.Module:
    if not config.lora:
        return network
    if config.init is None:
        raise UsageError(
            "--lora trains adapters of a network that is frozen, so it needs one: give its weights, --init"
        )
    if not network.pretrained:
        return network  # there is nothing to adapt: what the file does not hold is new, and trained as a whole
    patterns = [part.strip() for part in config.lora_layers.split(",")]
    return models.Adapted(network, config.lora, models.fitting(network, patterns), config.lora_start)


def build_optimizers(config: Config, examples: Examples) -> dict[str, training.Optimizer]:
    """The optimizer of each player of a resolved configuration.

    Raises:
        UsageError: for an unknown optimizer.
    """
    lr = known(config.lr)
    if config.game is not None:
        game, own = own_game(config.game, examples, seed=0)
        return {name: own.get(name) or _optimizer(config, lr) for name in game.players}
    optimizers = {
        "discriminator": _optimizer(config, lr),
        "generator": _optimizer(config, lr if config.generator_lr is None else config.generator_lr),
    }
    if config.model == "stylegan2" and config.path_length:
        optimizers["path"] = training.SGD(lr=_PATH_DECAY)
    return optimizers


def _optimizer(config: Config, lr: float) -> training.Optimizer:
    rate: dict[str, Any] = {
        "lr": lr, "warmup": known(config.warmup), "decay": known(config.decay), "final": known(config.final),
    }  # fmt: skip
    inside: dict[str, Any] = {"eps": known(config.eps), "eps_inside": config.eps_inside}
    beta2 = known(config.beta2)
    if config.optimizer == "adam":
        return training.Adam(betas=(config.beta1, beta2), **inside, **rate)
    if config.optimizer == "adamw":
        return training.AdamW(betas=(config.beta1, beta2), **inside, **rate)
    if config.optimizer == "rmsprop":
        return training.RMSprop(alpha=beta2, momentum=config.beta1, **inside, **rate)
    if config.optimizer == "sgd":
        return training.SGD(momentum=config.beta1, **rate)
    raise UsageError(f"--optimizer {config.optimizer!r} is unknown; choose adam, adamw, rmsprop or sgd")


def build_metrics(config: Config, splits: Splits) -> tuple[Metric, Metric]:
    """The metric on validation data and on test data: other references, other latents, the same features.

    Raises:
        UsageError: for a metric that does not fit the features, or features that do not fit the data.
    """
    if config.metric == "all":
        return tuple(  # type: ignore[return-value]
            metrics.ALL(part, latents=config.latents, seed=seed)
            for seed, part in enumerate((splits.valid, splits.test), 1)
        )
    features = _features(config, splits)
    if config.metric == "is":
        if not hasattr(features, "logits"):
            raise UsageError(
                "--metric is needs a classifier: label the images (class folders or --labels), or give features "
                "with logits"
            )
        judge = features
        if isinstance(features, metrics.ClassifierFeatures):  # one that has not seen what the scores look at
            judge = metrics.ClassifierFeatures.fit(splits.test, seed=0)
        return metrics.IS(features, latents=config.latents, seed=1), metrics.IS(judge, latents=config.latents, seed=2)
    kind = {"fid": metrics.FID, "kid": metrics.KID}.get(known(config.metric))
    if kind is None:
        return tuple(  # type: ignore[return-value]
            metrics.load_metric(
                known(config.metric), reference=part, features=features, latents=config.latents, seed=seed
            )
            for seed, part in enumerate((splits.valid, splits.test), 1)
        )
    return (
        kind(features, splits.valid, others=splits.test, latents=config.latents, seed=1),
        kind(features, splits.test, others=splits.valid, latents=config.latents, seed=2),
    )


def _features(config: Config, splits: Splits) -> Callable[[Tensor], Tensor]:
    name = _features_name(config, splits)
    if name == "classifier":
        return metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    if name == "autoencoder":
        return metrics.AutoencoderFeatures.fit(splits.valid, seed=0)
    return metrics.load_features(name)


def _features_name(config: Config, splits: Splits) -> str:
    if config.features == "auto":
        return "autoencoder" if splits.valid.labels is None else "classifier"
    return config.features
