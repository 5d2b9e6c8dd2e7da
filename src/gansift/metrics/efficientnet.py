"""EfficientNet-lite0 (Tan and Le, 2019, in the variant without squeeze-excite) with its normalisation folded in."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of the 16 blocks; everything else that differs between them can be read off the weights.
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
# TensorFlow's, where the network was trained; some channels have no variance at all.
_EPS = 1e-3


class EfficientNetLite0(nn.Module):
    """A frozen network from images to 1,280 pooled features and 1,000 ImageNet logits.

    Batch norm with frozen statistics is a linear map and is folded into the convolution before it, so that what is
    left is convolutions, ReLU6 and sums.

    Args:
        weights: the published state dict; it becomes float64, and follows ``to`` from there.

    Attributes:
        used: names of the tensors that were taken from ``weights``.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.used: set[str] = set()

        def taken(name: str) -> Tensor:
            self.used.add(name)
            return weights[name].double()

        def folded(convolution: str, norm: str, stride: int = 1, bounded: bool = True) -> _Convolution:
            mean, variance, scale, shift = (
                taken(f"{norm}.{name}") for name in ("running_mean", "running_var", "weight", "bias")
            )
            scale = scale / (variance + _EPS).sqrt()
            weight = taken(f"{convolution}.weight") * scale[:, None, None, None]
            return _Convolution(weight, shift - mean * scale, stride, bounded)

        def block(number: int, stride: int) -> _Block:
            at = f"_blocks.{number}"
            layers = []
            if f"{at}._expand_conv.weight" in weights:
                layers.append(folded(f"{at}._expand_conv", f"{at}._bn0"))
            layers.append(folded(f"{at}._depthwise_conv", f"{at}._bn1", stride))
            layers.append(folded(f"{at}._project_conv", f"{at}._bn2", bounded=False))
            return _Block(*layers)

        self.layers = nn.Sequential(
            folded("_conv_stem", "_bn0", stride=2),
            *(block(number, stride) for number, stride in enumerate(_STRIDES)),
            folded("_conv_head", "_bn1"),
        )
        self.register_buffer("head", taken("_fc.weight"))
        self.register_buffer("head_bias", taken("_fc.bias"))

    head: Tensor
    head_bias: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, 1280), each between 0 and 6, of images (n, 3, H, W) with values from -127/128 to 1."""
        # In this order of memory it is a third faster on a CPU.
        return self.layers(images.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (n, 1000) of features (n, 1280)."""
        return functional.linear(features, self.head, self.head_bias)


class _Convolution(nn.Module):
    """A convolution with TensorFlow's SAME padding; ReLU6 follows if it is ``bounded``."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, bounded: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self._stride = stride
        self._bounded = bounded
        self._kernel = weight.shape[-1]
        # Only depthwise kernels are both wide and of one input channel.
        self._groups = len(weight) if weight.shape[1] == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        padding = [edge for length in (x.shape[3], x.shape[2]) for edge in self._padding(length)]
        x = functional.conv2d(functional.pad(x, padding), self.weight, self.bias, self._stride, groups=self._groups)
        return functional.relu6(x) if self._bounded else x

    def _padding(self, length: int) -> tuple[int, int]:
        """Zeros before and after an axis; the odd one comes after."""
        missing = max((-(-length // self._stride) - 1) * self._stride + self._kernel - length, 0)
        return missing // 2, missing - missing // 2


class _Block(nn.Sequential):
    """Convolutions, with the input added where it has the shape of the result."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return x + y if x.shape == y.shape else y
