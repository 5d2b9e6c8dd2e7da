"""Features from TorchScript files, with the customs of the one that is everywhere: Inception for the published FID."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import UsageError
from gansift.metrics.features import NetworkFeatures
from gansift.metrics.images import resize, three_channels
from gansift.trusted import KNOWN

_log = logging.getLogger(__name__)
_SIDE = 299
_DIGITS = 8  # of a SHA-256 that tell one file from another in a name
_CLEAN = "clean"
# How images get to 299 pixels a side, under the names in use: interpolation and antialiasing, or the network's own way.
_CONVENTIONS = {_CLEAN: ("bicubic", True), "legacy-pytorch": ("bilinear", False), "legacy-tensorflow": None}


class InceptionFeatures(NetworkFeatures):
    """A script in the manner of Inception's: images with values from 0 to 255, asked with ``return_features=True``.

    Values are not rounded to whole numbers, which would have no derivative, and the network computes in float32, as
    it was saved.

    Args:
        network: the script.
        name: for the metric's name.
        convention: ``clean``, ``legacy-pytorch`` or ``legacy-tensorflow``.
        published: whether it is the network of the published FID, bit for bit.
    """

    chunk = 20

    def __init__(self, network: nn.Module, name: str, convention: str, *, published: bool = False) -> None:
        super().__init__(network, name)
        self.published = published
        self._resizing = _CONVENTIONS[convention]

    def __call__(self, samples: Tensor) -> Tensor:
        """Features (n, d) of images (n, C, H, W) with 1 or 3 channels and values from -1 to 1."""
        images = 127.5 * three_channels(samples.float(), f"the features {self.name}") + 127.5
        if self._resizing is not None:
            images = resize(images, _SIDE, *self._resizing)
        return self.network_for(images)(images, return_features=True).flatten(1).to(samples.dtype)


def script_path(spec: str) -> tuple[Path, str] | None:
    """The file and the convention (or an empty text) in ``path`` or ``path@convention``; None if there is no file."""
    if Path(spec).is_file():
        return Path(spec), ""
    path, _, convention = spec.rpartition("@")
    return (Path(path), convention) if path and Path(path).is_file() else None


def load_script(path: Path, convention: str = "") -> NetworkFeatures:
    """Features from a TorchScript file, with the first digits of its SHA-256 in their name.

    Such a file is code, which is executed here: load only what comes from where you trust. A network in the manner of
    Inception that is not the published one is named in the log.

    Args:
        path: of the file.
        convention: how images are resized for a script with ``return_features``; empty for ``clean``.

    Raises:
        UsageError: if it is no TorchScript file, or the convention is unknown or not one for this file.
    """
    if convention and convention not in _CONVENTIONS:
        raise UsageError(f"--features {path}@{convention}: after the @ comes one of {', '.join(_CONVENTIONS)}")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        network = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"cannot load features from {path}: it is not a TorchScript file ({reason}). Write one with "
            "torch.jit.save(torch.jit.script(network), path)."
        ) from error
    if "return_features" in {argument.name for argument in network.forward.schema.arguments}:
        convention = convention or _CLEAN
        if digest not in KNOWN:
            _log.warning(
                "%s is not the network of the published FID, whose SHA-256 is %s: it has %s", path, *KNOWN, digest
            )
        name = f"{path.stem}-{convention}-{digest[:_DIGITS]}"
        return InceptionFeatures(network, name, convention, published=digest in KNOWN)
    if convention:
        raise UsageError(
            f"--features {path}@{convention}: only a network that takes return_features is given images in that way; "
            "this one gets them as they are. Leave out the @."
        )
    return from_module(network, f"{path.stem}-{digest[:_DIGITS]}")


def from_module(network: nn.Module, name: str) -> NetworkFeatures:
    """A network as features, with ``logits`` if it has a method of that name."""
    features = NetworkFeatures(network, name)
    if callable(getattr(network, "logits", None)):

        def logits(samples: Tensor) -> Tensor:
            classifier: Any = features.network_for(samples)
            return classifier.logits(samples)

        features.logits = logits  # type: ignore[attr-defined]
    return features
