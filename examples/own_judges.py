"""Custom features and a custom metric.

Try them: gansift run digits --features examples/own_judges.py:pooled --metric examples/own_judges.py:InkError
"""

import torch
from torch.nn.functional import avg_pool2d

from gansift.metrics import SampleMetric


def pooled(images):
    """Images (n, C, H, W) at a quarter of their size, as features (n, d): anything differentiable will do."""
    return avg_pool2d(images, 2).flatten(1)


class InkError(SampleMetric):
    """How far the mean image of the generator is from that of held-out images: squared distance, lower is better."""

    name = "ink-error"
    direction = "lower"

    def __init__(self, reference, features, latents, seed):
        super().__init__(latents, seed)
        self.mean = reference.x.flatten(1).double().mean(0)

    def features(self, samples):
        return samples.flatten(1)

    def evaluate(self, features):
        off = features.mean(0) - self.mean
        return float(off.square().sum()), (2 * off / len(features)).expand_as(features).to(torch.float64)
