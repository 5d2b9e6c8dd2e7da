"""An example's own score: how much it looks like one that was trained on, which membership attacks start from."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.games import Game
from gansift.games.batch import Batch, Batches
from gansift.games.parameters import Net


def own_scores(game: Game, net: Net, batch: Batch) -> Tensor:
    """The own score of each example, shape (B,), differentiable in the players.

    It is the logit of a discriminator, or of whatever the game calls its `confidence`. Of a classifier it is the
    log-odds of the true label, log(p_y / (1 - p_y)) (Carlini and others, 2022), made of logits and so finite however
    sure the classifier is.

    Args:
        game: one that `has_own_scores`.
        net: its players.
        batch: examples, with their labels where a classifier is asked.
    """
    if game.offers("confidence"):
        return game.confidence(net, Batches({"data": batch}))
    if "discriminator" in game.players:
        return net.discriminator(batch.x).flatten()
    assert batch.label is not None
    logits, label = game.predict(net, batch.x), batch.label[:, None]
    others = logits.scatter(1, label, -torch.inf)
    return logits.gather(1, label).squeeze(1) - others.logsumexp(1)


def has_own_scores(game: Game, labels: Tensor | None) -> bool:
    """Whether the game says anything of an example: it has a discriminator, or predicts one of several classes.

    Args:
        game: what was trained.
        labels: of the examples, (N,); None where they have none.
    """
    if game.offers("confidence") or "discriminator" in game.players:
        return True
    classes = labels is not None and not labels.is_floating_point() and len(labels.unique()) > 1
    return game.offers("predict") and classes
