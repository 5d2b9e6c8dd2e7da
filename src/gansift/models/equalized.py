"""Linear and convolution layers with equalised learning rate (Karras et al. 2018, section 4.1).

A stored weight has unit variance whatever the layer's size; the layer multiplies it by ``1 / sqrt(fan in)`` when it is
used. An optimizer that moves every number alike, as Adam does, then moves every layer alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansift.errors import TrainingError

# Gains that keep the variance of a standard normal input: 1 / sqrt(E[f(x)^2]).
_SILU_GAIN = 1.6765

#: Activations by name. ``lrelu`` is that of the papers and of pretrained weights; ``silu`` has second derivatives
#: everywhere, which influence wants.
EQUALIZED_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "lrelu": lambda x: functional.leaky_relu(x, 0.2) * math.sqrt(2),
    "silu": lambda x: functional.silu(x) * _SILU_GAIN,
}


def activation_function(name: str) -> Callable[[Tensor], Tensor]:
    """The activation of that name, with its gain.

    Raises:
        TrainingError: for an unknown name, listing the known ones.
    """
    if name not in EQUALIZED_ACTIVATIONS:
        raise TrainingError(f"unknown activation {name!r}; choose one of {', '.join(EQUALIZED_ACTIVATIONS)}")
    return EQUALIZED_ACTIVATIONS[name]


class EqualLinear(nn.Module):
    """A linear layer, (B, inputs) to (B, outputs).

    Args:
        inputs: of the layer.
        outputs: of the layer.
        bias: initial value of every bias.
        rate: by which the layer learns more slowly than others (0.01 in a mapping network).
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.rate = rate
        self.initial_bias = bias
        self.scale = rate / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew; biases are constant."""
        nn.init.normal_(self.weight, std=1 / self.rate)
        nn.init.constant_(self.bias, self.initial_bias / self.rate)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (B, outputs)."""
        return functional.linear(x, self.weight * self.scale, self.bias * self.rate)

    def extra_repr(self) -> str:
        """Sizes, for `str`."""
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}, bias={self.initial_bias:g}, rate={self.rate:g}"


class EqualConv2d(nn.Module):
    """A convolution, (B, inputs, H, W) to (B, outputs, H', W').

    Args:
        inputs: channels.
        outputs: channels.
        kernel: pixels a side.
        stride: of the convolution.
        padding: zeros at each border; default half the kernel.
        bias: whether it has one, 0 at first.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride = stride
        self.padding = kernel // 2 if padding is None else padding
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew; biases are 0."""
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, outputs, H', W')."""
        return functional.conv2d(x, self.weight * self.scale, self.bias, stride=self.stride, padding=self.padding)

    def extra_repr(self) -> str:
        """Sizes, for `str`."""
        outputs, inputs, kernel, _ = self.weight.shape
        return f"{inputs}, {outputs}, {kernel}, stride={self.stride}, padding={self.padding}"
