"""What there is to choose from: systems, metrics, estimators, audits and built-in data, and the text of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gansift.catalogue import AUDITS, DATA, ESTIMATOR_LABELS
from gansift.errors import UsageError
from gansift.named import is_named, suggestion
from gansift.systems import SYSTEMS
from gansift.systems.reading import Manual, manual


def everything() -> dict[str, dict[str, str]]:
    """By kind, every name and what it stands for in a few words; of a metric also which systems bring it."""
    systems = _systems()
    return {
        "systems": {name: _first_sentence(of_system) for name, of_system in systems.items()},
        "metrics": {name: metric.line for name, metric in _metrics(systems).items()},
        "estimators": dict(ESTIMATOR_LABELS),
        "audits": {name: _first_sentence(manual(spec)) for name, spec in AUDITS.items()},
        "data": dict(DATA),
    }


def one(name: str) -> dict[str, Any]:
    """The text and the settings of a system or an audit, or the line that says what another name stands for.

    Of a system also the metrics that it brings, and of a metric the ``systems`` that bring it.

    Raises:
        UsageError: if there is nothing of that name.
    """
    systems = _systems()
    if name in systems:
        return {"name": name, "kind": "system", **_described(systems[name]), "metrics": dict(systems[name].metrics)}
    if name in AUDITS:
        return {"name": name, "kind": "audit", **_described(manual(AUDITS[name]))}
    if is_named(name):
        own = manual(name)
        return {"name": name, "kind": "own", **_described(own), "metrics": dict(own.metrics)}
    metrics = _metrics(systems)
    if name in metrics:
        metric = metrics[name]
        return {"name": name, "kind": "metric", "text": metric.line, "systems": metric.systems, "settings": []}
    for kind, texts in {"estimator": ESTIMATOR_LABELS, "data": DATA}.items():
        if name in texts:
            return {"name": name, "kind": kind, "text": texts[name], "settings": []}
    names = [*systems, *AUDITS, *metrics, *ESTIMATOR_LABELS, *DATA]
    raise UsageError(f"there is nothing called {name!r}{suggestion(name, names)}; `gansift about` lists all names")


def _systems() -> dict[str, Manual]:
    """The text, settings and metrics of every built-in system, by name."""
    return {name: manual(spec) for name, spec in SYSTEMS.items()}


class _Metric(NamedTuple):
    """A metric that systems bring.

    Attributes:
        text: what it is.
        systems: the names of the systems.
    """

    text: str
    systems: list[str]

    @property
    def line(self) -> str:
        """What it is, and who brings it."""
        return f"{self.text}; brought by {', '.join(self.systems)}"


def _metrics(systems: Mapping[str, Manual]) -> dict[str, _Metric]:
    """All metrics by name; systems that share a name mean the same metric."""
    metrics: dict[str, _Metric] = {}
    for system, of_system in systems.items():
        for name, text in of_system.metrics.items():
            metrics.setdefault(name, _Metric(text, [])).systems.append(system)
    return metrics


def audit_manual(name: str) -> Manual:
    """Text and settings of an audit, a person's own included; none for ``all``.

    Raises:
        UsageError: if there is no such audit.
    """
    if name == "all":
        return Manual("", (), {})
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
