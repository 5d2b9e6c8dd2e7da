"""The history of a run in a person's experiment tracker: whatever has ``init``, ``log`` and ``finish``.

trackio, wandb and swanlab share these three; none of them is required, and nothing is sent anywhere that the tracker
is not set up to send to.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, Protocol, cast

from gansift.errors import GansiftError, UsageError
from gansift.files import read_json


class Tracker(Protocol):
    """What a tracker's module offers."""

    def init(self, *, project: str, name: str, config: dict[str, Any]) -> object:
        """Begin a run."""

    def log(self, values: dict[str, float], *, step: int) -> object:
        """Note numbers at a step."""

    def finish(self) -> object:
        """End the run."""


def find_tracker(name: str) -> Tracker:
    """The module of that name.

    Raises:
        UsageError: if it is not installed, or lacks one of the three functions.
    """
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"there is no tracker {name!r} here ({error}); install it, such as pip install {name}"
        ) from error
    missing = [function for function in ("init", "log", "finish") if not callable(getattr(module, function, None))]
    if missing:
        raise UsageError(f"{name} is no tracker: it has no function {' and no function '.join(missing)}")
    return cast(Tracker, module)


def track(run_dir: Path, tracker: Tracker, project: str = "gansift") -> int:
    """Log the losses and the metric all through a finished run's training, and its result.

    Args:
        run_dir: a run directory with ``metrics.jsonl`` and ``report.json``.
        tracker: such as the module ``trackio``.
        project: the name of the project in the tracker.

    Returns:
        The number of moments that were logged.

    Raises:
        GansiftError: if the run has no history yet, or it is damaged; or if the tracker fails.
    """
    moments, result = _moments(run_dir / "metrics.jsonl"), read_json(run_dir / "report.json")
    try:
        tracker.init(project=project, name=run_dir.resolve().name, config=result["settings"])
        for moment in moments:
            step = moment.pop("step")
            tracker.log({name: value for name, value in moment.items() if value is not None}, step=int(step))
        tracker.log(_of_result(result), step=int(result["steps"]))
        tracker.finish()
    except Exception as error:  # whatever a tracker raises
        raise GansiftError(f"the tracker failed: {type(error).__name__}: {error}") from error
    return len(moments)


def _of_result(result: dict[str, Any]) -> dict[str, float]:
    """What the report says, as numbers: test values before and after, the change, and how many are removed."""
    test = result["test"]
    numbers = {f"result/test_{name}": test[name] for name in ("before", "after", "change")}
    numbers["result/removed"] = result["removed"]
    return {name: float(value) for name, value in numbers.items() if value is not None}


def _moments(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise GansiftError(
            f"{path} cannot be read ({error.strerror}); `gansift report {path.parent}` writes it"
        ) from error
    except ValueError as error:
        raise GansiftError(f"{path} is damaged ({error}); `gansift report {path.parent}` writes it anew") from error
