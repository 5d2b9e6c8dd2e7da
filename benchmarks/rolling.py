"""What rolling scores cost against one sweep of the whole run, in one process. Prints a table.

    python benchmarks/rolling.py [SOURCE] [--steps 1440] [--repeats 3] [--out results.json]

The preset of SOURCE (digits-dirty), one training. Times are of the processor, the median over repeats; every ratio is
to the sweep of the whole run in the same repeat. Short windows are a quarter as long and end where the others do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import built_in
from command_line import Table, parser

from gansift import influence
from gansift.influence.rolling import usual_ends, usual_horizon


def main() -> None:
    """Train once, and time every way."""
    arguments = _arguments()
    place = built_in.place(arguments.source, **({} if arguments.steps is None else {"steps": arguments.steps}))
    run, metric = built_in.train(place), place.validation
    window = usual_horizon(run.steps)
    ends = usual_ends(0, run.steps, window)
    ways: dict[str, Callable[[], Any]] = {
        "whole run": lambda: influence.itd_horizons(run, metric, [run.steps]),
        f"{len(ends)} windows of {window} steps": lambda: influence.rolling(run, metric, window, ends),
        "the same, as long as can be believed": lambda: influence.rolling(run, metric),
        "two of these": lambda: influence.rolling(run, metric, ends=ends[::3]),
        f"{len(ends)} windows of {window // 4} steps": lambda: influence.rolling(run, metric, window // 4, ends),
    }
    metric.value(run)  # features are fitted, and what is imported late is there
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.repeats):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    table = Table({"way": "way:<40", "seconds": "seconds:.1f", "of a whole sweep": "ratio:.2f"}, arguments.out)
    for name, times in seconds.items():
        ratios = [own / whole for own, whole in zip(times, seconds["whole run"], strict=True)]
        table.add({"way": name, "seconds": median(times), "ratio": median(ratios)})


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source", nargs="?", default="digits-dirty")
    made.add_argument("--steps", type=int)
    made.add_argument("--repeats", type=int, default=3)
    return made.parse_args()


if __name__ == "__main__":
    main()
