"""Games: what is trained, as players, losses and the order of their updates."""

from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.gan import GAN
from gansift.games.sampler import Sampler

__all__ = ["GAN", "Batch", "Batches", "Draw", "Game", "Sampler", "weighted_mean"]
