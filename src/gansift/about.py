"""What there is to choose from: systems, metrics, estimators, audits and built-in data, and the text of each."""

from __future__ import annotations

from typing import Any

from gansift.catalogue import AUDITS, DATA, ESTIMATOR_LABELS, SAMPLE_METRICS
from gansift.errors import UsageError
from gansift.named import is_named, suggestion
from gansift.systems import SYSTEMS
from gansift.systems.reading import Manual, manual


def everything() -> dict[str, dict[str, str]]:
    """By kind, every name and what it stands for in a few words."""
    return {
        "systems": {name: _first_sentence(manual(spec)) for name, spec in SYSTEMS.items()},
        "metrics": dict(SAMPLE_METRICS),
        "estimators": dict(ESTIMATOR_LABELS),
        "audits": {name: _first_sentence(manual(spec)) for name, spec in AUDITS.items()},
        "data": dict(DATA),
    }


def one(name: str) -> dict[str, Any]:
    """The text and the settings of a system or an audit, or the line that says what another name stands for.

    Raises:
        UsageError: if there is nothing of that name.
    """
    for kind, specs in (("system", SYSTEMS), ("audit", AUDITS)):
        if name in specs:
            return {"name": name, "kind": kind, **_described(manual(specs[name]))}
    if is_named(name):
        return {"name": name, "kind": "own", **_described(manual(name))}
    listed = {"metric": SAMPLE_METRICS, "estimator": ESTIMATOR_LABELS, "data": DATA}
    for kind, names in listed.items():
        if name in names:
            return {"name": name, "kind": kind, "text": names[name], "settings": []}
    known = [*SYSTEMS, *AUDITS, *SAMPLE_METRICS, *ESTIMATOR_LABELS, *DATA]
    raise UsageError(f"there is nothing called {name!r}{suggestion(name, known)}; `gansift about` lists all names")


def audit_manual(name: str) -> Manual:
    """Text and settings of an audit, a person's own included; none for ``all``.

    Raises:
        UsageError: if there is no such audit.
    """
    if name == "all":
        return Manual("", ())
    if name not in AUDITS and not is_named(name):
        raise UsageError(
            f"there is no audit {name!r}{suggestion(name, AUDITS)}; there are {', '.join(AUDITS)} and all, and your "
            "own is named file.py:function"
        )
    return manual(AUDITS.get(name, name))


def _described(found: Manual) -> dict[str, Any]:
    settings = [
        {"flag": one.flag, "default": one.default, "help": one.help, "wanted": one.wanted} for one in found.settings
    ]
    return {"text": found.text, "settings": settings}


def _first_sentence(found: Manual) -> str:
    return found.text.split("\n\n")[0].replace("\n", " ").rstrip(".")
