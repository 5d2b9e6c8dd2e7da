"""A look at data before anything is trained on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gansift.data.grey import parse_span
from gansift.data.sets import parse_sources
from gansift.data.splits import parse_fractions
from gansift.data.survey import survey
from gansift.data.survey_text import survey_text
from gansift.systems.settings import checked
from gansift.workflow.config import GENERAL
from gansift.workflow.place import roles_of


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
        return next(iter(surveys.values()))
    return {"sets": surveys, "usable": min(one["usable"] for one in surveys.values())}


def look_text(contents: Mapping[str, Any]) -> str:
    """The same in words."""
    sets = contents.get("sets")
    if sets is None:
        return survey_text(dict(contents))
    return "\n\n".join(f"{name}\n{survey_text(one)}" for name, one in sets.items())


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
