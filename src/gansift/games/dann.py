"""Domain-adversarial training (Ganin et al. 2016): labels from features that do not tell where an example is from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net

# How fast the domain loss gains its weight in the features' loss: the paper's gamma.
_RISE = 10


class DANN(Game):
    """Labels learnt on the data set ``source``, from features that cannot tell it from the data set ``target``.

    The paper's layer that reverses gradients is two players' objectives here: the labeller lowers the label loss L_y,
    the domain classifier lowers the domain loss L_d, and the features lower L_y - lambda L_d, all from the same state.
    L_y is the mean cross-entropy on source, L_d the mean on source plus the mean on target, as in the paper's equation
    (9). With the progress p of training from 0 to 1, lambda = most (2 / (1 + exp(-10 p)) - 1).

    Args:
        features: examples (B, *shape) -> features (B, d).
        labeller: features -> logits of the classes (B, classes).
        domain: features -> logits (B, 1) or (B,) that an example is of ``source``.
        most: lambda at the end of training, 1 in the paper; 0 trains on source alone.
        schedule: as in `Game`; by default all three players at the same time.
    """

    stackable = True
    unlabelled = ("target",)

    def __init__(
        self,
        features: nn.Module,
        labeller: nn.Module,
        domain: nn.Module,
        *,
        most: float = 1.0,
        schedule: Any = ((("features", "labeller", "domain"), 1),),
    ) -> None:
        self.most = most
        super().__init__(schedule=schedule, features=features, labeller=labeller, domain=domain)

    def features_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The label loss without what the domain classifier would gain: L_y - lambda L_d."""
        return self.labeller_loss(net, batch, draw) - self.reversal(batch.source) * self.domain_loss(net, batch, draw)

    def labeller_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The cross-entropy of the labels of ``source``, L_y."""
        logits = self.predict(net, batch.source.x)
        return weighted_mean(cross_entropy(logits, batch.source.label, reduction="none"), batch.source.weight)

    def domain_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The cross-entropy of where examples are from, on ``source`` plus on ``target``, L_d."""
        source, target = (net.domain(net.features(one.x)).flatten() for one in (batch.source, batch.target))
        return weighted_mean(softplus(-source), batch.source.weight) + weighted_mean(
            softplus(target), batch.target.weight
        )

    def reversal(self, batch: Batch) -> Tensor:
        """The weight lambda of the domain loss in the step of a batch, a scalar."""
        progress = torch.as_tensor(batch.step / batch.steps, dtype=batch.x.dtype, device=batch.x.device)
        return self.most * torch.tanh(_RISE / 2 * progress)  # tanh(a / 2) = 2 / (1 + exp(-a)) - 1

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Logits of the classes (B, classes) for examples of either data set."""
        return net.labeller(net.features(x))

    def represent(self, net: Net, x: Tensor) -> Tensor:
        """The features (B, d) of examples of either data set."""
        return net.features(x)

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {"most": self.most}

    def check(self, net: Net, batch: Batches) -> None:
        """Refuse other data sets than a labelled ``source`` and a ``target``.

        Raises:
            TrainingError: naming the data sets that there are, or that the labels are missing.
        """
        if set(batch) != {"source", "target"}:
            raise TrainingError(f"DANN trains on the data sets source and target, not on {', '.join(batch)}")
        if batch.source.label is None:
            raise TrainingError("DANN learns the labels of the data set source, which has none")
