"""Metrics of a generator with closed-form gradients, and the feature spaces they are computed in."""

from gansift.metrics.features import AutoencoderFeatures, ClassifierFeatures, load_features
from gansift.metrics.frechet import FID
from gansift.metrics.inception_score import IS
from gansift.metrics.likelihood import ALL
from gansift.metrics.metric import Metric, SampleMetric

__all__ = [
    "ALL",
    "FID",
    "IS",
    "AutoencoderFeatures",
    "ClassifierFeatures",
    "Metric",
    "SampleMetric",
    "load_features",
]
