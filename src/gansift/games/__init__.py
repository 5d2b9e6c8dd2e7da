"""Games: what is trained, as players, losses and the order of their updates."""

from gansift.games.acgan import ACGAN
from gansift.games.augment import parse_augment
from gansift.games.batch import Batch, Batches, group_mean, weighted_mean
from gansift.games.classifier import Classifier
from gansift.games.clustering import Clustering
from gansift.games.dann import DANN
from gansift.games.denoising import Denoising
from gansift.games.diffusion import Diffusion
from gansift.games.draw import Draw
from gansift.games.flow import LatentFlow
from gansift.games.game import Game
from gansift.games.gan import GAN
from gansift.games.inherited import Inherited
from gansift.games.laftr import LAFTR
from gansift.games.matching import FlowMatching
from gansift.games.memory import Memory
from gansift.games.projection import ProjectionGAN
from gansift.games.simgan import SimGAN
from gansift.games.stylegan2 import StyleGAN2
from gansift.games.trained import Trained
from gansift.games.vae import VAE

__all__ = [
    "ACGAN",
    "DANN",
    "GAN",
    "LAFTR",
    "VAE",
    "Batch",
    "Batches",
    "Classifier",
    "Clustering",
    "Denoising",
    "Diffusion",
    "Draw",
    "FlowMatching",
    "Game",
    "Inherited",
    "LatentFlow",
    "Memory",
    "ProjectionGAN",
    "SimGAN",
    "StyleGAN2",
    "Trained",
    "group_mean",
    "parse_augment",
    "weighted_mean",
]  # fmt: skip
