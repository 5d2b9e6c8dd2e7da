"""Whose a run directory is: the configuration that decides a run, and where it was computed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansift.data.examples import Examples
from gansift.errors import GansiftError, TrainingError
from gansift.files import read_json, write_atomically, write_json
from gansift.games.game import Game
from gansift.training.devices import kind_of
from gansift.training.private import PrivateStep
from gansift.training.state import checksum
from gansift.training.step import Step

# The file of the key of a private training.
_KEY = "noise-key"

# Settings that stand there in another form, or not at all.
_ELSEWHERE = ("optimizers", "stack", "place", "noise_key")

#: What decides only the last bits of a run: where and how it was computed.
ENVIRONMENT = ("device", "threads", "torch", "shards", "processes", "compiled")


def configuration(step: Step, game: Game, data: Mapping[str, Examples], weights: Tensor, stride: int) -> dict[str, Any]:
    """All that decides a run, and where it is computed, as it is written into ``config.json``."""
    settings = step.settings
    still = _still(step)
    config = {
        "game": game.settings(),
        "initial": checksum(step.initial()),
        "data": {name: part.digest() for name, part in data.items()},
        "weights": checksum({"": {"weights": weights}}),
        **({"frozen": checksum(still)} if still else {}),
        "optimizers": {name: optimizer.settings() for name, optimizer in settings.optimizers.items()},
        "checkpoint_every": stride,
        **{name: value for name, value in asdict(settings).items() if name not in _ELSEWHERE},
        **({"noise": step.noise} if isinstance(step, PrivateStep) else {}),
        # Only where it was one, so that runs recorded before there were any are still known.
        **({"stack": settings.stack, "place": settings.place} if settings.stack > 1 else {}),
        "device": kind_of(settings.device),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    return json.loads(json.dumps(config))


def recorded_place(folder: Path | None) -> tuple[int, int] | None:
    """The size of the stack that the run in a folder was begun in, and its place there; (1, 0) for a run alone.

    None if no run is there.
    """
    path = None if folder is None else folder / "config.json"
    if path is None or not path.exists():
        return None
    try:
        config = _recorded(path)
    except GansiftError:  # `claim` says so
        return None
    return config.get("stack", 1), config.get("place", 0)


def _recorded(path: Path) -> dict[str, Any]:
    config = read_json(path)
    if not isinstance(config, dict) or any(type(config.get(name, 0)) is not int for name in ("stack", "place")):
        raise GansiftError(f"{path} is damaged: it is no configuration of a training")
    return config


def _still(step: Step) -> dict[str, dict[str, Tensor]]:
    """What of the players no update changes, but every loss reads: frozen parameters and buffers."""
    found = {
        player: {name: value for name, value in module.state_dict().items() if name not in step.layouts[player].names}
        for player, module in step.game.players.items()
    }
    return {player: values for player, values in found.items() if values}


def claim(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the run's configuration, or check that the folder holds this very run.

    Raises:
        TrainingError: if it holds another one, or its configuration cannot be read.
    """
    path = folder / "config.json"
    if not path.exists():
        write_json(path, config)
        return
    differing = [key for key in _differing(path, config) if key not in ENVIRONMENT]
    if differing:
        raise TrainingError(
            f"{folder} holds another run: it differs in {', '.join(differing)} (see {path}). "
            f"{_UNSEEDED if 'initial' in differing else ''}Choose another outdir, or delete this one to train anew."
        )


_UNSEEDED = (
    "If the script is the same as before, its networks begin with other numbers each time: call torch.manual_seed(0) "
    "before they are made, or give them a method reset_parameters, which is called with the seed of the run. "
)


def elsewhere(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """What differs between where a claimed run was computed and here, in words; empty where nothing does."""
    return [f"{key} {old} there, {new} here" for key, (old, new) in _differing(folder / "config.json", config).items()]


def _differing(path: Path, config: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    try:
        recorded = _recorded(path)
    except GansiftError as error:
        raise TrainingError(
            f"{error}. If {path.parent} holds this very run, delete that file: it is written anew. Otherwise choose "
            "another outdir."
        ) from error
    return {key: (recorded.get(key), value) for key, value in config.items() if recorded.get(key) != value}


def noise_key(folder: Path | None) -> str:
    """The secret by which a private training draws its noise: that of the run in a folder, or a new one.

    Raises:
        TrainingError: if a run was begun there and its key is gone.
    """
    path = None if folder is None else folder / _KEY
    if folder is None or path is None or not (path.exists() or (folder / "config.json").exists()):
        return secrets.token_hex(16)
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read ({error}), and without the key of its noise a private training can neither go on "
            "nor be looked at. Bring it back, or choose another outdir."
        ) from error


def keep_noise_key(folder: Path, key: str) -> None:
    """Write the key beside the configuration, for nobody else to read.

    Raises:
        TrainingError: if another process has begun the same run with another key.
        GansiftError: if it cannot be written.
    """
    path = folder / _KEY
    if not path.exists():
        write_atomically(path, lambda temporary: _write_secret(temporary, key))
    elif path.read_text("utf-8").strip() != key:
        raise TrainingError(f"{folder} was begun by another process just now; give the command again")


def _write_secret(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
