"""A file of weights to start from: a pair of built-in networks as safetensors, which can hold no code.

Tensors are named ``generator.<name>`` and ``discriminator.<name>``; the metadata say what the networks are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gansift.errors import DataError
from gansift.files import write_bytes
from gansift.models.architecture import Architecture, Pair

PLAYERS = ("generator", "discriminator")


def write_weights(path: Path, architecture: Architecture | None, networks: Mapping[str, nn.Module]) -> None:
    """Write networks by player, atomically; without an architecture only their owner knows how to build them again.

    Raises:
        GansiftError: if the file cannot be written.
    """
    tensors = {
        f"{player}.{name}": value.detach().cpu().contiguous()
        for player, network in networks.items()
        for name, value in network.state_dict().items()
    }
    about = None if architecture is None else {"architecture": json.dumps(asdict(architecture))}
    write_bytes(path, save(tensors, metadata=about))


def read_architecture(path: Path) -> Architecture:
    """What the networks in a file of weights are.

    Raises:
        DataError: if it is no such file.
    """
    return _read(path)[0]


def read_weights(path: Path) -> tuple[Architecture, Pair]:
    """The networks in a file of weights, which are not initialised anew; a discriminator that is not in it is.

    Raises:
        DataError: if it is no such file, or its tensors are not those of its networks.
    """
    architecture, tensors = _read(path)
    pair = architecture.build()
    for player, network in zip(PLAYERS, pair, strict=True):
        own = {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{player}.")}
        if not own and player != "generator":
            continue
        try:
            network.load_state_dict(own)
        except RuntimeError as error:
            raise DataError(f"{path} does not hold the {player} that it says it holds: {error}") from error
        network.pretrained = True
    return architecture, pair


# What a network's sizes stay below: a file that says more is damaged, and would fill the memory.
_MOST = 1_000_000


def _check(architecture: Architecture) -> None:
    """Refuse what can be no description of networks, with a ValueError."""
    sizes = (*architecture.shape, *(getattr(architecture, name) for name in ("latent", "width", "most", "depth")))
    if not all(type(size) is int and 1 <= size < _MOST for size in sizes):
        raise ValueError("a size is no whole number, or out of all bounds")
    if not isinstance(architecture.model, str) or not isinstance(architecture.activation, str):
        raise ValueError("the model or its activation is no name")


def _read(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    if not path.is_file():
        raise DataError(f"there is no file of weights {path}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads((file.metadata() or {})["architecture"])
        architecture = Architecture(**about | {"shape": tuple(about["shape"])})
        _check(architecture)
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} is no safetensors file, or it is damaged ({error}). A checkpoint of rosinality's StyleGAN2 is "
            "given as it is, --init model.pt; pickles (.pkl) are never opened, because they can run code."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} does not say which networks its weights belong to. Give a file that `gansift export --format "
            "weights` has written, or load it yourself in Python (`--game module:build`)."
        ) from error
    if any(not torch.isfinite(value).all() for value in tensors.values()):
        raise DataError(f"{path} holds weights that are NaN or infinite")
    return architecture, tensors
