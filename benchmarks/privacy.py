"""Does it protect the others to remove the most exposed examples and train again?

    python benchmarks/privacy.py [--seeds 8] [--shadows 32] [--share 0.1] [--out FILE]

A classifier (that of `exposure.py`) learns 150 of scikit-learn's digits; a tenth of them is removed, the most exposed
by self-influence or by the loss at the end, or at random; and it is trained again from scratch, with the same seed. The
attack is LiRA with one variance, by shadow models of its own for every model; it asks of the same examples, the rest,
before and after, against as many others that nobody was trained on. Each seed draws other digits, and begins otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from command_line import Table, parser
from exposure import KINDS, OPTIMIZER, classifier_game, split_digits, trained_classifier

from gansift import training
from gansift.audit import Subject
from gansift.audit.attacks import own_scores_of
from gansift.audit.roc import area, found_at
from gansift.audit.shadow_models import shadows_of
from gansift.audit.shadows import Scored, lira
from gansift.cleansing import mean_interval
from gansift.data import Examples, Splits
from gansift.games import Trained
from gansift.influence.baselines.ranking import own_scores_of_run
from gansift.influence.baselines.self_influence import self_influence
from gansift.metrics.exposure import Exposure

KIND = KINDS["classifier"]
MEASURED = ("LiRA", "found at 5 %", "own score", "error")


def main() -> None:
    """A row for each way and seed, then the means of each way, and of its difference to random removal."""
    made = parser(__doc__)
    made.add_argument("--seeds", type=int, default=8)
    made.add_argument("--shadows", type=int, default=32)
    made.add_argument("--share", type=float, default=0.1, help="of the examples, that is removed")
    asked = made.parse_args()
    columns = {f"{name}, {when}": f"{name}, {when}:.3f" for name in MEASURED for when in ("before", "after")}
    table = Table({"removed": "removed", "seed": "seed"} | columns, asked.out)
    for seed in range(asked.seeds):
        for row in _rows(seed, asked.shadows, asked.share):
            table.add(row)
    _means(table.rows)


def _means(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the mean change of each way over seeds, and its difference to that of random removal, with intervals."""
    changes: dict[str, dict[str, np.ndarray]] = {}
    for way in dict.fromkeys(row["removed"] for row in rows):
        own = [row for row in rows if row["removed"] == way]
        changes[way] = {
            name: np.array([row[f"{name}, after"] - row[f"{name}, before"] for row in own]) for name in MEASURED
        }
    table = Table({"mean change": "removed"} | {name: f"{name}:+.3f" for name in MEASURED})
    for way, of_way in changes.items():
        table.add({"removed": way} | {name: mean_interval(values.tolist()) for name, values in of_way.items()})
    for way, of_way in list(changes.items())[1:]:
        less = {name: mean_interval((of_way[name] - changes["random"][name]).tolist()) for name in MEASURED}
        table.add({"removed": f"{way}, less random"} | less)


def _rows(seed: int, shadows: int, share: float) -> list[dict[str, object]]:
    splits = split_digits(KIND, seed)
    run = trained_classifier(KIND, splits, seed)
    count = len(splits.train)
    harm = {
        "random": np.random.default_rng(seed).permutation(count),
        "self-influence": self_influence(run, Exposure(splits.train, splits.valid)).harm,
        "loss at the end": -own_scores_of_run(run, run.trained()),
    }
    rows = []
    for way, values in harm.items():
        gone = np.argsort(-values, kind="stable")[: round(share * count)]
        kept = np.ones(count)
        kept[gone] = 0
        (after,) = _trained(splits.train, [seed], [kept])
        rest = splits.train.subset(np.flatnonzero(kept).tolist())
        assert after is not None
        row: dict[str, object] = {"removed": way, "seed": seed}
        for when, model, train in (("before", run.trained(), splits.train), ("after", after, rest)):
            found = _attacked(model, Splits("digits", train, splits.valid, splits.test), rest, shadows, seed)
            row |= {f"{name}, {when}": value for name, value in found.items()}
        rows.append(row)
    return rows


def _attacked(model: Trained, splits: Splits, rest: Examples, count: int, seed: int) -> dict[str, float]:
    """How well the rest is told from as many test examples."""
    others = splits.test.subset(range(len(rest)))
    subject = Subject("digits", {"data": splits}, [model], train=_trained, seed=seed)
    shadows = shadows_of(subject, splits, (rest, others), count)
    own = own_scores_of(model, Examples.joined([rest, others]))
    attack = lira(Scored(own, own_scores_of(model, splits.valid)), shadows, fixed=True)
    sides = attack[None, : len(rest)], attack[None, len(rest) :]
    right = own_scores_of(model, splits.test) > 0
    return dict(
        zip(
            MEASURED,
            (
                area(*sides),
                found_at(*sides, 0.05),
                area(own[None, : len(rest)], own[None, len(rest) :]),
                1 - right.mean(),
            ),
            strict=True,
        )
    )


def _trained(examples: Examples, seeds: Sequence[int], weights: Sequence[np.ndarray]) -> list[Trained | None]:
    """Classifiers of the examples of weight 1."""
    kept = float(np.mean([own.sum() for own in weights]))
    return training.players_of_seeds(
        classifier_game, examples, seeds, weights=weights, renormalise=True, steps=KIND.steps,
        batch_size=min(len(examples), round(KIND.batch * len(examples) / kept)), optimizers=OPTIMIZER,
    )  # fmt: skip


if __name__ == "__main__":
    main()
