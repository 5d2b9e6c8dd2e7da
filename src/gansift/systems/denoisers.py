"""What the systems `matching` and `diffusion` have in common: networks, presets and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, NamedTuple

from gansift import models
from gansift.data.examples import Splits
from gansift.data.single import single_example
from gansift.errors import UsageError
from gansift.metrics.denoising import denoising_loss, query_loss
from gansift.metrics.metric import SampleMetric
from gansift.models.layers import Network
from gansift.systems.acgan import shares_of
from gansift.systems.judges import conditional_metrics, sample_metrics
from gansift.systems.system import Judges, only
from gansift.training import Adam

_SEEDS = {"seeds": 5, "scoring_seeds": 4, "choosing_seeds": 4, "judging_seeds": 16, "verify": 30}
_POINTS: dict[str, Any] = {
    "model": "mlp", "width": 64, "lr": 3e-3, "warmup": 75, "steps": 1500, "batch": 50, "ema": 0.98,
    "metric": "all", "horizons": "1,5,20,all", "remove": "1%,2%,5%,10%", **_SEEDS,
}  # fmt: skip
_SMALL_IMAGES: dict[str, Any] = {
    "model": "mlp", "width": 64, "lr": 3e-3, "warmup": 75, "steps": 1500, "batch": 50, "ema": 0.98,
    "metric": "fid", "horizons": "1,5,20,all", "remove": "2%,5%,10%", **_SEEDS,
}  # fmt: skip
_IMAGES: dict[str, Any] = {
    "model": "unet", "width": 16, "lr": 2e-3, "warmup": 100, "steps": 2000, "batch": 50, "ema": 0.99,
    "metric": "fid", "horizons": "1,5,all", "remove": "2%,5%,10%", **_SEEDS, "scoring_seeds": 3, "choosing_seeds": 3,
    "judging_seeds": 8, "verify": 20,
}  # fmt: skip

#: What needs neither a discriminator nor labels.
BASELINES = "far-neighbours,isolation-forest,density,nearest-samples"
# A perceptron of larger images would learn little.
_PERCEPTRON_SIDE = 12
# The least denominator of Adam, which keeps training smooth.
_EPS = 1e-3


class Sampler(NamedTuple):
    """How samples are made.

    Attributes:
        name: in a few letters that are fit for a file name.
        words: the same in words, such as ``8 steps of Heun's rule``.
    """

    name: str
    words: str


def presets(data: Mapping[str, Splits], system: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a system with what is left open filled in, and the defaults of general settings.

    Args:
        data: one data set.
        system: its name.
        given: its settings; those that are None or ``auto`` are open.
    """
    splits = only(data, system)
    shape = splits.train.shape
    decided = {name: value for name, value in given.items() if value not in (None, "auto")}
    fitting = _POINTS if len(shape) == 1 else _SMALL_IMAGES if max(shape[1:]) <= _PERCEPTRON_SIDE else _IMAGES
    return {**given, **fitting, **decided}


def network(settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> Network:
    """The network of resolved settings for examples of a shape; ``classes`` is 0 if it is told none."""
    if settings["model"] == "mlp":
        return models.PerceptronDenoiser(settings["width"], shape, classes)
    return models.UNet(settings["width"], shape, classes, settings["attention"])


def losses(settings: Mapping[str, Any], splits: Splits, system: str) -> dict[str, Any]:
    """The keyword arguments of `games.denoising.Denoising` of resolved settings.

    Raises:
        UsageError: for settings that contradict one another or the data.
    """
    own = {name: settings[name] for name in ("sampling_steps", "dropout")}
    if not settings["conditional"]:
        flags = [f"--{name}" for name, usual in (("guidance", 1.0), ("untold", 0.1)) if settings[name] != usual]
        if flags:
            raise UsageError(f"{' and '.join(flags)} would do nothing without --conditional")
        return own
    names = splits.train.class_names
    if names is None or len(names) < 2:
        raise UsageError(
            f"--conditional: the system {system} is told the class of every example, and there are not two classes or "
            "more: give class folders, or a label file (--labels)"
        )
    return own | {"shares": shares_of(splits), "untold": settings["untold"], "guidance": settings["guidance"]}


def check_network(settings: Mapping[str, Any]) -> None:
    """Refuse settings of a part that the network does not have.

    Raises:
        UsageError: naming the flag.
    """
    if settings["model"] == "mlp" and not settings["attention"]:
        raise UsageError("--no-attention would do nothing: --model mlp has no attention")


def optimizer(settings: Mapping[str, Any]) -> Adam:
    """Adam with a rate that rises, and then falls to 0 with a cosine."""
    return Adam(
        lr=settings["lr"],
        betas=(0.9, 0.99),
        eps=_EPS,
        eps_inside=True,
        warmup=settings["warmup"],
        decay="cosine",
    )


def metrics(splits: Splits, sampler: Sampler, conditional: bool) -> dict[str, Callable[..., Judges]]:
    """The metrics of a system by name; those of samples say how these are made.

    Args:
        splits: the data set that is generated.
        sampler: how samples are made.
        conditional: whether samples of classes can be asked for.
    """
    of_samples = sample_metrics(splits) | (conditional_metrics(splits) if conditional else {})
    found = {name: _saying(sampler, make) for name, make in of_samples.items()}
    return {
        **found,
        "denoising-loss": lambda: Judges(denoising_loss(splits.valid), denoising_loss(splits.test)),
        "query-loss": partial(_of_query, splits),
    }


def _of_query(splits: Splits, *, query: str | None = None) -> Judges:
    """The denoising loss of one example, under noises that differ between the two metrics.

    Args:
        splits: the data set.
        query: an image file, or an example by its id

    Raises:
        UsageError: if there is no query, or nothing of that name.
    """
    if query is None:
        raise UsageError("--metric query-loss asks about one example: give --query IMAGE, or its id in manifest.csv")
    example = single_example(splits, query)
    digest = example.hashes[0][:12]
    validation, test = (
        query_loss(example, name=f"query-loss-{digest}", what=f"the query {example.ids[0]}", seed=seed)
        for seed in (0, 1)
    )
    return Judges(validation, test)


def _saying(sampler: Sampler, make: Callable[..., Judges]) -> Callable[..., Judges]:
    """What makes a metric of samples, whose name and meaning say how samples are made."""

    @wraps(make)
    def made(**settings: Any) -> Judges:
        judges = make(**settings)
        for metric in (judges.validation, judges.test):
            assert isinstance(metric, SampleMetric)
            metric.name = f"{metric.name}-{sampler.name}"
            metric.meaning = f"{metric.meaning}, with samples made in {sampler.words}"
        return judges

    return made
