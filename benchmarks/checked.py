"""Are horizons that a few retrainings have checked to be believed? Against further retrainings. Prints a table.

    python benchmarks/checked.py [SOURCE] [--seeds 4] [--examples 1000] [--set width=8 --set decay=constant]

For each seed the longest of 1, 2, 4, ... epochs that the backward sweep lets be believed, and the one that twelve
retrainings bear out (`cleansing.checked`); for both, the rank correlation of scores with 30 other retrainings without
random 2 %, and the slope of what came on what was promised. The defaults are DCGANs at a constant rate, whose sweeps
are too generous.
"""

from __future__ import annotations

from typing import Any

import built_in
from command_line import Table, parser

from gansift import data, influence
from gansift.cleansing import checked, verify
from gansift.training import Run
from gansift.workflow.config import AUTO, parse_horizons
from gansift.workflow.place import Place

_VERIFIED = 30


def main() -> None:
    """A row for each seed."""
    made = parser(__doc__)
    made.add_argument("source", nargs="?", default="mnist")
    made.add_argument("--seeds", type=int, default=4)
    made.add_argument("--examples", type=int, default=1000, help="to train on")
    made.add_argument("--set", action="append", default=[], help="a setting of the run, name=value")
    arguments = made.parse_args()
    given = arguments.set or ["width=8", "decay=constant"]
    splits = data.load(arguments.source, seed=0)
    few = splits.train.subset(range(min(arguments.examples, len(splits.train))))
    place = built_in.place(
        arguments.source, data.Splits(splits.name, few, splits.valid, splits.test), **built_in.settings(given)
    )
    columns = {
        "seed": "seed", "sweep, steps": "sweep", "LDS": "sweep_lds:.2f", "slope": "sweep_slope:.2f",
        "checked, steps": "checked", "LDS ": "checked_lds:.2f", "slope ": "checked_slope:.2f", "holds": "holds",
    }  # fmt: skip
    table = Table(columns, arguments.out)
    for seed in range(arguments.seeds):
        table.add({"seed": seed} | _measured(place, built_in.train(place, seed)))


def _measured(place: Place, run: Run) -> dict[str, Any]:
    metric = place.validation
    told = influence.itd(run, metric, horizon="auto").horizon
    horizons = parse_horizons(AUTO, run.epoch, run.steps)
    believed = influence.itd_horizons(run, metric, [one for one in horizons if one <= max(told, min(horizons))])
    check = checked(run, believed, metric)[-1]
    row: dict[str, Any] = {"holds": check.holds}
    for name, horizon in (("sweep", max(believed)), ("checked", check.horizon)):
        # Of another number, so that they are other sets than those that checked.
        found = verify(run, believed[horizon], metric, count=_VERIFIED, removed=round(0.02 * len(run.ids))).agreement
        row |= {name: horizon, f"{name}_lds": tuple(found.spearman), f"{name}_slope": tuple(found.slope)}
    return row


if __name__ == "__main__":
    main()
