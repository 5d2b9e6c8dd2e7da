"""Fair representations learnt against an auditor (Edwards and Storkey 2016; Madras et al. 2018: LAFTR)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gansift.errors import TrainingError
from gansift.games.batch import Batch, group_mean, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net

#: What a fair decision has to have alike in all groups.
Criterion = Literal["dp", "eo", "eopp"]
#: How well the auditor does: by its log-likelihood, or by 1 less its mean errors in all cells (the paper's L1).
Auditing = Literal["ce", "l1"]


class LAFTR(Game):
    """A representation z = f(x) that tells the label and, as far as may be, not the protected groups.

    The encoder f and the classifier g lower L_y + gamma A, and the auditor h raises A: how well it tells the groups of
    an example from z, summed over the protected columns. Whom it audits and what it sees depends on the criterion:

    * ``dp``, demographic parity: all examples, z alone;
    * ``eo``, equalized odds: all examples, z and the label;
    * ``eopp``, equal opportunity: examples with the label ``positive``, z alone. (The paper has it for the label 0.)

    With ``auditing="ce"`` A is the mean log-likelihood of the groups, as in Edwards and Storkey (2016). With ``"l1"``,
    as in Madras et al. (2018), it is 1 - sum over cells of the mean of 1 - p, with p the probability that h gives to
    the example's own group, and as cells the groups, for ``eo`` the groups within each label.

    With a decoder k, which sees z and the groups, f and k also lower beta times the mean squared error of k's
    reconstruction of x.

    Args:
        encoder: examples (B, *shape) -> z (B, d).
        classifier: z -> logits of the labels (B, labels).
        auditor: z, for ``eo`` followed by the labels as zeros and a one (B, d + labels) -> logits of the groups of all
            protected columns, one column after the other (B, sum of the groups).
        groups: the number of groups of each protected column, by its name.
        labels: the number of labels.
        criterion: ``dp``, ``eo`` or ``eopp``.
        auditing: ``ce`` or ``l1``.
        gamma: weight of what the auditor achieves.
        positive: number of the label that ``eopp`` is about.
        decoder: z followed by the groups as zeros and ones (B, d + sum of the groups) -> examples; None for none.
        beta: weight of the reconstruction error.
        audits: updates of the auditor for each of the others.

    Raises:
        TrainingError: for another criterion or way of auditing.
    """

    stackable = True

    def __init__(
        self,
        encoder: nn.Module,
        classifier: nn.Module,
        auditor: nn.Module,
        *,
        groups: Mapping[str, int],
        labels: int = 2,
        criterion: Criterion = "dp",
        auditing: Auditing = "ce",
        gamma: float = 1.0,
        positive: int = 1,
        decoder: nn.Module | None = None,
        beta: float = 0.0,
        audits: int = 5,
    ) -> None:
        if criterion not in ("dp", "eo", "eopp") or auditing not in ("ce", "l1"):
            raise TrainingError(
                f"LAFTR has the criteria dp, eo and eopp and audits by ce or l1, not {criterion!r} and {auditing!r}"
            )
        self.groups = dict(groups)
        self.labels, self.criterion, self.auditing = labels, criterion, auditing
        self.gamma, self.positive, self.beta = gamma, positive, beta
        players = {"encoder": encoder, "classifier": classifier}
        players |= {} if decoder is None else {"decoder": decoder}
        schedule = ((tuple(players), 1), ("auditor", audits))
        super().__init__(schedule=schedule, **players, auditor=auditor)

    def encoder_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """L_y + gamma A + beta times the reconstruction error."""
        loss = self.classifier_loss(net, batch, draw) + self.gamma * self.audited(net, batch)
        return loss if "decoder" not in self.players else loss + self.beta * self.decoder_loss(net, batch, draw)

    def classifier_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """The mean cross-entropy of the labels, L_y."""
        losses = cross_entropy(self.predict(net, batch.x), self._label(batch), reduction="none")
        return weighted_mean(losses, batch.weight)

    def decoder_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """The mean squared error of an example's reconstruction from z and its groups."""
        groups = [_ones(batch.columns[name], count, batch.x.dtype) for name, count in self.groups.items()]
        made = net.decoder(torch.cat([self.represent(net, batch.x), *groups], 1))
        return weighted_mean((made - batch.x).flatten(1).square().mean(1), batch.weight)

    def auditor_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """What the auditor does not achieve, -A."""
        return -self.audited(net, batch)

    def audited(self, net: Net, batch: Batch) -> Tensor:
        """How well the auditor tells the groups of a batch, A; a scalar."""
        z = self.represent(net, batch.x)
        if self.criterion == "eo":
            z = torch.cat([z, _ones(self._label(batch), self.labels, z.dtype)], 1)
        logits = net.auditor(z).split(list(self.groups.values()), 1)
        told = self._likelihood if self.auditing == "ce" else self._hits
        return torch.stack(
            [told(one.log_softmax(1), batch, name) for one, name in zip(logits, self.groups, strict=True)]
        ).sum()

    def _likelihood(self, logs: Tensor, batch: Batch, name: str) -> Tensor:
        own = _of(logs, batch.columns[name])
        if self.criterion == "eopp":
            return group_mean(own, batch.weight, self._label(batch) == self.positive)
        return weighted_mean(own, batch.weight)

    def _hits(self, logs: Tensor, batch: Batch, name: str) -> Tensor:
        group, label = batch.columns[name], self._label(batch)
        wrong = 1 - _of(logs, group).exp()
        within = {
            "dp": [torch.ones_like(label, dtype=torch.bool)],
            "eo": [label == one for one in range(self.labels)],
            "eopp": [label == self.positive],
        }[self.criterion]
        errors = [
            group_mean(wrong, batch.weight, (group == one) & cell)
            for cell in within
            for one in range(self.groups[name])
        ]
        return 1 - torch.stack(errors).sum()

    def represent(self, net: Net, x: Tensor) -> Tensor:
        """The representation z (B, d) of examples (B, *shape)."""
        return net.encoder(x)

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Logits of the labels (B, labels) of examples (B, *shape)."""
        return net.classifier(self.represent(net, x))

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        names = ("groups", "labels", "criterion", "auditing", "gamma", "positive", "beta")
        return super().settings() | {name: getattr(self, name) for name in names}

    def check(self, net: Net, batch: Batch) -> None:
        """Refuse examples without labels, or without the protected columns.

        Raises:
            TrainingError: naming what is missing.
        """
        if batch.label is None:
            raise TrainingError("LAFTR learns labels, and the data set has none")
        missing = [name for name in self.groups if name not in batch.columns]
        if missing or not self.groups:
            raise TrainingError(
                f"LAFTR hides protected columns, and the data set has no {' and no '.join(missing) or 'such column'}"
            )

    @staticmethod
    def _label(batch: Batch) -> Tensor:
        assert batch.label is not None  # or `check` would have refused the data
        return batch.label


def _ones(values: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Categories (B,) as zeros and a one each (B, count); unlike `one_hot`, it may be stacked by vmap."""
    return (values[:, None] == torch.arange(count, device=values.device)).to(dtype)


def _of(logs: Tensor, group: Tensor) -> Tensor:
    """Of each row the number that belongs to its own group, (B,)."""
    return logs.gather(1, group[:, None]).squeeze(1)
