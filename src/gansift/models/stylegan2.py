"""StyleGAN2 (Karras et al. 2020): skip generator and residual discriminator, for images of 32 to 256 pixels.

Everything is made of plain operators, so that every derivative is right. Left out is the discriminator's layer of
minibatch statistics: it mixes the examples of a batch, and no example would have an influence of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.equalized import EqualConv2d, EqualLinear, activation_function
from gansift.models.layers import Network
from gansift.models.modulation import ModulatedConv2d
from gansift.models.resample import blur, upsample

SIZES = (32, 64, 128, 256)
_SMALLEST = 4
_MAPPING_RATE = 0.01


class Mapping(nn.Module):
    """Latents (B, D) to styles (B, D): normalised, then through fully connected layers that learn slowly.

    Args:
        latent: D.
        depth: number of layers.
        activation: ``lrelu`` or ``silu``.
    """

    def __init__(self, latent: int, depth: int, activation: str) -> None:
        super().__init__()
        self.activation = activation_function(activation)
        self.layers = nn.ModuleList(EqualLinear(latent, latent, rate=_MAPPING_RATE) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        """Styles (B, D)."""
        w = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            w = self.activation(layer(w))
        return w


class StyledConv(nn.Module):
    """A modulated convolution, noise, bias and activation.

    Args:
        inputs: channels.
        outputs: channels.
        style: length D of a style.
        activation: ``lrelu`` or ``silu``.
        doubles: double the size of the images.
        noise: whether it takes noise.
    """

    def __init__(
        self, inputs: int, outputs: int, style: int, activation: str, *, doubles: bool = False, noise: bool = True
    ) -> None:
        super().__init__()
        self.activation = activation_function(activation)
        self.conv = ModulatedConv2d(inputs, outputs, 3, style, doubles=doubles)
        self.noise_strength = nn.Parameter(torch.empty(())) if noise else None
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """No noise and no bias."""
        if self.noise_strength is not None:
            nn.init.zeros_(self.noise_strength)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Feature maps (B, outputs, H', W'); noise is (B, 1, H', W')."""
        x = self.conv(x, style)
        if noise is not None and self.noise_strength is not None:
            x = x + self.noise_strength * noise
        return self.activation(x + self.bias[:, None, None])


