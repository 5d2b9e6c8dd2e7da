"""State beside parameters: history buffers, running statistics, slow copies, as players that remember.

What a memory holds is part of the recorded state like any parameter, so replay, scores and retraining know it. It moves
by lowering a squared distance with a rate of 1, which makes one step of gradient descent an exact assignment, and the
derivatives of that step the exact derivatives of the assignment.
"""

from __future__ import annotations

from torch import Tensor, nn


class Memory(nn.Module):
    """Numbers that training carries along, as a player: read them as ``net.<player>()``, set them in its loss.

    Its loss is what `towards` or `write` returns, or a sum of such terms; training lowers it by ``SGD(lr=1)``, which it
    chooses for every memory by itself. Targets may depend on other players, on the batch and on its weights, and scores
    follow all of that. They must not depend on the memory's own numbers; use ``.detach()`` where those only decide
    something, such as which slot is the oldest.

    A history buffer of refined images (Shrivastava et al. 2017, section 2.3), and a running mean that moves by 1 % of
    what it is off::

        class Refining(Game):
            def __init__(self, refiner, critic, images):
                super().__init__(refiner=refiner, critic=critic, history=Memory(images), level=Memory(torch.zeros(1)))

            def history_loss(self, net, batch, draw):
                slots = draw.permutation(len(net.history()))[: len(batch.simulated)]
                return net.history.write(slots, net.refiner(batch.simulated.x), batch.simulated.raw_weight)

            def level_loss(self, net, batch, draw):
                brightness = net.refiner(batch.simulated.x).flatten(1).mean(1)
                return net.level.towards(weighted_mean(brightness, batch.simulated.weight), 0.01)
            ...

    >>> import torch
    >>> memory = Memory(torch.tensor([0.0, 8.0]))
    >>> (slope,) = torch.autograd.grad(memory.towards(torch.tensor([4.0, 4.0]), 0.5), memory.value)
    >>> (memory.value - slope).tolist()
    [2.0, 6.0]

    Args:
        start: what it holds before the first step, a tensor of real numbers of any shape.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(start.detach().clone())

    def forward(self) -> Tensor:
        """What it holds, in the shape of ``start``."""
        return self.value

    def towards(self, target: Tensor, rate: Tensor | float = 1.0) -> Tensor:
        """The loss that makes it ``(1 - rate) * value + rate * target``: a running average, or with rate 1 a copy.

        Args:
            target: of a shape that broadcasts to that of the memory.
            rate: within 0 and 1, one for all or of such a shape, too. Where it depends on weights, on raw ones.
        """
        return (rate * (self.value - target).square()).sum() / 2

    def write(self, slots: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        """The loss that puts values into slots: ``value[slots[i]]`` becomes (1 - w_i) of itself and w_i of the new.

        A removed example (weight 0) thus leaves its slot as it is.

        Args:
            slots: int64, shape (B,), rows of the memory, each at most once.
            values: shape (B, *shape) for a memory of shape (M, *shape).
            weight: ``batch.raw_weight``, shape (B,); renormalised weights of more than 1 would overshoot.
        """
        off = (self.value[slots] - values).flatten(1).square().sum(1)
        return (weight * off).sum() / 2

    def extra_repr(self) -> str:
        """What it is, for `str`."""
        return f"{tuple(self.value.shape)}"
