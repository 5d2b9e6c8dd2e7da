"""Is the number of seeds that a few predict for a reliability of 0.8 the number that other seeds ask for?

    python benchmarks/needed.py SOURCE [--examples 1000] [--size 14] [--seeds 4] [--blocks 4] [--set width=64]

As many blocks of seeds are trained, and each seed is scored all through its training, by a part of the validation data
of its own, as `gansift run` does with that many scoring seeds. Each block predicts how many seeds would give a
reliability of 0.8; truth is what the mean correlation between two seeds of all *other* blocks gives by the formula of
Spearman and Brown. A prediction is a whole number of seeds, so that it is compared with the truth rounded up, too. The
last line also gives the formula's own check: the correlation of the means over the
seeds of two blocks, beside the one that is predicted from pairs of seeds.
"""

from __future__ import annotations

import math
from itertools import combinations

import built_in
import numpy as np
from command_line import Table, parser
from smaller import smaller

from gansift import data, influence
from gansift.influence import CombinedScores, Looks
from gansift.influence.reliability import stepped_up
from gansift.metrics import part_of
from gansift.workflow.place import Place

_WANTED = 0.8
# A prediction within this factor is called right.
_FACTOR = 1.5


def main() -> None:
    """A row for each block, and the check of the formula."""
    made = parser(__doc__)
    made.add_argument("source")
    made.add_argument("--examples", type=int, help="to train on; default all")
    made.add_argument("--size", type=int, help="pixels a side; default as they are")
    made.add_argument("--seeds", type=int, default=4, help="of a block")
    made.add_argument("--blocks", type=int, default=4)
    made.add_argument("--set", action="append", default=[], help="a setting of the run, name=value")
    arguments = made.parse_args()
    splits = smaller(data.load(arguments.source, seed=0), arguments.size, arguments.examples)
    place = built_in.place(arguments.source, splits, **built_in.settings(arguments.set))
    columns = {
        "block": "block", "reliability of one": "one:.2f", "needed by it": "predicted", "by others": "needed:.1f",
        "factor": "factor:.2f", "of whole seeds": "whole:.2f",
    }  # fmt: skip
    table = Table(columns, arguments.out)
    blocks = [
        influence.combine([_looks(place, block * arguments.seeds + part, part, arguments.seeds)
                           for part in range(arguments.seeds)])
        for block in range(arguments.blocks)
    ]  # fmt: skip
    for number, block in enumerate(blocks):
        table.add({"block": number} | _judged(block, blocks[:number] + blocks[number + 1 :]))
    measured = [float(np.corrcoef(one.values, other.values)[0, 1]) for one, other in combinations(blocks, 2)]
    one = float(np.mean([block.reliability_of_one for block in blocks]))
    print(
        f"Means over {arguments.seeds} seeds: correlation {np.mean(measured):.2f} "
        f"({min(measured):.2f} to {max(measured):.2f}), predicted from pairs {stepped_up(one, arguments.seeds):.2f}; "
        f"within a factor of {_FACTOR}: {_right(table, 'factor')} of {len(table.rows)} blocks, of whole seeds "
        f"{_right(table, 'whole')}"
    )


def _looks(place: Place, seed: int, part: int, parts: int) -> Looks:
    """The looks of one seed by its part of the validation data."""
    return influence.rolling(built_in.train(place, seed), part_of(place.validation, part, parts))


def _judged(block: CombinedScores, others: list[CombinedScores]) -> dict[str, object]:
    predicted = block.seeds_needed(_WANTED)
    one = float(np.mean([other.reliability_of_one for other in others]))
    needed = _WANTED * (1 - one) / (one * (1 - _WANTED)) if one > 0 else None
    known = predicted is not None and needed is not None
    return {
        "one": block.reliability_of_one,
        "predicted": predicted,
        "needed": needed,
        # Nobody scores less than a seed.
        "factor": predicted / max(1.0, needed) if known else None,
        "whole": predicted / max(1, math.ceil(needed)) if known else None,
    }


def _right(table: Table, factor: str) -> int:
    """How many blocks predict the number of seeds within the factor that counts as right."""
    return sum(row[factor] is not None and 1 / _FACTOR <= row[factor] <= _FACTOR for row in table.rows)


if __name__ == "__main__":
    main()
