"""Weights to start from, in gansift's own files or in StyleGAN2 checkpoints of rosinality's layout."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from torch import nn

from gansift.models.architecture import Architecture, Pair
from gansift.models.rosinality import read_rosinality
from gansift.models.weights import read_architecture, read_weights

_log = logging.getLogger(__name__)

# What PyTorch calls its checkpoints. They are read without running anything in them.
_CHECKPOINTS = (".pt", ".pth")


def initial_architecture(path: Path) -> Architecture:
    """What the networks in a file of weights are.

    Raises:
        DataError: if it is no such file.
    """
    return _converted(path)[0] if path.suffix.lower() in _CHECKPOINTS else read_architecture(path)


def initial_networks(path: Path) -> tuple[Architecture, Pair]:
    """The networks in a file of weights, which are not initialised anew; a discriminator that is not in it is.

    Raises:
        DataError: if it is no such file, or its tensors are not those of its networks.
    """
    if path.suffix.lower() not in _CHECKPOINTS:
        return read_weights(path)
    architecture, networks, notes = _converted(path)
    for note in notes:
        _log.warning("%s: %s", path, note)
    pair = architecture.build()
    for name, network in zip(("generator", "discriminator"), pair, strict=True):
        if name in networks:
            network.load_state_dict(networks[name].state_dict())
            network.pretrained = True
    return architecture, pair


@lru_cache(maxsize=1)
def _converted(path: Path) -> tuple[Architecture, dict[str, nn.Module], list[str]]:
    """Read once: a checkpoint is large, and asked for its networks again for every training."""
    return read_rosinality(path)
