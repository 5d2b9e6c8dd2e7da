"""From trainings to figures: changes over judging seeds with intervals, and how well planted images are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from dirty.arms import EVERYTHING, PLANTED, RANDOM, ranking, rotated
from dirty.scoring import ROLLING, Scored
from dirty.sets import DirtySet
from gansift import influence
from gansift.cleansing import mean_interval
from gansift.cleansing.crossed import Crossed, crossed, difference
from gansift.influence import Scores
from gansift.metrics.replicates import Replicates

# Baselines that look at the data alone.
_WITHOUT_MODEL = ("density", "isolation-forest")


def auc(harm: np.ndarray, dirty: np.ndarray) -> float | None:
    """Probability that a planted image is called more harmful than a clean one; None without either.

    >>> auc(np.array([3.0, 1.0, 2.0]), np.array([True, False, False]))
    1.0
    """
    inside, outside = int(dirty.sum()), int((~dirty).sum())
    if not inside or not outside:
        return None
    return float(rankdata(harm)[dirty].sum() - inside * (inside + 1) / 2) / inside / outside


def summary(
    data: DirtySet,
    scored: Sequence[Scored],
    judged: Mapping[int, Mapping[str, Any]],
    peers: Mapping[str, Scores] | None = None,
) -> dict[str, Any]:
    """What is reported of a set.

    Args:
        data: the set.
        scored: trainings of the scoring seeds.
        judged: by judging seed, what `judging.judge` left of each arm.
        peers: see `arms.arms`.
    """
    sure = influence.combine([one.looks for one in scored]).surely_harmful()
    names = list(dict.fromkeys(name for arms in judged.values() for name in arms))
    return {
        "set": data.name,
        "metric": data.judged_on.name,
        "steps": data.place.config.steps,
        "training_images": len(data.train),
        "planted": len(data.planted),
        "unseen_images": len(data.place.data.only.test),
        "scoring_seeds": [one.seed for one in scored],
        "judging_seeds": sorted(judged),
        "seconds": {way: float(np.mean([one.seconds[way] for one in scored])) for way in scored[0].seconds},
        "surely_harmful": {"named": len(sure), "planted": len(set(data.planted) & set(sure))},
        "seconds_judging": sum(arm["seconds"] for arms in judged.values() for arm in arms.values()),
        "failed": {str(one.seed): one.failed for one in scored if one.failed},
        "growth": {str(one.seed): one.growth for one in scored},
        "arms": [_arm(data, scored, judged, name, peers or {}) for name in names],
    }


def _arm(
    data: DirtySet,
    scored: Sequence[Scored],
    judged: Mapping[int, Mapping[str, Any]],
    name: str,
    peers: Mapping[str, Scores],
) -> dict[str, Any]:
    way, _, number = name.rpartition(", ") if name[-1].isdigit() else (name, "", "0")
    seeds = [seed for seed, arms in judged.items() if name in arms]
    planted = set(data.planted)
    removed = [judged[seed][name]["removed"] for seed in seeds]
    found = {
        "name": way,
        "scored_seeds": int(number),
        "trainings": _trainings(way, int(number), scored),
        "removed": len(removed[0]),
        "planted_removed": float(np.mean([len(planted & set(ids)) for ids in removed])),
        "auc": auc(peers[way].harm, data.dirty) if way in peers else _auc(data, scored, way, int(number)),
        "broke_down": sum(judged[seed][name]["value"] is None for seed in seeds),
        "judging_seeds": seeds,
        "values": [None if (one := judged[seed][name]["value"]) is None else one["value"] for seed in seeds],
    }
    if name != EVERYTHING:
        found["change"] = change_of(judged, name, EVERYTHING)
        found["scored_on"] = _on_scored_images(judged, name)
        found["less_random"] = None if name == RANDOM else change_of(judged, name, RANDOM)
        best = f"{ROLLING}, {len(scored)}"
        found["rolling_less_this"] = None if name == best else change_of(judged, best, name)
    return found


def change_of(judged: Mapping[int, Mapping[str, Any]], name: str, other: str) -> dict[str, Any] | None:
    """The paired change from one arm to another over the seeds that have both."""
    pairs = [
        (_replicates(arms[name]), _replicates(arms[other]))
        for arms in judged.values()
        if name in arms and other in arms and arms[name]["value"] and arms[other]["value"]
    ]
    if not pairs:
        return None
    found = crossed([difference(one, two) for one, two in pairs])
    of_seeds = np.array([one.value - two.value for one, two in pairs])
    before = float(np.mean([two.value for _, two in pairs]))
    deviation = float(of_seeds.std(ddof=1)) if len(pairs) > 1 else None
    return {"before": before, "seeds": len(pairs), "deviation": deviation, **as_json(found)}


def _on_scored_images(judged: Mapping[int, Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """The change less that of a random removal, by the images that scores are of, as people without others see it."""
    both = [arms for arms in judged.values() if name in arms and RANDOM in arms]
    pairs = [(arms[name].get("scored_on"), arms[RANDOM].get("scored_on")) for arms in both]
    changes = [one - other for one, other in pairs if one is not None and other is not None]
    return mean_interval(changes)._asdict() if changes and name != RANDOM else None


def as_json(found: Crossed) -> dict[str, Any]:
    """A mean with its interval and where its error comes from."""
    return {
        "mean": found.mean,
        "ci95": found.interval.ci95,
        "of_seeds": found.of_seeds,
        "of_examples": found.of_examples,
        "of_latents": found.of_latents,
    }


def _replicates(arm: Mapping[str, Any]) -> Replicates:
    value = arm["value"]
    return Replicates(value["value"], tuple(value["without_examples"]), tuple(value["without_latents"]))


def _trainings(way: str, number: int, scored: Sequence[Scored]) -> float | None:
    """The cost of choosing in units of one training: the trainings that are scored, and the time of scoring them."""
    if not number:
        return None
    if way in _WITHOUT_MODEL:
        return 0.0
    shares = [one.seconds[way] / one.seconds["training"] for one in scored]
    return number * (1 + float(np.mean(shares)))


def _auc(data: DirtySet, scored: Sequence[Scored], way: str, number: int) -> float | None:
    """Mean over all rotations of the scored trainings."""
    if way in (EVERYTHING, RANDOM, PLANTED) or not data.planted:
        return None
    values = [auc(ranking(way, rotated(scored, seed, number)).harm, data.dirty) for seed in range(len(scored))]
    return float(np.mean([value for value in values if value is not None]))
