"""Baselines: what influence has to beat. One file each; all are called like `itd` and return `Scores`.

Five of them only rank: their scores are in arbitrary units and say which example to remove first, not what that
changes. ``discriminator_loss`` and ``without_propagation`` are influence of another quantity, or less exact.
"""

from gansift.influence.baselines.density import density
from gansift.influence.baselines.discriminator_loss import discriminator_loss, discriminator_loss_horizons
from gansift.influence.baselines.discriminator_score import discriminator_score
from gansift.influence.baselines.isolation_forest import isolation_forest
from gansift.influence.baselines.nearest_samples import nearest_samples
from gansift.influence.baselines.random import random_ranking
from gansift.influence.baselines.without_propagation import without_propagation, without_propagation_horizons

__all__ = [
    "density",
    "discriminator_loss",
    "discriminator_loss_horizons",
    "discriminator_score",
    "isolation_forest",
    "nearest_samples",
    "random_ranking",
    "without_propagation",
    "without_propagation_horizons",
]
