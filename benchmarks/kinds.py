"""What removing a whole kind of images does to new models, against what was said before. Prints a table.

    python benchmarks/kinds.py [SET] [--scoring 4] [--trying 4] [--judging 16] [--out results.json]

SET is one of `benchmarks/dirty/sets.py`. For every kind that a run would find (classes, columns, copies, look-alikes):
what the sum of its rolling scores predicts; what a few fresh trainings without it change on validation images, which is
what a run tries kinds by; and the truth, the change on unseen images over further seeds. The last lines say how often
each interval has the truth in it, and how kinds are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import built_in
import numpy as np
from command_line import Table, parser
from dirty.sets import OF_THEMSELVES, SETS, DirtySet
from scipy.stats import spearmanr

from gansift.cleansing.new_models import change_of
from gansift.cleansing.replicas import retrained_players
from gansift.influence import group_effects, rolling
from gansift.influence.groups import Group
from gansift.metrics import Metric, part_of, replicates
from gansift.training.train import untrained
from gansift.workflow.kinds import kinds_of


def main() -> None:
    """A row for each kind."""
    made = parser(__doc__)
    made.add_argument("set", nargs="?", default="digits-dirty", choices=OF_THEMSELVES)
    made.add_argument("--scoring", type=int, default=4, help="trainings that are scored")
    made.add_argument("--trying", type=int, default=4, help="fresh trainings that try each kind")
    made.add_argument("--judging", type=int, default=16, help="further ones that tell the truth")
    asked = made.parse_args()
    data = SETS[asked.set]({})
    kinds = kinds_of(data.place)
    looks = [
        rolling(built_in.train(data.place, seed), part_of(data.scored_on, seed, asked.scoring))
        for seed in range(asked.scoring)
    ]
    predicted = [(effect.predicted, effect.ci95) for effect in group_effects(looks, kinds)]
    tried = _changes(data, kinds, data.scored_on, range(1000, 1000 + asked.trying))
    true = _changes(data, kinds, data.judged_on, range(2000, 2000 + asked.judging))
    columns = {
        "kind": "kind:<14", "images": "images", "predicted": "predicted:+.2f", "tried": "tried:+.2f",
        "true": "true:+.2f",
    }  # fmt: skip
    table = Table(columns, asked.out)
    for place in np.argsort([middle for middle, _ in true]):
        kind = kinds[place]
        table.add(
            {"kind": kind.name, "images": len(kind.ids), "predicted": predicted[place], "tried": tried[place]}
            | {"true": true[place]}
        )
    for name in ("predicted", "tried"):
        rows = [(row[name], row["true"]) for row in table.rows]
        covers = np.mean([ends[0] <= truth[0] <= ends[1] for (_, ends), truth in rows])
        meets = np.mean([ends[0] <= truth[1][1] and truth[1][0] <= ends[1] for (_, ends), truth in rows])
        rank = spearmanr([one[0] for one, _ in rows], [truth[0] for _, truth in rows]).statistic
        print(f"{name}: interval has the truth in it {covers:.0%}, meets its interval {meets:.0%}; Spearman {rank:.2f}")


def _changes(data: DirtySet, kinds: Sequence[Group], metric: Metric, seeds: Sequence[int]) -> list[Any]:
    """For each kind the change without it, with its interval."""
    removals = [(), *(kind.ids for kind in kinds)]
    by_seed = []
    for seed in seeds:
        settings = data.place.training | {"renormalise": True}
        run = untrained(data.game(seed), {"data": data.train}, steps=data.place.config.steps, seed=seed, **settings)
        players = retrained_players(run, removals, run.steps)
        by_seed.append([None if one is None else replicates(metric, one) for one in players])
    before, *after = zip(*by_seed, strict=True)
    found = []
    for of_kind in after:
        change = change_of(of_kind, before)
        assert change is not None, "every training without a kind broke down"
        found.append((change.mean, change.interval.ci95))
    return found


if __name__ == "__main__":
    main()
