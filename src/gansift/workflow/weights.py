"""The networks that a run has trained, as files that any later training can start from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from gansift.errors import UsageError
from gansift.files import remove, write_bytes
from gansift.games.copying import copy_of
from gansift.games.trained import Trained
from gansift.models.lora import Adapted
from gansift.models.weights import write_weights
from gansift.training.trajectory import Run
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import is_trained, opened
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed

#: ``weights``: whole networks; ``adapters``: only what was trained.
FORMATS = ("weights", "adapters")


def keep_weights(directory: RunDirectory, run: Run, players: Mapping[str, Trained | None]) -> None:
    """Write what was trained of every player, read out as metrics read it; None removes what an earlier choice left."""
    for name, trained in players.items():
        if trained is None:
            remove(directory.weights(name))
        else:
            write_bytes(directory.weights(name), save(_trained(run, trained), metadata={"run": name}))


def kept_players(directory: RunDirectory, run: Run, name: str) -> Trained | None:
    """The players that `keep_weights` wrote of a name; None where there are none.

    Args:
        directory: of the run.
        run: of the seed that they were written of.
        name: such as ``cleansed``.
    """
    path = directory.weights(name)
    if not path.exists():
        return None
    values, like = load_file(path), run.trained()
    parameters = {
        player: layout.joined({key: values[f"{player}.{key}"] for key in layout.names}).to(like.device)
        for player, layout in run.step.layouts.items()
    }
    return Trained(run.step.game, parameters)


def export_weights(directory: RunDirectory, destination: Path, format: str) -> list[Path]:
    """Write ``original.safetensors`` and, if the run was cleansed, ``cleansed.safetensors`` into a folder.

    Args:
        directory: of a run that is trained to its end.
        destination: the folder.
        format: ``weights``: whole networks, adapters added to the weights that they adapt, to start from with
            ``--init``; ``adapters``: only what was trained.

    Returns:
        The files.

    Raises:
        UsageError: if the first seed is not trained to its end.
        TrainingError: if the data are no longer those of the run.
        GansiftError: if a file cannot be written.
    """
    config = load(directory.config)
    if not is_trained(directory, config, Plan.main):
        raise UsageError(
            f"the first seed of {directory.root} is not trained to its end yet; go on with it by `gansift run`"
        )
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise UsageError(f"{destination} is there already and not empty; choose another destination")
    seed = Seed.main(directory, opened(directory, config))
    models = {"original": _trained(seed.run, seed.run.trained())}
    if directory.weights("cleansed").exists():
        models["cleansed"] = load_file(directory.weights("cleansed"))
    written = []
    for name, trained in models.items():
        target = destination / f"{name}.safetensors"
        if format == "adapters":
            write_bytes(target, save(trained, metadata={"run": name}))
        else:
            players = seed.place.game(seed.number).players
            networks = {player: _whole(module, player, trained) for player, module in players.items()}
            write_weights(target, seed.place.system.architecture, networks)
        written.append(target)
    return written


def _trained(run: Run, trained: Trained) -> dict[str, Tensor]:
    """What was trained of every player, by ``player.name``."""
    return {
        f"{player}.{key}": value.detach().cpu().contiguous()
        for player, flat in trained.parameters.items()
        for key, value in run.step.layouts[player].views(flat).items()
    }


def _whole(module: nn.Module, player: str, trained: Mapping[str, Tensor]) -> nn.Module:
    """A player's network with what was trained of it."""
    network = copy_of(module)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.requires_grad:
                value.copy_(trained[f"{player}.{name}"])
    return network.merged() if isinstance(network, Adapted) else network
