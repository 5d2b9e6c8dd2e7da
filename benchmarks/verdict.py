"""How often is a removal called helpful where none has any effect? Prints a table; no training is involved.

    python benchmarks/verdict.py [--runs 1500] [--cells 15] [--correlation 0.95]

Changes of the validation and the test metric are drawn at random around zero, correlated as they are in practice
because both metrics see the same retrained generators. Shown is the share of runs that would be told "it helped", when
every seed is judged at the choice of the other seeds (what gansift does), and when the seeds that chose also judge.
"""

from __future__ import annotations

from collections.abc import Sequence

import command_line
import numpy as np

from gansift.cleansing import Trial, choose, complete_cells, cross_fitted, mean_interval
from gansift.cleansing.choose import is_better


def simulated(random: np.random.Generator, cells: int, seeds: int, correlation: float) -> list[Trial]:
    """Trials of a grid in which no removal has any effect."""
    validation, noise, at_random = random.standard_normal((3, cells, seeds))
    test = correlation * validation + np.sqrt(1 - correlation**2) * noise
    return [
        Trial(s, c + 1, 1, 0.0, validation[c, s], test[c, s], at_random[c, s], at_random[c, s])
        for c in range(cells)
        for s in range(seeds)
    ]


def held(trials: Sequence[Trial]) -> bool:
    """Whether the test metric (lower is better) got better, by itself and against random removal."""
    changes = [trial.test for trial in trials], [trial.test - trial.random_test for trial in trials]
    return all(is_better(mean_interval(change), "lower") for change in changes)


def main() -> None:
    """Simulate and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--runs", type=int, default=1500)
    parser.add_argument("--cells", type=int, default=15)
    parser.add_argument("--correlation", type=float, default=0.95)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    columns = {"seeds": "seeds", "chosen, %": "chosen:.1f", "helped, judged by other seeds, %": "by_others:.1f"}
    table = command_line.Table(columns | {"by its own, %": "by_own:.1f"}, arguments.out)
    for seeds in (3, 5, 8):
        chosen = own = others = 0
        for _ in range(arguments.runs):
            cells = complete_cells(simulated(random, arguments.cells, seeds, arguments.correlation), seeds)
            choice = choose(cells, "lower")
            if choice is not None:
                chosen += 1
                own += held(cells[choice])
                others += held(cross_fitted(cells, "lower"))
        counts = {"chosen": chosen, "by_others": others, "by_own": own}
        table.add({"seeds": seeds, **{name: 100 * count / arguments.runs for name, count in counts.items()}})


if __name__ == "__main__":
    main()
