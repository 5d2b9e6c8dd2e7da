"""A classifier as a game of one player: the labels of examples, learnt by their mean cross-entropy."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gansift.errors import TrainingError
from gansift.games.batch import Batch, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net


class Classifier(Game):
    """Labels of one data set, learnt by one network.

    Args:
        network: examples (B, *shape) -> logits of the classes (B, classes).

    Examples:
        >>> import torch
        >>> from gansift import models, training
        >>> from gansift.data import Examples
        >>> points = Examples.of([[0.0, 0.1], [0.1, 0.0], [1.0, 0.9], [0.9, 1.0]], label=["low", "low", "high", "high"])
        >>> game = Classifier(models.Labeller((2,), hidden=8, classes=2))
        >>> run = training.train(game, points, steps=60, batch_size=4, optimizers=training.Adam(lr=0.05), seed=0)
        >>> net = run.trained().net()
        >>> [points.class_names[row] for row in game.predict(net, points.x).argmax(1).tolist()]
        ['low', 'low', 'high', 'high']
    """

    stackable = True

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network=network)

    def network_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """The mean cross-entropy of the labels."""
        assert batch.label is not None  # or `check` would have refused the data
        losses = cross_entropy(self.predict(net, batch.x), batch.label, reduction="none")
        return weighted_mean(losses, batch.weight)

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Logits of the classes (B, classes) for examples (B, *shape)."""
        return net.network(x)

    def check(self, net: Net, batch: Batch) -> None:
        """Refuse examples without labels.

        Raises:
            TrainingError: if they have none.
        """
        if batch.label is None:
            raise TrainingError("a classifier learns labels, and the data set has none")
