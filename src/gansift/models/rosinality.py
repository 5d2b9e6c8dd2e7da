"""Checkpoints in the layout of rosinality's stylegan2-pytorch, the one most pretrained StyleGAN2 weights come in."""

from __future__ import annotations

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import DataError
from gansift.models.architecture import Architecture
from gansift.models.resample import low_pass
from gansift.models.stylegan2 import SIZES

# Their name -> ours; what is left of a name after these is the same.
_GENERATOR = (
    (r"^style\.(\d+)\.", lambda found: f"mapping.layers.{int(found[1]) - 1}."),  # theirs counts the normalisation
    (r"^input\.input$", lambda found: "constant.value"),
    (r"^conv1\.", lambda found: "convs.0."),
    (r"^convs\.(\d+)\.", lambda found: f"convs.{int(found[1]) + 1}."),
    (r"^to_rgb1\.", lambda found: "to_image.0."),
    (r"^to_rgbs\.(\d+)\.", lambda found: f"to_image.{int(found[1]) + 1}."),
)
_STYLED = ((r"\.noise\.weight$", ".noise_strength"), (r"\.activate\.bias$", ".bias"))
_DISCRIMINATOR = (
    (r"^convs\.0\.0\.", "from_image."),
    (r"^convs\.0\.1\.", "from_image."),
    (r"^final_conv\.[01]\.", "last_conv."),
    (r"^final_linear\.0\.", "hidden."),
    (r"^final_linear\.1\.", "output."),
    (r"\.conv1\.[01]\.", ".first."),
    (r"\.conv2\.[12]\.", ".second."),
    (r"\.skip\.1\.", ".shortcut."),
)
# The fixed filter, which is the same everywhere, and noise images that only make samples repeatable.
_LEFT_OUT = re.compile(r"(^|\.)kernel$|^noises\.")


def read_rosinality(path: Path) -> tuple[Architecture, dict[str, nn.Module], list[str]]:
    """The networks of a checkpoint: the averaged generator and, if it is there, the discriminator.

    The file is read with ``weights_only=True``: it can hold tensors, and run nothing.

    Returns:
        What the networks are, the networks by player, and sentences on what is not as it was.

    Raises:
        DataError: for a pickle, a damaged file, or tensors of another layout.
    """
    content = _read(path)
    key = next((name for name in ("g_ema", "g") if name in content), None)
    if key is None:
        raise DataError(f"{path} holds {', '.join(map(str, content)) or 'nothing'}, but no generator (g_ema or g)")
    generator = {_ours(name): value for name, value in content[key].items() if not _LEFT_OUT.search(name)}
    _check_filter(path, content[key])
    architecture = _architecture(path, generator)
    pair = architecture.build()
    networks: dict[str, nn.Module] = {"generator": pair.generator}
    _load(path, pair.generator, generator)
    notes = [] if key == "g_ema" else ["the file has no averaged generator (g_ema); the last one (g) was taken"]
    if "d" in content:
        discriminator = _discriminator(content["d"])
        channels = pair.discriminator.get_parameter("last_conv.weight").shape[1]
        if "last_conv.weight" in discriminator and discriminator["last_conv.weight"].shape[1] == channels + 1:
            discriminator["last_conv.weight"] = discriminator["last_conv.weight"][:, :-1]
            notes.append(
                "the discriminator's layer of minibatch statistics was left out, because it mixes the examples of a "
                "batch: its logits are not those of the original"
            )
        _load(path, pair.discriminator, discriminator)
        networks["discriminator"] = pair.discriminator
    else:
        notes.append("the file has no discriminator (d): training starts with a new one")
    return architecture, networks, notes


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"there is no checkpoint {path}")
    if path.suffix.lower() in (".pkl", ".pickle"):
        raise DataError(
            f"{path} is a pickle, which can run any code when it is opened, so it never is. Convert it to rosinality's "
            "layout (.pt) where you trust it, with the tools of the project that it comes from."
        )
    try:
        # Checkpoints of a training carry its arguments, which are no code either.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        # torch's own words advise to open it unsafely.
        of_code = isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error)
        reason = "it holds something else" if of_code else (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{path} cannot be read as a file of tensors alone ({reason}). Whatever else is in it is never opened, "
            "because it could run code: save the dictionary of g_ema and d by itself with torch.save."
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}, not a dictionary of g_ema and d")
    return content


def _ours(name: str) -> str:
    """Our name of one of the generator's tensors."""
    for pattern, replacement in _GENERATOR:
        name, count = re.subn(pattern, replacement, name)
        if count:
            break
    for pattern, ending in _STYLED:
        name = re.sub(pattern, ending, name)
    return name


def _discriminator(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours = {}
    for name, value in theirs.items():
        if _LEFT_OUT.search(name):
            continue
        for pattern, replacement in _DISCRIMINATOR:
            name = re.sub(pattern, replacement, name)
        name = re.sub(r"^convs\.(\d+)\.", lambda found: f"blocks.{int(found[1]) - 1}.", name)
        ours[name] = value
    return ours


def _check_filter(path: Path, theirs: Mapping[str, Tensor]) -> None:
    for name, value in theirs.items():
        if name.endswith("kernel") and not torch.allclose(value / value.sum(), low_pass(), atol=1e-6):
            raise DataError(f"{path}: {name} is another low-pass filter than [1, 3, 3, 1]; there is no network for it")


def _architecture(path: Path, generator: Mapping[str, Tensor]) -> Architecture:
    try:
        depth = 1 + max(int(name.split(".")[2]) for name in generator if name.startswith("mapping."))
        levels = 1 + max(int(name.split(".")[1]) for name in generator if name.startswith("to_image."))
        latent = generator["mapping.layers.0.weight"].shape[0]
        most = generator["constant.value"].shape[1]
        colours, width = generator[f"to_image.{levels - 1}.conv.weight"].shape[1:3]
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(f"{path} holds a generator of another layout than rosinality's StyleGAN2 ({error})") from error
    side = 2 ** (levels + 1)
    if side not in SIZES:
        raise DataError(f"{path} holds a generator of {side} pixels; {', '.join(map(str, SIZES))} are supported")
    return Architecture("stylegan2", (colours, side, side), latent, width, most, depth, "lrelu")


def _load(path: Path, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    expected = network.state_dict()
    odd = sorted(set(expected) ^ set(tensors))
    odd += [name for name in set(expected) & set(tensors) if expected[name].numel() != tensors[name].numel()]
    if odd:
        raise DataError(
            f"{path} holds another {type(network).__name__} than its sizes suggest: {', '.join(odd[:5])} do not fit"
        )
    # Theirs have axes of length 1 that ours do without.
    network.load_state_dict({name: value.reshape(expected[name].shape) for name, value in tensors.items()})
