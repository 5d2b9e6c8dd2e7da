"""Does skada's DANN label a target as well as ours, with the same networks on the same images? Prints a table.

    python benchmarks/adapt_skada.py mnist-digits [--seeds 3] [--steps 400] [--out results.json]
    python benchmarks/adapt_skada.py digits-mnist
    python benchmarks/adapt.py mnist-digits --steps 400                                         # ours, beside it

Needs skada and skorch (pip install skada skorch; measured with skada 0.6.0 and skorch 1.4.0) beside gansift. The cases
are those of `adapt.py`, with images of the smaller side, since skada takes one array of all. skada trains the features,
the labeller and the domain classifier of `--game dann` by Adam at the rate of 0.001, with the weight of the domain loss
that is our default at the end, for as many steps with batches of as many examples:

    source alone           without the domain loss
    own domain classifier  DANN with the one that skada makes where it is given none
    constant               DANN with ours behind skada's layer that reverses gradients, all rates constant, as is usual
    our schedules          the same with the rates of learning and of reversal that `--game dann` has

Each row is a mean over training seeds of the share of the 500 test examples of target that are labelled right, with a
95 % interval.
"""

from __future__ import annotations

import warnings
from typing import Any

import adapt
import numpy as np
import torch
from command_line import Table, parser
from skada.deep import DANN
from skada.deep.modules import GradientReversalLayer
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from gansift.cleansing import mean_interval
from gansift.data import Examples, Splits
from gansift.systems import build
from gansift.systems.dann import falling

_BATCH, _RATE, _MOST, _SOURCE, _TARGET = 64, 0.001, 0.5, 1, -2


class Both(nn.Module):
    """Features and labeller in one, as skada takes them."""

    def __init__(self, features: nn.Module, labeller: nn.Module) -> None:
        super().__init__()
        self.features, self.labeller = features, labeller

    def forward(self, x: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Logits of the classes."""
        return self.labeller(self.features(x))


class Reversed(nn.Module):
    """Our domain classifier behind skada's layer that reverses gradients; the probability of target, shape (B,)."""

    def __init__(self, domain: nn.Module) -> None:
        super().__init__()
        self.domain, self.alpha = domain, 1.0

    def forward(self, features: Tensor) -> Tensor:
        """The probability that each example is of target."""
        return self.domain(GradientReversalLayer.apply(features, self.alpha)).sigmoid().flatten()


class Schedules(Callback):
    """The rates of learning and of reversal of `--game dann`, by the progress of training."""

    def __init__(self, steps: int) -> None:
        self.steps, self.step = steps, 0

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **others: Any) -> None:
        """Set both for the step that begins."""
        progress = self.step / self.steps
        for group in net.optimizer_.param_groups:
            group["lr"] = _RATE * falling(progress)
        net.module_.domain_classifier_.alpha = float(np.tanh(5 * progress))
        self.step += 1


def main() -> None:
    """A row for each way of training."""
    arguments = _arguments()
    splits = dict(zip(("source", "target"), adapt.pair(arguments.case), strict=True))
    seeds = range(arguments.seeds)
    table = Table({"trained": "trained:<21", "right on target": "right:.3f"}, arguments.out)
    warnings.filterwarnings("ignore", message="Implicit dimension choice for softmax")
    for name, settings in {
        "source alone": {"most": 0.0},
        "own domain classifier": {"own": True},
        "constant": {},
        "our schedules": {"scheduled": True},
    }.items():
        found = [_right(splits, seed, arguments.steps, **settings) for seed in seeds]
        table.add({"trained": name, "right": mean_interval(found)})


def _right(
    splits: dict[str, Splits], seed: int, steps: int, most: float = _MOST, own: bool = False, scheduled: bool = False
) -> float:
    """The share of target's test examples that skada's DANN labels right."""
    torch.manual_seed(seed)
    game = build("dann", splits, {}).new_game(seed)
    source, target = (_images(part.train, splits) for part in splits.values())
    labels = splits["source"].train.labels
    assert labels is not None
    epoch = max(len(source), len(target)) // _BATCH
    epochs = max(1, round(steps / epoch))
    features = game.players["features"]
    net = DANN(
        Both(features, game.players["labeller"]), layer_name="features", reg=most,
        domain_classifier=None if own else Reversed(game.players["domain"]),
        num_features=features(torch.from_numpy(source[:1])).shape[1] if own else None,
        optimizer=torch.optim.Adam, lr=_RATE, max_epochs=epochs, batch_size=_BATCH, train_split=None, verbose=0,
        callbacks=[Schedules(epochs * epoch)] if scheduled else [],
    )  # fmt: skip
    net.fit(
        np.concatenate([source, target]),
        np.concatenate([labels.numpy(), np.full(len(target), -1)]),
        sample_domain=np.repeat([_SOURCE, _TARGET], [len(source), len(target)]),
    )
    test = splits["target"].test
    assert test.labels is not None
    assert test.class_names == splits["source"].train.class_names
    predicted = net.predict(_images(test, splits), sample_domain=np.full(len(test), _TARGET))
    return float((predicted == test.labels.numpy()).mean())


def _images(examples: Examples, splits: dict[str, Splits]) -> np.ndarray:
    """Images in the smaller side of both data sets, which is what `--game dann` looks at."""
    side = min(part.train.shape[-1] for part in splits.values())
    return adaptive_avg_pool2d(examples.x.float(), side).numpy()


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("case", choices=("mnist-digits", "digits-mnist"))
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=400)
    return made.parse_args()


if __name__ == "__main__":
    main()
