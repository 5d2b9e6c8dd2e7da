"""The two networks of S+U learning: one that changes images a little, and one that judges them patch by patch."""

from __future__ import annotations

from torch import Tensor, nn

from gansift.models.layers import Network

_KERNEL = 3


class _Block(nn.Module):
    """Two convolutions around a SiLU, added to what goes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, _KERNEL, padding=1), nn.SiLU(), nn.Conv2d(width, width, _KERNEL, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.silu(x + self.layers(x))


class Refiner(Network):
    """Images plus what residual blocks make of them at full size; the identity as long as it is untrained.

    After Shrivastava et al. (2017), where a refiner is pretrained to be the identity; here its last layer is 0.

    Args:
        channels: of the images.
        width: channels within.
        blocks: number of residual blocks; four in the paper.
    """

    def __init__(self, channels: int, width: int = 16, blocks: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, _KERNEL, padding=1), nn.SiLU(), *(_Block(width) for _ in range(blocks))
        )
        self.last = nn.Conv2d(width, channels, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all but the last layer anew, which is 0."""
        super().reset_parameters()
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Refined images of images (B, C, H, W), in the same shape."""
        return x + self.last(self.layers(x))


class PatchCritic(Network):
    """Convolutions without an end: images (B, C, H, W) to a logit for each of their overlapping patches (B, 1, h, w).

    Args:
        channels: of the images.
        width: channels after the first layer; twice as many after the second.
    """

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, _KERNEL, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, _KERNEL, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 1), nn.SiLU(), nn.Conv2d(2 * width, 1, 1),
        )  # fmt: skip
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 1, h, w) of images (B, C, H, W), with h and w a quarter of H and W, rounded up."""
        return self.layers(x)
