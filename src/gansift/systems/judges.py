"""Pairs of metrics of samples: on validation and on test data, with shared features, made together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Annotated, Any

from torch import Tensor

from gansift import metrics
from gansift.bounds import Range
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.metrics.distance import Distance
from gansift.metrics.exposure import Exposure
from gansift.metrics.imagenet import is_imagenet, parse_dims, weights_file
from gansift.metrics.loaded import takes_features
from gansift.systems.system import Judges

#: Features that are fitted on held-out data.
FITTED = ("auto", "classifier", "autoencoder")

# The latents of the two metrics of a pair: never the same.
_SEEDS = (1, 2)


def sample_metrics(splits: Splits) -> dict[str, Callable[..., Judges]]:
    """The built-in metrics of samples against a data set, by the name that ``--metric`` takes.

    Each is a function of ``latents``, and all but ``all`` of ``features``, too.
    """
    makers: dict[str, Callable[..., Judges]] = {
        "fid": partial(distance, metrics.FID),
        "kid": partial(distance, metrics.KID),
        "is": inception_score,
        "all": likelihood,
    }
    return {name: partial(maker, splits) for name, maker in makers.items()}


def conditional_metrics(splits: Splits) -> dict[str, Callable[..., Judges]]:
    """The built-in metrics of samples of requested classes, by the name that ``--metric`` takes.

    Each is a function of ``features`` and ``latents``.
    """
    makers: dict[str, type[Distance]] = {"intra-fid": metrics.IntraFID, "tstr": metrics.TSTR}
    return {name: partial(distance, kind, splits) for name, kind in makers.items()}


def exposure(splits: Splits) -> Judges:
    """By how much training examples look more like training examples than validation, or test, examples do."""
    return Judges(Exposure(splits.train, splits.valid), Exposure(splits.train, splits.test))


def distance(
    kind: type[Distance], splits: Splits, *, features: str = "auto", latents: Annotated[int, Range(2)] = 2000
) -> Judges:
    """A distance of samples to validation and to test data; each metric knows the other data, for its floor.

    Args:
        kind: `metrics.FID`, `metrics.KID`, `metrics.IntraFID` or `metrics.TSTR`.
        splits: the data set that is generated.
        features: classifier, autoencoder, imagenet[:dims], module:name, a TorchScript file, or auto
        latents: generated samples behind each value of the metric

    Raises:
        UsageError: if the features cannot be had, or do not fit the data.
    """
    function = features_of(splits, features)
    return Judges(
        kind(function, splits.valid, others=splits.test, latents=latents, seed=_SEEDS[0]),
        kind(function, splits.test, others=splits.valid, latents=latents, seed=_SEEDS[1]),
    )


def inception_score(splits: Splits, *, features: str = "auto", latents: Annotated[int, Range(2)] = 2000) -> Judges:
    """The Inception Score by a classifier of validation data, and by one of test data.

    Args:
        splits: the data set that is generated.
        features: classifier, imagenet[:dims], module:name, a TorchScript file, or auto; they need logits
        latents: generated samples behind each value of the metric

    Raises:
        UsageError: if the features cannot be had, do not fit the data, or have no logits.
    """
    classifier: Any = features_of(splits, features)
    if not hasattr(classifier, "logits"):
        raise UsageError(
            "--metric is needs a classifier: label the images (class folders or --labels) with several classes in what "
            "is held out, or give features with logits"
        )
    reporter = classifier
    if isinstance(classifier, metrics.ClassifierFeatures):  # one that has not seen what the scores look at
        if not _has_classes(splits.test):
            raise UsageError(f"--metric is needs test examples of several classes: {_ONE_CLASS}, or use another metric")
        reporter = metrics.ClassifierFeatures.fit(splits.test, seed=0)
    return Judges(
        metrics.IS(classifier, latents=latents, seed=_SEEDS[0]), metrics.IS(reporter, latents=latents, seed=_SEEDS[1])
    )


def likelihood(splits: Splits, *, latents: Annotated[int, Range(2)] = 2000) -> Judges:
    """The average log-likelihood (ALL) of validation and of test data, which are points.

    Args:
        splits: the data set that is generated.
        latents: generated samples behind each value of the metric

    Raises:
        UsageError: if the data are no points.
    """
    validation, test = (
        metrics.ALL(part, latents=latents, seed=seed)
        for seed, part in zip(_SEEDS, (splits.valid, splits.test), strict=True)
    )
    return Judges(validation, test)


def own(
    spec: str,
    data: Mapping[str, Splits],
    *,
    features: str = "auto",
    latents: Annotated[int, Range(2)] = 2000,
) -> Judges:
    """A person's own metric on validation and on test data, see `metrics.load_metric`.

    Features are fitted only if the metric's function takes them. Of several data sets it gets the references of all by
    name, and no features.

    Args:
        spec: ``module:name`` or ``file.py:name``.
        data: the data sets by name.
        features: as for `distance`.
        latents: generated samples behind each value of the metric

    Raises:
        UsageError: if the metric or its features cannot be had.
        GansiftError: if making it fails.
    """
    wanted = len(data) == 1 and takes_features(spec)
    function = features_of(next(iter(data.values())), features) if wanted else None
    validation, test = (
        metrics.load_metric(spec, reference=reference, features=function, latents=latents, seed=seed)
        for seed, reference in zip(_SEEDS, (_parts(data, "valid"), _parts(data, "test")), strict=True)
    )
    return Judges(validation, test)


def features_of(splits: Splits, name: str) -> Callable[[Tensor], Tensor]:
    """Features by name, of which those that are fitted are fitted on validation data.

    The last ones are kept, so that the metrics of one run that ask for the same features share them.

    Args:
        splits: the data set that they are for.
        name: ``classifier``, ``autoencoder``, ``auto`` for the one of these that fits the data, or anything that
            `metrics.load_features` takes.

    Raises:
        UsageError: if they cannot be had, or do not fit the data.
    """
    check_features(splits, name)
    if name == "auto":
        name = "classifier" if _has_classes(splits.valid) else "autoencoder"
    return _features(splits, name)


def check_features(splits: Splits, name: str) -> None:
    """Refuse features that cannot be had, as far as that can be told without fitting or loading them.

    Raises:
        UsageError: saying what is missing.
    """
    if name == "classifier" and splits.valid.labels is not None and not _has_classes(splits.valid):
        raise UsageError(
            f"--features classifier needs validation examples of several classes: {_ONE_CLASS}, or use --features "
            "autoencoder"
        )
    if name == "classifier" and splits.valid.labels is None:
        raise UsageError(
            "--features classifier needs labelled images: class folders, or --labels FILE. Without labels use "
            "--features autoencoder."
        )
    if is_imagenet(name):
        parse_dims(name)
        weights_file()


_ONE_CLASS = "all are of one; hold more data out (--fractions), try another --split-seed"


def _has_classes(examples: Examples) -> bool:
    """Whether there are several classes, which a classifier can be fitted to."""
    return examples.labels is not None and len(examples.labels.unique()) > 1


@lru_cache(maxsize=1)
def _features(splits: Splits, name: str) -> Callable[[Tensor], Tensor]:
    if name == "classifier":
        return metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    if name == "autoencoder":
        return metrics.AutoencoderFeatures.fit(splits.valid, seed=0)
    return metrics.load_features(name)


def _parts(data: Mapping[str, Splits], part: str) -> Any:
    found: dict[str, Examples] = {name: getattr(splits, part) for name, splits in data.items()}
    return next(iter(found.values())) if len(found) == 1 else found
