"""Convolutional networks for small images, after DCGAN (Radford et al., 2016), smooth and without batch norm."""

from __future__ import annotations

from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.layers import Network, group_norm

#: Image sizes, and (kernel, padding) of the stride-2 convolutions that take each size down to 4 x 4, in order.
SIZES: dict[int, tuple[tuple[int, int], ...]] = {
    28: ((4, 1), (4, 1), (5, 2)),  # 28 -> 14 -> 7 -> 4
    32: ((4, 1), (4, 1), (4, 1)),  # 32 -> 16 -> 8 -> 4
}
CHANNELS = (1, 3)
_SMALLEST = 4


class DCGANGenerator(Network):
    """Transposed convolutions from 4 x 4 up, group norm, SiLU, tanh: (B, latent) to (B, C, H, W) in [-1, 1].

    Args:
        latent: number of latent variables.
        width: channels before the last layer; doubled at every halving of the size.
        shape: (C, H, W) of one image, 28 x 28 or 32 x 32 with 1 or 3 channels.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(self, latent: int = 64, width: int = 32, shape: tuple[int, ...] = (1, 28, 28)) -> None:
        super().__init__()
        convolutions = _convolutions(shape)
        self.latent = latent
        self.shape = tuple(shape)
        channels = [4 * width, 2 * width, width, shape[0]]
        layers: list[nn.Module] = [
            nn.Linear(latent, channels[0] * _SMALLEST**2),
            nn.Unflatten(1, (channels[0], _SMALLEST, _SMALLEST)),
        ]
        for inputs, outputs, (kernel, padding) in zip(channels, channels[1:], reversed(convolutions), strict=False):
            layers += [group_norm(inputs), nn.SiLU()]
            layers += [nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=padding)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.reset_parameters()

    def forward(self, z: Tensor) -> Tensor:
        """Images (B, C, H, W) of latents (B, latent)."""
        return self.layers(z)


class DCGANDiscriminator(Network):
    """Strided convolutions down to 4 x 4, SiLU, no normalisation: images (B, C, H, W) to logits (B,), or (B, outputs).

    Args:
        width: channels after the first layer; doubled at every halving of the size.
        shape: (C, H, W) of one image, 28 x 28 or 32 x 32 with 1 or 3 channels.
        outputs: logits of an image.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(self, width: int = 32, shape: tuple[int, ...] = (1, 28, 28), outputs: int = 1) -> None:
        super().__init__()
        channels = [shape[0], width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after, (kernel, padding) in zip(channels, channels[1:], _convolutions(shape), strict=False):
            layers += [nn.Conv2d(before, after, kernel, stride=2, padding=padding), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * _SMALLEST**2, outputs))
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of images (B, C, H, W), or (B, outputs)."""
        return self.layers(x).squeeze(1)


def _convolutions(shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if len(shape) == 3 and shape[0] in CHANNELS and shape[1] == shape[2] and shape[1] in SIZES:
        return SIZES[shape[1]]
    known = ", ".join(f"({channels}, {size}, {size})" for size in SIZES for channels in CHANNELS)
    raise TrainingError(
        f"the DCGAN networks have no layout for examples of shape {tuple(shape)}; supported are {known}. "
        "Resize the images to one of these, or use the MLP networks."
    )
