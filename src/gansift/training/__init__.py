"""Training: functional optimizers, the pure step, and recorded runs."""

from gansift.training.accountant import Privacy
from gansift.training.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from gansift.training.seeds import players_of_seeds, train_seeds
from gansift.training.train import train, untrained
from gansift.training.trajectory import Run

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "Privacy",
    "RMSprop",
    "Run",
    "players_of_seeds",
    "train",
    "train_seeds",
    "untrained",
]
