"""Other batches and random numbers than those of the run, to look at what an example does in a step.

What an example does in a step depends on whether it is in the batch and, where its loss draws a time and a noise, on
these. Scores of the very run are exact with the draws that it had. To a new model, which has others, they are noise; so
the direct path of an update, the product of its loss's derivative in the weights with the direction v that the sweep
has come to, is averaged over R other draws of batch and random numbers beside the run's own,

    d/dw_i  1/(R + 1)  sum_r  < v, grad L(theta, w; draw_r) >,

at the parameters theta of the run. The sweep itself goes on along the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from gansift.influence.gradients import GRADIENTS, Products, Update, for_each, products
from gansift.training.compiled import Loss
from gansift.training.shards import Shard


def weight_products(update: Update, direction: Tensor, how: Products) -> list[Tensor]:
    """The derivative of <gradient, direction> in the weights of an update's batch alone, by data set.

    Args:
        update: whose gradient.
        direction: of the gradient's shape, (P,) or (R, P), or M of them; results then have the shape (M, ...).
        how: how second derivatives are taken, see `influence.gradients`.
    """
    if how != "exact":
        return GRADIENTS[how](update, None).pull(direction)[len(update.parameters) :]
    step, work = update.step, partial(_weight_products, update.player)
    compiled, at = step.compiled, (update.number, update.player, update.turn)

    def of_shard(shard: Shard) -> list[Tensor]:
        loss = partial(step.losses, *at, update.rows, shard=shard)
        return work(loss, update.parameters, update.batch_weights, direction)

    if compiled is None:
        return step.shards.mean(of_shard)
    along = partial(compiled, "derivatives in the weights", work, *at, update.parameters, update.batch_weights)
    return for_each(along, direction, update.parameters[update.player].ndim)


def _weight_products(
    player: str, loss: Loss, parameters: Mapping[str, Tensor], batch_weights: Mapping[str, Tensor], direction: Tensor
) -> list[Tensor]:
    leaf = parameters[player].detach().requires_grad_()
    weights = {name: value.detach().requires_grad_() for name, value in batch_weights.items()}
    (gradient,) = torch.autograd.grad(loss({**parameters, player: leaf}, weights).sum(), leaf, create_graph=True)
    return [part.detach() for part in products(gradient, direction, list(weights.values()))]
