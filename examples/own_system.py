"""A custom system: a classifier, and which of its training examples raise its loss on held-out ones.

Try it: gansift run digits --game examples/own_system.py:classifier --hidden 16
"""

from typing import Annotated

from torch.nn.functional import cross_entropy

from gansift import games, metrics, models
from gansift.systems import Judges, Range, System, only
from gansift.training import Adam


class Classifier(games.Game):
    stackable = True

    def network_loss(self, net, batch, draw):
        return games.weighted_mean(
            cross_entropy(self.predict(net, batch.x), batch.label, reduction="none"), batch.weight
        )

    def predict(self, net, x):
        return net.network(x.flatten(1))


def classifier(data, *, hidden: Annotated[int, Range(1)] = 32, lr: float = 0.01) -> System:
    """A classifier of labelled images with one hidden layer.

    Args:
        data: one data set with labels.
        hidden: width of the hidden layer
        lr: learning rate

    Metrics:
        class-loss: loss of the labels of held-out examples (lower is better)
    """
    splits = only(data, "classifier")
    inputs, classes = splits.train.x[0].numel(), len(splits.train.class_names)
    return System(
        game=lambda: Classifier(network=models.Head(inputs, hidden, classes)),
        optimizers=Adam(lr=lr, betas=(0.5, 0.99), eps=1e-3, eps_inside=True),
        metrics={"class-loss": lambda: Judges(metrics.class_loss(splits.valid), metrics.class_loss(splits.test))},
        defaults={"metric": "class-loss", "steps": 300, "batch": 50, "ema": 0.0, "baselines": "own-loss"},
    )
