"""A look at data before anything is trained on them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gansift.data.grey import parse_span
from gansift.data.sets import parse_sources
from gansift.data.splits import parse_fractions
from gansift.data.survey import survey
from gansift.data.survey_text import survey_text
from gansift.errors import GansiftError
from gansift.systems.settings import checked
from gansift.workflow.config import GENERAL
from gansift.workflow.place import roles_of
from gansift.workflow.request import requested
from gansift.workflow.rough import Rough, rough
from gansift.workflow.stages import resolved

# Seconds of a run from which on it is said what would take less.
_LONG = 1800.0


def look(sources: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is in each source, and whether it can be used.

    Args:
        sources: ``SOURCE``, or ``NAME=SOURCE`` for each of several.
        settings: of the panel ``Data``, by name; those that are missing have their defaults.

    Returns:
        Of one source what `data.survey.survey` returns; of several ``sets``, by name, and ``usable``.

    Raises:
        DataError, UsageError: as `data.survey.survey`.
    """
    of_data = [one.setting for one in GENERAL if one.panel == "Data"]
    given = checked(of_data, {name: value for name, value in settings.items() if value is not None}, "gansift data")
    by_name, test = parse_sources(sources)
    if test is not None:
        by_name |= {"test": test}
    values = {one.name: one.default for one in of_data} | given
    surveys = {name: _survey(source, values) for name, source in by_name.items()}
    if len(surveys) == 1:
        found = next(iter(surveys.values()))
        return found | {"run": _run_of(found["command"])}
    return {"sets": surveys, "usable": min(one["usable"] for one in surveys.values())}


def look_text(contents: Mapping[str, Any]) -> str:
    """The same in words."""
    sets = contents.get("sets")
    if sets is None:
        return "\n".join([survey_text(dict(contents)), *_run_text(contents["run"])])
    return "\n\n".join(f"{name}\n{survey_text(one)}" for name, one in sets.items())


def _run_of(command: str | None) -> dict[str, Any] | None:
    """What the command that is advised would train, and how long that may take; None if it cannot be told."""
    if command is None:
        return None
    _, _, source, *flags = shlex.split(command)
    try:
        place = resolved(requested([source], _parsed(flags)))
        found = rough(place)
    except (GansiftError, RuntimeError):  # the run itself will say what is wrong
        return None
    config = place.config
    shape = next(iter(place.data.values())).train.shape
    return {
        "model": config.system.get("model", config.game),
        "shape": list(shape),
        "device": config.device,
        "steps": config.steps,
        **found._asdict(),
    }


def _parsed(flags: Sequence[str]) -> dict[str, Any]:
    """Flags of a command that was advised, as settings."""
    known = {one.setting.flag: one.setting for one in GENERAL}
    values, left = {}, list(flags)
    while left:
        setting = known[left.pop(0)]
        values[setting.name] = True if setting.type is bool else setting.parse(left.pop(0))
    return values


def _run_text(run: Mapping[str, Any] | None) -> list[str]:
    """The same in words; and what takes less, where it takes long."""
    if run is None:
        return []
    images = len(run["shape"]) == 3
    what = f"{'x'.join(map(str, run['shape'][1:]))} images" if images else f"{run['shape'][0]} numbers each"
    told = Rough(run["seconds"], run["step"], run["jobs"])
    networks = f"GANs of {run['model']} networks on {what}, {run['steps']:,} steps each"
    lines = [f"That trains {networks}, on {run['device']}: {told}."]
    if run["seconds"] > _LONG:
        less = ["--until train (the first trainings alone)", "fewer --steps or seeds", "a smaller --width"]
        less += ["a smaller --size"] if images else []
        less += ["a GPU (--device cuda)"] if run["device"] == "cpu" else []
        lines.append(f"What takes less: {', '.join(less)}. `gansift estimate` measures every part.")
    return lines


def _survey(source: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return survey(
        source,
        labels=settings["labels"],
        size=settings["size"],
        resize=settings["resize"],
        span=parse_span(settings["range"]),
        seed=settings["split_seed"],
        roles=roles_of(settings),
        fractions=parse_fractions(settings["fractions"]),
    )