class ToImage(nn.Module):
    """What one resolution adds to the image: a modulated 1 x 1 convolution without demodulation.

    Args:
        inputs: channels.
        outputs: channels of the image.
        style: length D of a style.
    """

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """No bias."""
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Images (B, outputs, H, W)."""
        return self.conv(x, style) + self.bias[:, None, None]


class Constant(nn.Module):
    """The learned 4 x 4 input of the generator.

    Args:
        channels: of it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.empty(channels, _SMALLEST, _SMALLEST))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw it anew."""
        nn.init.normal_(self.value)

    def forward(self, count: int) -> Tensor:
        """``count`` copies, (count, channels, 4, 4)."""
        return self.value.expand(count, *self.value.shape)


class StyleGAN2Generator(Network):
    """Latents (B, latent) to images (B, C, H, W), about within [-1, 1] but not bounded.

    Args:
        latent: number of latent variables D, which is also the length of a style.
        width: channels at the full resolution, doubled at every halving of it.
        shape: (C, H, W) of one image; H = W in 32, 64, 128, 256.
        most: channels at most.
        depth: layers of the mapping network.
        activation: ``lrelu``, that of the paper, or ``silu``, which is smooth.
        noise: add noise of a learned strength in every layer, as the paper does; images then do not depend on the
            latents alone.

    Attributes:
        styles: number of styles that an image takes, one a layer.
        noises: side in pixels of the noise of each layer that takes some.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(
        self,
        latent: int = 512,
        width: int = 128,
        shape: tuple[int, ...] = (3, 256, 256),
        *,
        most: int = 512,
        depth: int = 8,
        activation: str = "lrelu",
        noise: bool = True,
    ) -> None:
        super().__init__()
        channels = channels_at(shape, width, most)
        sides = sorted(channels)
        self.latent = latent
        self.shape = tuple(shape)
        self.styles = 2 * len(sides)
        self.noises = (_SMALLEST, *(side for side in sides[1:] for _ in range(2))) if noise else ()
        self.mapping = Mapping(latent, depth, activation)
        self.constant = Constant(channels[_SMALLEST])
        least = channels[_SMALLEST]
        self.convs = nn.ModuleList([StyledConv(least, least, latent, activation, noise=noise)])
        self.to_image = nn.ModuleList([ToImage(channels[_SMALLEST], shape[0], latent)])
        for smaller, side in pairwise(sides):
            self.convs.append(
                StyledConv(channels[smaller], channels[side], latent, activation, doubles=True, noise=noise)
            )
            self.convs.append(StyledConv(channels[side], channels[side], latent, activation, noise=noise))
            self.to_image.append(ToImage(channels[side], shape[0], latent))
        self.reset_parameters()

    def forward(
        self,
        z: Tensor,
        noise: list[Tensor] | None = None,
        other: Tensor | None = None,
        crossover: Tensor | None = None,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Images (B, C, H, W) of latents.

        Args:
            z: latents (B, latent).
            noise: standard normal numbers for each layer, (B, 1, side, side) for each of ``noises``; None for none.
            other: latents (B, latent) of a second image whose styles are mixed in.
            crossover: from which layer on the styles are those of the other, (B,) numbers in 1 ... ``styles``.
            offset: added to the styles, (B, styles, latent); for derivatives in the styles.
        """
        styles = self.mapping(z)[:, None].expand(-1, self.styles, -1)
        if other is not None and crossover is not None:
            layer = torch.arange(self.styles, device=z.device)
            mixed = (layer >= crossover[:, None])[:, :, None]
            styles = torch.where(mixed, self.mapping(other)[:, None], styles)
        if offset is not None:
            styles = styles + offset
        style = styles.unbind(1)
        given: Sequence[Tensor | None] = noise or [None] * len(self.convs)
        x = self.convs[0](self.constant(len(z)), style[0], given[0])
        image = self.to_image[0](x, style[1])
        for level in range(1, len(self.to_image)):
            first = 2 * level - 1
            x = self.convs[first](x, style[first], given[first])
            x = self.convs[first + 1](x, style[first + 1], given[first + 1])
            image = upsample(image) + self.to_image[level](x, style[first + 2])
        return image


class Residual(nn.Module):
    """Two convolutions and a shortcut to half the size: (B, inputs, H, W) to (B, outputs, H / 2, W / 2).

    Args:
        inputs: channels.
        outputs: channels.
        activation: ``lrelu`` or ``silu``.
    """

    def __init__(self, inputs: int, outputs: int, activation: str) -> None:
        super().__init__()
        self.activation = activation_function(activation)
        self.first = EqualConv2d(inputs, inputs, 3)
        self.second = EqualConv2d(inputs, outputs, 3, stride=2, padding=0)
        self.shortcut = EqualConv2d(inputs, outputs, 1, stride=2, padding=0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, outputs, H / 2, W / 2)."""
        main = self.activation(self.second(blur(self.activation(self.first(x)), (2, 2))))
        return (main + self.shortcut(blur(x, (1, 1)))) / math.sqrt(2)


class StyleGAN2Discriminator(Network):
    """Images (B, C, H, W) to logits (B,), or (B, outputs), every row on its own.

    Args:
        width: channels at the full resolution, doubled at every halving of it.
        shape: (C, H, W) of one image; H = W in 32, 64, 128, 256.
        most: channels at most.
        activation: ``lrelu``, that of the paper, or ``silu``, which is smooth.
        outputs: logits of an image.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(
        self,
        width: int = 128,
        shape: tuple[int, ...] = (3, 256, 256),
        *,
        most: int = 512,
        activation: str = "lrelu",
        outputs: int = 1,
    ) -> None:
        super().__init__()
        channels = channels_at(shape, width, most)
        sides = sorted(channels, reverse=True)
        last = channels[_SMALLEST]
        self.activation = activation_function(activation)
        self.from_image = EqualConv2d(shape[0], channels[sides[0]], 1)
        self.blocks = nn.ModuleList(
            Residual(channels[side], channels[smaller], activation) for side, smaller in pairwise(sides)
        )
        self.last_conv = EqualConv2d(last, last, 3)
        self.hidden = EqualLinear(last * _SMALLEST**2, last)
        self.output = EqualLinear(last, outputs)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of images (B, C, H, W), or (B, outputs)."""
        x = self.activation(self.from_image(x))
        for block in self.blocks:
            x = block(x)
        x = self.activation(self.last_conv(x))
        return self.output(self.activation(self.hidden(x.flatten(1)))).squeeze(1)


def channels_at(shape: tuple[int, ...], width: int, most: int) -> dict[int, int]:
    """Channels by side in pixels: ``width`` at the full resolution, doubled at every halving up to ``most``.

    Raises:
        TrainingError: if the networks do not take images of that shape.
    """
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in SIZES:
        raise TrainingError(
            f"the StyleGAN2 networks take square images of {', '.join(map(str, SIZES))} pixels, not examples of shape "
            f"{tuple(shape)}. Resize the images to one of these (--size 32)."
        )
    sides = [_SMALLEST * 2**level for level in range(round(math.log2(shape[1] // _SMALLEST)) + 1)]
    return {side: min(width * shape[1] // side, most) for side in sides}
