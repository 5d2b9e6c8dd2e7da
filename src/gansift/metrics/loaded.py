"""Features and metrics that are named on the command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
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
    spec: str,
    *,
    reference: Examples | Mapping[str, Examples],
    latents: int,
    seed: int,
    features: Callable[[Tensor], Tensor] | None = None,
) -> Metric:
    """The user's own metric.

    Args:
        spec: ``module:name`` of a class or function that is called by name with those of ``reference``, ``features``,
            ``latents`` and ``seed`` that it takes.
        reference: held-out examples, or those of several data sets by name.
        latents: number of samples.
        seed: for the latents.
        features: of the run, or None if there are none. `takes_features` tells beforehand whether they are needed.

    Raises:
        UsageError: if it cannot be imported or called, or what it returns is no `Metric`; saying what is missing.
        GansiftError: if it fails.
    """
    factory = import_named(spec, "the metric")
    known: dict[str, Any] = {"reference": reference, "latents": latents, "seed": seed}
    given = _taken(factory, spec, known if features is None else {**known, "features": features})
    try:
        metric = factory(**given)
    except GansiftError:
        raise
    except Exception as error:
        raise GansiftError(f"--metric {spec} failed when it was made: {type(error).__name__}: {error}") from error
    _check(metric, spec)
    return metric


def takes_features(spec: str) -> bool:
    """Whether a metric's class or function takes ``features``, which need not be fitted otherwise.

    Args:
        spec: as for `load_metric`.

    Raises:
        UsageError: if it cannot be imported.
    """
    return "features" in _names(import_named(spec, "the metric"), ["features"])


def _taken(factory: Any, spec: str, known: dict[str, Any]) -> dict[str, Any]:
    """What a metric's class or function takes of what is known, all that it needs among it."""
    given = {name: known[name] for name in _names(factory, known)}
    try:
        inspect.signature(factory).bind(**given)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--metric {spec} must be a class or function that can be called with {', '.join(known)} (or those of them "
            f"that it takes) by name: {error}"
        ) from error
    return given


def _names(factory: Any, names: Iterable[str]) -> list[str]:
    """Those of the names that a class or function has as arguments; all if it cannot be told or it takes any."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return list(names)
    anything = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return [name for name in names if anything or name in parameters]


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
