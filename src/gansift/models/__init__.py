"""Networks: toys on points, fully connected ones, convolutional ones, and layers with right derivatives."""

from gansift.models.architecture import MODELS, Architecture, Pair
from gansift.models.clusters import Clusters
from gansift.models.conditional import Conditional
from gansift.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gansift.models.denoiser import PerceptronDenoiser
from gansift.models.encoder import Head, ImageEncoder, ImageFeatures, Labeller, PointEncoder, encoder_of
from gansift.models.flow import CouplingFlow
from gansift.models.initial import initial_architecture, initial_networks
from gansift.models.layers import GroupNorm, LayerNorm, Network
from gansift.models.lora import Adapted, fitting
from gansift.models.mlp import MLPDiscriminator, MLPGenerator
from gansift.models.refiner import PatchCritic, Refiner
from gansift.models.rosinality import read_rosinality
from gansift.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from gansift.models.toys import FCDiscriminator, FCGenerator, LQDiscriminator, LQGenerator
from gansift.models.unet import UNet
from gansift.models.vae import PerceptronVAE
from gansift.models.weights import read_architecture, read_weights, write_weights

__all__ = [
    "MODELS",
    "Adapted",
    "Architecture",
    "Clusters",
    "Conditional",
    "CouplingFlow",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "FCDiscriminator",
    "FCGenerator",
    "GroupNorm",
    "Head",
    "ImageEncoder",
    "ImageFeatures",
    "LQDiscriminator",
    "LQGenerator",
    "Labeller",
    "LayerNorm",
    "MLPDiscriminator",
    "MLPGenerator",
    "Network",
    "Pair",
    "PatchCritic",
    "PerceptronDenoiser",
    "PerceptronVAE",
    "PointEncoder",
    "Refiner",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "UNet",
    "encoder_of",
    "fitting",
    "initial_architecture",
    "initial_networks",
    "read_architecture",
    "read_rosinality",
    "read_weights",
    "write_weights",
]
