"""Networks that make features of examples, and heads that say something of features; smooth throughout."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from gansift.errors import TrainingError
from gansift.models.layers import Network

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
    """Two convolutions, each followed by a mean over neighbours, and a layer of SiLU: images to features (B, hidden).

    Images may be of different sizes: larger ones are reduced to ``side`` pixels a side by the mean over areas, and grey
    ones become coloured where there are three channels.

    Args:
        channels: of the images as they are looked at, 1 or 3.
        side: pixels a side of the smallest images.
        hidden: number of features; the convolutions have a quarter and a half as many channels.

    Raises:
        TrainingError: for smaller images than 4 x 4, or fewer features than 4.
    """

    def __init__(self, channels: int, side: int, hidden: int) -> None:
        super().__init__()
        if side < _PLACES or hidden < 4:
            raise TrainingError(f"ImageEncoder takes images of 4x4 and more, and 4 features and more: {side}, {hidden}")
        self.channels, self.side = channels, side
        few, many = hidden // 4, hidden // 2
        self.layers = nn.Sequential(
            *_convolutions(channels, few, many, nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(_PLACES)),
            nn.Linear(many * _PLACES**2, hidden), nn.SiLU(),
        )  # fmt: skip
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, hidden) of images (B, 1 or 3, H, W)."""
        return self.layers(_looked_at(x, self.channels, self.side))


class ImageFeatures(Network):
    """Two convolutions, each followed by the largest value of neighbours: images to features (B, outputs).

    Images may be of different sizes, as for `ImageEncoder`. The largest value passes over what is faint beside it, such
    as a background beside strokes, which a mean mixes in.

    Args:
        channels: as of `ImageEncoder`.
        side: as of `ImageEncoder`.
        few: channels of the first convolution.
        many: channels of the second one, of which 4 x 4 places are left.

    Attributes:
        outputs: number of features, 16 for each channel of the second convolution.

    Raises:
        TrainingError: for smaller images than 4 x 4.
    """

    def __init__(self, channels: int, side: int, few: int, many: int) -> None:
        super().__init__()
        if side < _PLACES:
            raise TrainingError(f"ImageFeatures takes images of 4x4 pixels and more, not of {side}x{side}")
        self.channels, self.side, self.outputs = channels, side, many * _PLACES**2
        self.layers = nn.Sequential(*_convolutions(channels, few, many, nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(_PLACES)))
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, outputs) of images (B, 1 or 3, H, W)."""
        return self.layers(_looked_at(x, self.channels, self.side))


def _convolutions(channels: int, few: int, many: int, by_two: nn.Module, to_places: nn.Module) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, few, _KERNEL, padding="same"), nn.SiLU(), by_two,
        nn.Conv2d(few, many, _KERNEL, padding="same"), nn.SiLU(), to_places, nn.Flatten(),
    ]  # fmt: skip


def _looked_at(x: Tensor, channels: int, side: int) -> Tensor:
    """Images (B, channels, side, side) as they are looked at."""
    small = x if x.shape[2:] == (side, side) else adaptive_avg_pool2d(x, side)
    return small.expand(-1, channels, -1, -1)


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


def encoder_of(shape: tuple[int, ...], hidden: int) -> Network:
    """The encoder of examples of a shape.

    Raises:
        TrainingError: as `ImageEncoder`.
    """
    return PointEncoder(shape[0], hidden) if len(shape) == 1 else ImageEncoder(shape[0], min(shape[1:]), hidden)
