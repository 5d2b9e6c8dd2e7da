"""Features and metrics that are named on the command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from torch import Tensor, nn

from gansift.errors import GansiftError, UsageError
from gansift.metrics.imagenet import ImageNetFeatures, is_imagenet, parse_dims
from gansift.metrics.metric import Direction, Metric
from gansift.metrics.scripts import from_module, load_script, script_path
from gansift.named import import_named, is_named

if TYPE_CHECKING:
    from gansift.data.examples import Examples


def load_features(spec: str) -> Callable[[Tensor], Tensor]:
    """Features that need no fitting.

    Args:
        spec: ``imagenet`` or ``imagenet:DIMENSIONS``; path of a TorchScript file, ``path@convention`` for Inception;
            or ``module:name`` of an importable callable or ``torch.nn.Module``. A module gets ``logits`` if it has
            a method of that name.

    Raises:
        UsageError: naming what could not be found, imported, loaded or called.
        GansiftError: if ImageNet's weights are damaged.
    """
    if is_imagenet(spec):
        return ImageNetFeatures(parse_dims(spec))
    script = script_path(spec)
    if script is not None:
        return load_script(*script)
    if not is_named(spec):
        raise UsageError(
            f"cannot load features from {spec!r}: there is no such file, and it is not of the form module:name"
        )
    features = import_named(spec, "features")
    name = spec.partition(":")[2]
    if isinstance(features, nn.Module):
        return from_module(features, name)
    if not callable(features):
        raise UsageError(
            f"cannot load features from {spec!r}: {name} is a {type(features).__name__}, not callable. It must take "
            "images (n, C, H, W) and return features (n, d)."
        )
    return features


def load_metric(
    spec: str, *, reference: Examples, features: Callable[[Tensor], Tensor], latents: int, seed: int
) -> Metric:
    """The user's own metric.

    Args:
        spec: ``module:name`` of a class or function that is called with the other arguments, by name.
        reference: held-out examples.
        features: of the run.
        latents: number of samples.
        seed: for the latents.

    Raises:
        UsageError: if it cannot be imported or called, or what it returns is no `Metric`; saying what is missing.
        GansiftError: if it fails.
    """
    factory = import_named(spec, "the metric")
    given: dict[str, Any] = {"reference": reference, "features": features, "latents": latents, "seed": seed}
    try:
        inspect.signature(factory).bind(**given)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--metric {spec} must be a class or function that can be called with {', '.join(given)} by name: {error}"
        ) from error
    try:
        metric = factory(**given)
    except GansiftError:
        raise
    except Exception as error:
        raise GansiftError(f"--metric {spec} failed when it was made: {type(error).__name__}: {error}") from error
    _check(metric, spec)
    return metric


def _check(metric: Any, spec: str) -> None:
    missing = [name for name in ("name", "direction", "value", "gradient") if not hasattr(metric, name)]
    if missing:
        raise UsageError(
            f"--metric {spec} made a {type(metric).__name__} without {', '.join(missing)}; a metric has a name, a "
            "direction, value(source) and gradient(source), as gansift.metrics.Metric says"
        )
    if metric.direction not in get_args(Direction):
        raise UsageError(f"--metric {spec}: its direction must be 'lower' or 'higher', not {metric.direction!r}")
    if not isinstance(metric.name, str) or not re.fullmatch(r"\w[\w.@-]*", metric.name, re.ASCII):
        raise UsageError(
            f"--metric {spec}: its name must be fit for a file name (letters, digits and any of _ - . @), not "
            f"{metric.name!r}"
        )
