"""Systems made small, each as its own test file describes it: `TINY` in tests/systems/test_NAME_system.py."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansift.systems import SYSTEMS

FOLDER = Path(__file__).parent / "systems"


@dataclass(frozen=True)
class Tiny:
    """A system made small.

    Attributes:
        sources: the built-in data set behind each named one.
        settings: of the system.
        metric: whose scores are looked at.
        command: sources and settings of the smallest run from the command line.
        kind: a kind of examples that the page about new models names.
        question: settings of the metric.
        batch: examples in a batch, for each data set.
        improves: whether a few steps of training improve the metric; elsewhere they have to change it.
        stride: of the finite differences of weights that scores are compared with.
    """

    sources: Mapping[str, str]
    settings: Mapping[str, Any]
    metric: str
    command: tuple[str, ...]
    kind: str
    question: Mapping[str, Any] = field(default_factory=dict)
    batch: Mapping[str, int] = field(default_factory=dict)
    improves: bool = True
    stride: float = 1e-4


def tiny(name: str) -> Tiny:
    """What the test file of a built-in system says."""
    path = FOLDER / f"test_{name}_system.py"
    spec = importlib.util.spec_from_file_location(f"tiny_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TINY


#: Every built-in system by its name. Each needs a test file, so that none is forgotten.
TINY = {name: tiny(name) for name in SYSTEMS}
