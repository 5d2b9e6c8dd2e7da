"""Networks: toys on points, fully connected ones, convolutional ones, and layers with right derivatives."""

from gansift.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gansift.models.layers import GroupNorm, LayerNorm, Network
from gansift.models.mlp import MLPDiscriminator, MLPGenerator
from gansift.models.toys import FCDiscriminator, FCGenerator, LQDiscriminator, LQGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "FCDiscriminator",
    "FCGenerator",
    "GroupNorm",
    "LQDiscriminator",
    "LQGenerator",
    "LayerNorm",
    "MLPDiscriminator",
    "MLPGenerator",
    "Network",
]
