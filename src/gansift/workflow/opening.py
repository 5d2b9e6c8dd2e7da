"""A run directory as it is opened: with the data that it was made with, or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from gansift import data
from gansift.data.examples import Splits
from gansift.errors import TrainingError, UsageError
from gansift.files import broken_seal, write_text
from gansift.training.checkpoints import DiskCheckpoints
from gansift.workflow.config import Config
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import Place, place_of


def opened(directory: RunDirectory, config: Config, *, confirmed: bool = False) -> Place:
    """What all seeds of a run have in common. Nothing of the run is read or touched if its data changed.

    Args:
        directory: of the run.
        config: of the run.
        confirmed: as for `place_of`.

    Raises:
        TrainingError: if the data are no longer those of the run, naming an example.
        DataError, UsageError: as `place_of`.
    """
    place = place_of(config, directory.cache, confirmed=confirmed)
    differing = data.changes(directory.manifest, place.data)
    if differing:
        remedy = "Bring them back, or choose another --outdir."
        if (reason := broken_seal(directory.manifest)) is not None:
            remedy = (
                f"But {reason}: if the data are those of this run, delete it and give the command that made the run "
                "again, which writes it anew."
            )
        raise TrainingError(
            f"the data are not those that {directory.root} was made with: {len(differing)} examples were added, "
            f"removed, changed or relabelled, e.g. {data.shown(differing[0])}. {remedy} Nothing in it was changed."
        )
    return place


def trained_seeds(directory: RunDirectory, config: Config) -> list[int]:
    """The seeds of a run that are trained to their end.

    Raises:
        UsageError: if there is none yet.
    """
    seeds = [seed for seed in range(config.seeds) if is_trained(directory, config, seed)]
    if not seeds:
        raise UsageError(f"no seed of {directory.root} is trained to its end yet; go on with `gansift run`")
    return seeds


def is_trained(directory: RunDirectory, config: Config, seed: int) -> bool:
    """Whether a seed is trained to its end."""
    return config.steps in DiskCheckpoints(directory.checkpoints(seed)).numbers()


def record(directory: RunDirectory, sets: Mapping[str, Splits]) -> None:
    """Write down which example is where, and how records became numbers."""
    data.write_manifest(directory.manifest, sets)
    for name, splits in sets.items():
        if splits.encoding is not None:
            path = directory.encoding if len(sets) == 1 else directory.encoding.with_name(f"encoding-{name}.json")
            write_text(path, splits.encoding.to_json())
