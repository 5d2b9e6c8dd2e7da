"""Networks that make features of examples, and heads that say something of features; smooth throughout."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from gansift.errors import TrainingError
from gansift.models.layers import Network

#: How neighbours are taken together.
Pooling = Literal["mean", "max"]

_KERNEL = 5
# Places a side that are left of an image before its features are mixed.
_PLACES = 4


class PointEncoder(Network):
    """Two layers of SiLU: points (B, inputs) to features (B, hidden).

    Args:
        inputs: numbers of a point.
        hidden: number of features.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, hidden) of points (B, inputs)."""
        return self.layers(x)


class ImageEncoder(Network):
    """Two convolutions, each followed by a pooling of neighbours, and a layer of SiLU: images to features (B, hidden).

    Images may be of different sizes: larger ones are reduced to ``side`` pixels a side by the mean over areas, and grey
    ones become coloured where there are three channels.

    Args:
        channels: of the images as they are looked at, 1 or 3.
        side: pixels a side of the smallest images.
        hidden: number of features; the convolutions have a quarter and a half as many channels.
        pooling: ``mean`` of neighbours, or ``max``, their largest value, which passes over what is faint beside it.

    Raises:
        TrainingError: for smaller images than 4 x 4, or fewer features than 4.
    """

    def __init__(self, channels: int, side: int, hidden: int, pooling: Pooling = "mean") -> None:
        super().__init__()
        if side < _PLACES or hidden < 4:
            raise TrainingError(f"ImageEncoder takes images of 4x4 and more, and 4 features and more: {side}, {hidden}")
        self.channels, self.side = channels, side
        by_two, to_places = (
            (nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(_PLACES))
            if pooling == "mean"
            else (nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(_PLACES))
        )
        few, many = hidden // 4, hidden // 2
        self.layers = nn.Sequential(
            nn.Conv2d(channels, few, _KERNEL, padding="same"), nn.SiLU(), by_two,
            nn.Conv2d(few, many, _KERNEL, padding="same"), nn.SiLU(), to_places,
            nn.Flatten(), nn.Linear(many * _PLACES**2, hidden), nn.SiLU(),
        )  # fmt: skip
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, hidden) of images (B, 1 or 3, H, W)."""
        small = x if x.shape[2:] == (self.side, self.side) else adaptive_avg_pool2d(x, self.side)
        return self.layers(small.expand(-1, self.channels, -1, -1))


class Head(Network):
    """One hidden layer of SiLU: features (B, inputs) to logits (B, outputs).

    Args:
        inputs: number of features.
        hidden: width of the hidden layer.
        outputs: number of logits.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
        self.reset_parameters()

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, outputs) of features (B, inputs)."""
        return self.layers(features)


class Labeller(Network):
    """An encoder and a head in one: points or images of one shape to logits (B, classes).

    Args:
        shape: of one example, ``(inputs,)`` or ``(channels, H, W)``.
        hidden: number of features, and width of the head.
        classes: number of logits.

    Raises:
        TrainingError: as `ImageEncoder`.
    """

    def __init__(self, shape: tuple[int, ...], hidden: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder_of(shape, hidden)
        self.head = Head(hidden, hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of examples (B, *shape)."""
        return self.head(self.encoder(x))


def encoder_of(shape: tuple[int, ...], hidden: int, pooling: Pooling = "mean") -> Network:
    """The encoder of examples of a shape; points have no neighbours to pool.

    Raises:
        TrainingError: as `ImageEncoder`.
    """
    return (
        PointEncoder(shape[0], hidden) if len(shape) == 1 else ImageEncoder(shape[0], min(shape[1:]), hidden, pooling)
    )
