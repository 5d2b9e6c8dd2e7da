"""Do stated intervals hold on other held-out images? Crossed intervals beside those over seeds alone. Prints a table.

    python benchmarks/coverage.py [SOURCE ...] [--runs 3] [--sets 20] [--judging 8] [--truth 16] [--out results.json]

SOURCE is a built-in set of images or an `.npz` file of them (mnist), which are reduced to 14x14 pixels. A run trains on
1,500 of them, scores two trainings, and removes the tenth that is most harmful, and as many at random. Eight judging
seeds are trained from scratch and measured on each of 20 disjoint sets of held-out images. The truth is the change on
all these images together, for other judging seeds and other latents.

`covers` counts the sets whose interval has the truth in it, `wrong` those whose interval excludes zero on the other
side than the truth is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import built_in
import numpy as np
import torch
from command_line import Table, parser
from torch.nn.functional import avg_pool2d, interpolate

from gansift import data, influence, metrics, training
from gansift.cleansing.crossed import crossed, difference
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.statistics import Interval, mean_interval
from gansift.data import Examples, Splits
from gansift.games import Draw, Trained
from gansift.metrics import Replicates

_TRAINED, _VALIDATED, _STEPS, _SCORED, _SHARE = 1500, 500, 1440, 2, 0.1


def main() -> None:
    """All runs, a row for each arm."""
    arguments = _arguments()
    table = Table(
        {
            "source": "source:<12", "run": "run", "removed": "removed:<13", "truth": "truth:+.3f",
            "crossed covers": "crossed_covers:.0%", "wrong": "crossed_wrong:.0%",
            "seeds alone cover": "seeds_covers:.0%", "wrong ": "seeds_wrong:.0%",
            "half width": "crossed_half:.3f", "seeds alone": "seeds_half:.3f",
        },
        arguments.out,
    )  # fmt: skip
    for source in arguments.sources:
        for run in range(arguments.runs):
            for row in _measured(source, run, arguments):
                table.add({"source": source, "run": run} | row)
    for judge in ("crossed", "seeds"):
        covers, wrong = (float(np.mean([row[f"{judge}_{what}"] for row in table.rows])) for what in ("covers", "wrong"))
        print(f"{judge}: covers {covers:.1%}, wrong {wrong:.1%}")


def _measured(source: str, number: int, arguments: Any) -> list[dict[str, Any]]:
    images = _images(source)
    order = Draw(number, "coverage").permutation(len(images))
    train, valid, rest = order[:_TRAINED], order[_TRAINED : _TRAINED + _VALIDATED], order[_TRAINED + _VALIDATED :]
    sets = [images.subset(rows) for rows in rest[: len(rest) // arguments.sets * arguments.sets].chunk(arguments.sets)]
    splits = Splits(source, images.subset(train), images.subset(valid), sets[0])
    place = built_in.place(source, splits, steps=_STEPS)
    removals = _removals(place, number)
    judged = [_from_scratch(place, 1000 + seed, removals) for seed in range(arguments.judging)]
    other = [_from_scratch(place, 2000 + seed, removals) for seed in range(arguments.truth)]
    features = place.validation._features  # type: ignore[attr-defined]
    whole = metrics.FID(features, images.subset(rest), seed=99)
    values = [[whole.value(players) for players in of_seed] for of_seed in other]
    each = [metrics.FID(features, part, seed=2) for part in sets]
    found = [[[metrics.replicates(fid, players) for players in of_seed] for of_seed in judged] for fid in each]
    rows = []
    for arm, name in ((1, "most harmful"), (2, "at random")):
        truth = mean_interval([of_seed[arm] - of_seed[0] for of_seed in values])
        changes = [[difference(of_seed[arm], of_seed[0]) for of_seed in of_set] for of_set in found]
        rows.append({"removed": name, "truth": truth} | _judged(changes, truth))
    return rows


def _judged(changes: Sequence[Sequence[Replicates]], truth: Interval) -> dict[str, float]:
    """Of both kinds of interval how many cover the truth, and how many claim what is not so."""
    judges = {
        "crossed": [crossed(of_set).interval.ci95 for of_set in changes],
        "seeds": [mean_interval([change.value for change in of_set]).ci95 for of_set in changes],
    }
    found: dict[str, float] = {}
    for name, intervals in judges.items():
        ends = np.array(intervals)
        found[f"{name}_covers"] = float(((ends[:, 0] <= truth.mean) & (truth.mean <= ends[:, 1])).mean())
        claimed = np.where(ends[:, 1] < 0, -1, np.where(ends[:, 0] > 0, 1, 0))
        found[f"{name}_wrong"] = float((claimed * np.sign(truth.mean) < 0).mean())
        found[f"{name}_half"] = float((ends[:, 1] - ends[:, 0]).mean() / 2)
    return found


def _images(source: str) -> Examples:
    splits = data.load(source, seed=0)
    parts = (splits.train, splits.valid, splits.test)
    x = torch.cat([part.x for part in parts])
    small = avg_pool2d(x, 2) if x.shape[-1] == 28 else interpolate(x, size=14, mode="area")
    labels = torch.cat([part.labels for part in parts if part.labels is not None])
    return Examples.of(small.numpy(), name=source, label=labels.tolist())


def _removals(place: Any, number: int) -> list[tuple[str, ...]]:
    """Nothing, the most harmful, and as many at random."""
    looks = [influence.rolling(built_in.train(place, seed), place.validation) for seed in range(_SCORED)]
    scores = influence.combine(looks)
    count = round(_SHARE * len(scores))
    order = Draw(number, "coverage at random").permutation(len(scores)).tolist()
    return [(), scores.harmful(count).ids, tuple(scores.ids[row] for row in order[:count])]


def _from_scratch(place: Any, seed: int, removals: Sequence[tuple[str, ...]]) -> list[Trained]:
    run = training.untrained(place.game(seed), place.train, **place.training, steps=_STEPS, seed=seed)
    players = retrained_players(run, removals, _STEPS)
    assert None not in players, "a training broke down"
    return [one for one in players if one is not None]


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("sources", nargs="*", default=["mnist"])
    made.add_argument("--runs", type=int, default=3)
    made.add_argument("--sets", type=int, default=20)
    made.add_argument("--judging", type=int, default=8)
    made.add_argument("--truth", type=int, default=16)
    return made.parse_args()


if __name__ == "__main__":
    main()
