"""The convolution of StyleGAN2, modulated by a style (Karras et al. 2020, section 2.2, equations 1 and 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansift.models.equalized import EqualLinear
from gansift.models.resample import blur

_EPSILON = 1e-8


class ModulatedConv2d(nn.Module):
    """A convolution with weights scaled by each example's style: (B, inputs, H, W), (B, D) to (B, outputs, H', W').

    Scaling the weight's input channels by the style is the same as scaling the feature maps, and normalising the weight
    is the same as scaling what comes out. So one convolution serves the whole batch, and no grouped one is needed.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: pixels a side, 1 or 3.
        style: length D of a style.
        demodulate: bring every output channel back to unit variance.
        doubles: double the size of the images.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style: int, *, demodulate: bool = True, doubles: bool = False
    ) -> None:
        super().__init__()
        self.demodulate = demodulate
        self.doubles = doubles
        self.padding = kernel // 2
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.modulation = EqualLinear(style, inputs, bias=1.0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew."""
        nn.init.normal_(self.weight)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Feature maps (B, outputs, H', W')."""
        weight = self.weight * self.scale
        scales = self.modulation(style)
        x = x * scales[:, :, None, None]
        if self.doubles:
            doubled = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = blur(doubled, (1, 1), gain=4.0)
        else:
            x = functional.conv2d(x, weight, padding=self.padding)
        if self.demodulate:
            power = functional.linear(scales.square(), weight.square().sum((2, 3)))
            x = x * (power + _EPSILON).rsqrt()[:, :, None, None]
        return x

    def extra_repr(self) -> str:
        """Sizes, for `str`."""
        outputs, inputs, kernel, _ = self.weight.shape
        return f"{inputs}, {outputs}, {kernel}, demodulate={self.demodulate}, doubles={self.doubles}"
