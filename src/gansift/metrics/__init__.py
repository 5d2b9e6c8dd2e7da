"""Metrics of trained players and of their samples, with gradients, and the feature spaces they are computed in."""

from gansift.metrics.bound import negative_bound
from gansift.metrics.clustering import cluster_loss
from gansift.metrics.denoising import denoising_loss, query_loss
from gansift.metrics.downstream import downstream
from gansift.metrics.features import AutoencoderFeatures, ClassifierFeatures
from gansift.metrics.frechet import FID
from gansift.metrics.gap import gap
from gansift.metrics.held_out import class_loss
from gansift.metrics.imagenet import ImageNetFeatures
from gansift.metrics.inception_score import IS
from gansift.metrics.intra_fid import IntraFID
from gansift.metrics.kernel import KID
from gansift.metrics.likelihood import ALL
from gansift.metrics.loaded import load_features, load_metric
from gansift.metrics.metric import Metric, SampleMetric
from gansift.metrics.net_metric import NetMetric
from gansift.metrics.parts import part_of
from gansift.metrics.reconstruction import reconstruction
from gansift.metrics.replicates import Replicates, replicates
from gansift.metrics.transfer import judge_of, transfer
from gansift.metrics.tstr import TSTR

__all__ = [
    "ALL",
    "FID",
    "IS",
    "KID",
    "TSTR",
    "AutoencoderFeatures",
    "ClassifierFeatures",
    "ImageNetFeatures",
    "IntraFID",
    "Metric",
    "NetMetric",
    "Replicates",
    "SampleMetric",
    "class_loss",
    "cluster_loss",
    "denoising_loss",
    "downstream",
    "gap",
    "judge_of",
    "load_features",
    "load_metric",
    "negative_bound",
    "part_of",
    "query_loss",
    "reconstruction",
    "replicates",
    "transfer",
]
