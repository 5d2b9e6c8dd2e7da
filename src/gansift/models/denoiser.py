"""Networks that look at noisy examples: they are told the time, and the class where there is one.

What they say of an example may be the noise in it, or the direction in which it moves; that is for the game to know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gansift.models.conditional import membership
from gansift.models.layers import Network

#: Pairs of waves that tell a time, and the largest frequency among them in radians over the whole time.
_WAVES, _FASTEST = 16, 100.0


def waves(time: Tensor) -> Tensor:
    """Sines and cosines of times (B,) at frequencies from 1 to 100, (B, 32); after Vaswani et al. (2017)."""
    powers = torch.arange(_WAVES, device=time.device, dtype=time.dtype) / (_WAVES - 1)
    angles = time[:, None] * torch.exp(math.log(_FASTEST) * powers)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Told(Network):
    """What a network is told beside the example: the time and, if there are classes, one of them or none.

    Args:
        width: of the result.
        classes: number of classes; 0 for none.
    """

    def __init__(self, width: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.first = nn.Linear(2 * _WAVES, width)
        self.second = nn.Linear(width, width)
        # One row more than classes, for an example whose class is not told.
        self.vectors = nn.Parameter(torch.empty(classes + 1, width)) if classes else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew."""
        super().reset_parameters()
        if self.vectors is not None:
            nn.init.normal_(self.vectors)

    def forward(self, time: Tensor, label: Tensor | None = None) -> Tensor:
        """A vector (B, width) of times (B,) from 0 to 1, and of labels, int64 (B,); ``classes`` is that of no class."""
        told = self.first(waves(time))
        if self.vectors is not None:
            assert label is not None  # or the game would have refused the data
            told = told + membership(label, self.classes + 1, time.dtype) @ self.vectors
        return nn.functional.silu(self.second(nn.functional.silu(told)))


class PerceptronDenoiser(Network):
    """Two hidden layers of SiLU, each of which is told time and class: noisy examples to something of their shape.

    Its last layer is 0 before training.

    Args:
        width: of both hidden layers.
        shape: of one example, (C, H, W) or (d,).
        classes: number of classes; 0 for a network that is told none.

    Attributes:
        drops: shape of each layer in which numbers may be dropped, for one example.
    """

    def __init__(self, width: int = 128, shape: tuple[int, ...] = (1, 8, 8), classes: int = 0) -> None:
        super().__init__()
        self.shape, self.classes = tuple(shape), classes
        inputs = math.prod(shape)
        self.told = Told(width, classes)
        self.first = nn.Linear(inputs, width)
        self.first_told = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, width)
        self.second_told = nn.Linear(width, width, bias=False)
        self.last = nn.Linear(width, inputs)
        self.share = nn.Linear(width, 1)
        self.drops = ((width,),)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all but the last layer anew, which is 0, and so is what is taken of the example itself."""
        super().reset_parameters()
        to_zero(self.last)
        to_zero(self.share)

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None = None, kept: Sequence[Tensor] = ()) -> Tensor:
        """Of noisy examples (B, *shape), times (B,) and classes, int64 (B,), something of the shape of the examples.

        Args:
            x: the noisy examples.
            time: from 0 to 1.
            label: as many as there are classes stand for a class that is not told; None for a network without classes.
            kept: for each of ``drops`` the factors of dropout, (B, *shape of the layer); none without dropout.
        """
        told = self.told(time, label)
        hidden = nn.functional.silu(self.first(x.flatten(1)) + self.first_told(told))
        hidden = kept_of(hidden, kept, 0)
        hidden = nn.functional.silu(self.second(hidden) + self.second_told(told))
        return (self.last(hidden) + self.share(told) * x.flatten(1)).unflatten(1, self.shape)


def kept_of(x: Tensor, kept: Sequence[Tensor], number: int) -> Tensor:
    """A layer after dropout, if there is any."""
    return x * kept[number] if kept else x


def to_zero(layer: nn.Module) -> None:
    """Let a layer begin as 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
