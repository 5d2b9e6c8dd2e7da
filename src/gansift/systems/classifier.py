"""A classifier as a system: which training examples make it worse at labelling others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from gansift import games, models
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.metrics.held_out import class_loss
from gansift.systems.judges import exposure
from gansift.systems.system import Judges, System, only
from gansift.training import Adam


def classifier(
    data: Mapping[str, Splits],
    *,
    hidden: Annotated[int, Range(4, 65_536)] = 64,
    lr: Annotated[float, Range(above=0, most=1000)] = 0.003,
) -> System:
    """A network that labels images, points or rows of a table.

    Args:
        data: one data set with classes.
        hidden: number of features, and width of the hidden layers
        lr: learning rate

    Metrics:
        class-loss: loss of held-out labels, reported with their error (lower is better)
        exposure: by how much training examples look like such, for attacks on membership (lower is better)

    Raises:
        UsageError: for several data sets, or examples without classes.
    """
    splits = only(data, "classifier")
    names = splits.train.class_names
    if names is None:
        found = "has none" if splits.train.labels is None else "has numbers as labels"
        raise UsageError(
            f"the system classifier learns classes, and {splits.name} {found}: put images into a folder for each "
            "class, or give a label file (--labels), or a column of a table whose categories are the label (--label)"
        )
    return System(
        game=lambda: games.Classifier(models.Labeller(splits.train.shape, hidden, len(names))),
        optimizers=Adam(lr=lr, betas=(0.5, 0.99), eps=1e-3, eps_inside=True),
        metrics={
            "class-loss": lambda: Judges(class_loss(splits.valid), class_loss(splits.test)),
            "exposure": lambda: exposure(splits),
        },
        defaults={
            "steps": 400, "batch": min(64, len(splits.train)), "ema": 0.0, "metric": "class-loss", "seeds": 5,
            "horizons": "1,5,all", "remove": "2%,5%,10%", "verify": 20,
            "baselines": "own-loss,far-neighbours,isolation-forest,density",
        },
    )  # fmt: skip
