"""A run directory as it is opened: with the data that it was made with, or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from gansift import data
from gansift.data.examples import Splits
from gansift.errors import TrainingError
from gansift.files import write_text
from gansift.workflow.config import Config
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import Place, place_of


def opened(directory: RunDirectory, config: Config) -> Place:
    """What all seeds of a run have in common. Nothing of the run is read or touched if its data changed.

    Raises:
        TrainingError: if the data are no longer those of the run, naming an example.
        DataError, UsageError: as `place_of`.
    """
    place = place_of(config, directory.cache)
    differing = data.changes(directory.manifest, place.data)
    if differing:
        raise TrainingError(
            f"the data are not those that {directory.root} was made with: {len(differing)} examples were added, "
            f"removed, changed or relabelled, e.g. {data.shown(differing[0])}. Bring them back, or choose another "
            "--outdir. Nothing in it was changed."
        )
    return place


def record(directory: RunDirectory, sets: Mapping[str, Splits]) -> None:
    """Write down which example is where, and how records became numbers."""
    data.write_manifest(directory.manifest, sets)
    for name, splits in sets.items():
        if splits.encoding is not None:
            path = directory.encoding if len(sets) == 1 else directory.encoding.with_name(f"encoding-{name}.json")
            write_text(path, splits.encoding.to_json())
