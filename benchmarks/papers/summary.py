"""From the result files of all seeds to means, deviations, intervals and tests over seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from gansift.cleansing.agreement import spearman
from gansift.cleansing.statistics import mean_interval
from papers.published import Number
from papers.settings import PAPER, Accuracy, Cleansing

#: The experiments that have result files of seeds.
ACCURACY = tuple(name for name, setting in PAPER.items() if isinstance(setting, Accuracy))
CLEANSING = tuple(name for name, setting in PAPER.items() if isinstance(setting, Cleansing))
#: The experiment that has pictures and one file.
PICTURES = "tnnls-fine-tune"
#: Which way each metric gets better.
DIRECTIONS = {"fid": "lower", "is": "higher", "log-is": "higher", "all": "higher"}
#: Below this probability a difference counts.
LEVEL = 0.05

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """All seeds of one experiment.

    Attributes:
        name: of its folder.
        seeds: what its result files hold, in the order of seeds.
    """

    name: str
    seeds: Sequence[Mapping[str, Any]]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What all seeds have in common."""
        return self.seeds[0]["settings"]

    @property
    def size(self) -> str:
        """``smoke``, ``reduced`` or ``paper``."""
        return self.seeds[0]["size"]

    @property
    def seconds(self) -> float:
        """Computing time of all seeds."""
        return sum(seed["seconds"] for seed in self.seeds)

    def distinct(self, key: str, **wanted: Any) -> list[Any]:
        """The different values of ``key`` in the rows with these entries, in the order in which they appear."""
        return list(dict.fromkeys(row[key] for seed in self.seeds for row in rows_of(seed, **wanted) if key in row))


@dataclass(frozen=True)
class Sample:
    """One number by seed; seeds that do not have it are absent.

    Attributes:
        by_seed: the number of each seed.
        seeds: how many there could be.
    """

    by_seed: Mapping[int, float]
    seeds: int

    @property
    def values(self) -> list[float]:
        """The numbers alone."""
        return list(self.by_seed.values())

    @property
    def complete(self) -> bool:
        """Whether every seed has it."""
        return len(self.by_seed) == self.seeds

    @property
    def mean(self) -> float | None:
        """None if no seed has it."""
        return mean_interval(self.values).mean if self.by_seed else None

    @property
    def ci95(self) -> tuple[float, float] | None:
        """Student's 95 % interval of the mean; None below two seeds."""
        return mean_interval(self.values).ci95 if self.by_seed else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds, of n - 1; None below two seeds."""
        return float(np.std(self.values, ddof=1)) if len(self.by_seed) > 1 else None

    @property
    def p(self) -> float | None:
        """Of a two-sided one-sample t test against 0; None where it is not defined."""
        if not self.deviation:
            return None
        return float(stats.ttest_1samp(self.values, 0).pvalue)

    def minus(self, other: Sample) -> Sample:
        """The differences of the seeds that have both: a test of them is a paired one."""
        both = {seed: value - other.by_seed[seed] for seed, value in self.by_seed.items() if seed in other.by_seed}
        return Sample(both, self.seeds)

    def scaled(self, by: float | Mapping[int, float]) -> Sample:
        """Every number times ``by``, or times what it holds for the seed; seeds that it lacks are left out."""
        factors = by if isinstance(by, Mapping) else dict.fromkeys(self.by_seed, by)
        both = {seed: value * factors[seed] for seed, value in self.by_seed.items() if seed in factors}
        return Sample(both, self.seeds)


def read(folder: Path) -> dict[str, Experiment]:
    """Every experiment of `ACCURACY` and `CLEANSING` that has result files in ``folder``.

    Raises:
        ValueError: if there is no such folder or it holds results of others, a file is not one of results, or the
            seeds of an experiment differ in size or settings.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder of results. Make it with benchmarks/papers/run.py.")
    known = (*ACCURACY, *CLEANSING)
    if others := {file.parent.name for file in folder.glob("*/seed-*.json")} - set(known):
        raise ValueError(f"{folder} holds results of {', '.join(sorted(others))}, and no experiment has that name.")
    files = {name: sorted((folder / name).glob("seed-*.json")) for name in known}
    return {name: Experiment(name, _seeds(of_name)) for name, of_name in files.items() if of_name}


def read_pictures(folder: Path) -> Mapping[str, Any] | None:
    """What the file of `PICTURES` says; None if it was not run."""
    files = sorted((folder / PICTURES).glob("*.json"))
    return json.loads(files[0].read_text(encoding="utf-8")) if files else None


def _seeds(files: Sequence[Path]) -> list[Mapping[str, Any]]:
    seeds = []
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        if lacking := {"experiment", "seed", "size", "settings", "seconds", "rows"} - set(content):
            raise ValueError(f"{file} lacks {', '.join(sorted(lacking))}. Run this experiment again.")
        if seeds and (content["size"], content["settings"]) != (seeds[0]["size"], seeds[0]["settings"]):
            raise ValueError(f"{file} has another size or other settings than {files[0]}. Run this experiment again.")
        seeds.append(content)
    return sorted(seeds, key=lambda content: content["seed"])


def rows_of(seed: Mapping[str, Any], **wanted: Any) -> list[Row]:
    """The rows of one seed's results with these entries; None stands for an entry that is absent."""
    return [row for row in seed["rows"] if all(row.get(key) == value for key, value in wanted.items())]


def sample(experiment: Experiment, read_seed: Callable[[Mapping[str, Any]], float | None]) -> Sample:
    """What ``read_seed`` finds in each seed's results, where that is a finite number."""
    found = {seed["seed"]: read_seed(seed) for seed in experiment.seeds}
    kept = {seed: float(value) for seed, value in found.items() if value is not None and math.isfinite(value)}
    return Sample(kept, len(experiment.seeds))


def entries(experiment: Experiment, key: str, **wanted: Any) -> Sample:
    """``key`` of each seed's first row with these entries that has it; one that only says why it failed has not."""

    def first(seed: Mapping[str, Any]) -> float | None:
        return next((row[key] for row in rows_of(seed, **wanted) if row.get(key) is not None), None)

    return sample(experiment, first)


def quality(experiment: Experiment, metric: str, when: str) -> Sample:
    """A metric of the training itself, ``untrained`` or ``trained``."""
    return sample(experiment, lambda seed: seed.get("quality", {}).get(metric, {}).get(when))


# Accuracy: scores beside leave-one-out retraining


def by_horizon(experiment: Experiment, key: str, **wanted: Any) -> dict[float, Sample]:
    """``key`` of the rows with these entries, by epochs looked back."""
    horizons = sorted(experiment.distinct("epochs", **wanted))
    return {epochs: entries(experiment, key, epochs=epochs, **wanted) for epochs in horizons}


def reliability(experiment: Experiment, metric: str, epochs: float) -> float | None:
    """Mean rank correlation, between two seeds, of what leaving out each example truly does; None for one seed."""
    rows = [row for seed in experiment.seeds for row in rows_of(seed, metric=metric, estimator="itd", epochs=epochs)]
    trues = [row["true"] for row in rows if "true" in row]
    if len(trues) < 2 or len({len(true) for true in trues}) > 1:
        return None
    true = np.array(trues, dtype=float)  # null, where a retraining broke down, becomes NaN
    true = true[:, np.isfinite(true).all(axis=0)]
    if true.shape[1] < 3:
        return None
    return float(np.mean([spearman(one, other) for one, other in combinations(true, 2)]))


def rounding(experiment: Experiment, metric: str, epochs: float) -> Sample:
    """What float64 changes the metric by, in standard deviations of what leaving single examples out does.

    Where it is about 1, the true effect of an example is as much that of rounding, and nothing can predict it.
    """

    def of_seed(seed: Mapping[str, Any]) -> float | None:
        rows = rows_of(seed, metric=metric, estimator="itd", epochs=epochs)
        return next(
            (abs(row["rounding"]) / row["spread"] for row in rows if row.get("spread") and "rounding" in row), None
        )

    return sample(experiment, of_seed)


# Cleansing: what removal does to metrics


@dataclass(frozen=True)
class Way:
    """How examples were chosen and what was done without them.

    Attributes:
        scored_by: as in result files: ``itd fid``, ``random`` and so on.
        retraining: ``one-epoch``, ``five-epochs``, ``full`` or ``auto``; None: whichever of them is best.
    """

    scored_by: str
    retraining: str | None


class Removal(NamedTuple):
    """What can be chosen: from how far back, as in `Way`, and how many examples."""

    retraining: str | None
    removed: int


def ways(experiment: Experiment, retraining: str | None = None) -> list[Way]:
    """All that were tried, or those with this retraining."""
    found = [Way(row["scored_by"], row["retraining"]) for seed in experiment.seeds for row in seed["rows"]]
    return [way for way in dict.fromkeys(found) if retraining in (None, way.retraining)]


def shares(experiment: Experiment) -> dict[int, float]:
    """The numbers of examples that were removed, with their shares of the training examples."""
    return dict(sorted({row["removed"]: row["share"] for seed in experiment.seeds for row in seed["rows"]}.items()))


def changes(experiment: Experiment, way: Way, split: str, metric: str) -> dict[int, Sample]:
    """Change of the metric on ``validation`` or ``test`` data by the number of examples removed."""
    wanted = {"scored_by": way.scored_by, "retraining": way.retraining}
    return {
        removed: sample(
            experiment,
            lambda seed, removed=removed: next(
                ((row[split] or {}).get(metric) for row in rows_of(seed, removed=removed, **wanted)), None
            ),
        )
        for removed in sorted(experiment.distinct("removed", **wanted))
    }


def _changes(experiment: Experiment, way: Way, split: str, metric: str) -> dict[Removal, Sample]:
    """`changes` by all that can be chosen."""
    among = [way] if way.retraining is not None else [one for one in ways(experiment) if one.scored_by == way.scored_by]
    return {
        Removal(one.retraining, removed): found
        for one in among
        for removed, found in changes(experiment, one, split, metric).items()
    }


class Chosen(NamedTuple):
    """What was chosen on validation data, and what it does.

    Attributes:
        retraining: from how far back.
        removed: number of examples.
        validation: change that decided.
        test: change there.
        against_random: the same less that of removing as many at random, seed by seed; None where random was not tried.
        by_others: each seed's test change at the number that the *other* seeds choose: free of the optimism of choosing
            the best of many; None below three seeds.
    """

    retraining: str | None
    removed: int
    validation: Sample
    test: Sample
    against_random: Sample | None
    by_others: Sample | None


def chosen(experiment: Experiment, way: Way, metric: str) -> Chosen | None:
    """What has the best mean change on validation data, of all that every seed has; None if none is better.

    It is a number of examples, and where the way leaves it open also how far back.
    """
    validation = {
        removal: found for removal, found in _changes(experiment, way, "validation", metric).items() if found.complete
    }
    test = _changes(experiment, way, "test", metric)
    best = _best({removal: found.by_seed for removal, found in validation.items()}, metric)
    if best is None:
        return None
    random = _changes(experiment, Way("random", best.retraining), "test", metric).get(best)
    against = test[best].minus(random) if random is not None and way.scored_by != "random" else None
    return Chosen(*best, validation[best], test[best], against, _by_others(validation, test, metric))


class OwnChoice(NamedTuple):
    """What every seed alone chose on its validation data, and what that does.

    Attributes:
        removed: number of examples by seed; 0 where no number made validation data better.
        test: change there; 0 where nothing is removed.
    """

    removed: Mapping[int, int]
    test: Sample


def own_choice(experiment: Experiment, way: Way, metric: str) -> OwnChoice:
    """As somebody with a single training has to choose, and as the second paper's code does."""
    validation, test = (_changes(experiment, way, split, metric) for split in ("validation", "test"))
    numbers, found = {}, {}
    for seed in (content["seed"] for content in experiment.seeds):
        own = {removal: {seed: of.by_seed[seed]} for removal, of in validation.items() if seed in of.by_seed}
        best = _best(own, metric)
        numbers[seed] = 0 if best is None else best.removed
        found[seed] = 0.0 if best is None else test[best].by_seed.get(seed, math.nan)
    return OwnChoice(numbers, _finite(found, len(experiment.seeds)))


def _finite(by_seed: Mapping[int, float], seeds: int) -> Sample:
    return Sample({seed: value for seed, value in by_seed.items() if math.isfinite(value)}, seeds)


def _best(validation: Mapping[Removal, Mapping[int, float]], metric: str) -> Removal | None:
    sign = -1 if DIRECTIONS[metric] == "lower" else 1
    gains = {removal: sign * float(np.mean(list(by_seed.values()))) for removal, by_seed in validation.items()}
    best = max(gains, key=lambda removal: gains[removal], default=None)
    return best if best is not None and gains[best] > 0 else None


def _by_others(validation: Mapping[Removal, Sample], test: Mapping[Removal, Sample], metric: str) -> Sample | None:
    seeds = list(next(iter(validation.values())).by_seed)
    if len(seeds) < 3:
        return None
    found = {}
    for judge in seeds:
        others = {
            removal: {seed: value for seed, value in of_removal.by_seed.items() if seed != judge}
            for removal, of_removal in validation.items()
        }
        best = _best(others, metric)
        found[judge] = 0.0 if best is None else test[best].by_seed.get(judge, math.nan)
    return _finite(found, len(seeds))


def best_removal(seed: Mapping[str, Any], metric: str) -> Row | None:
    """The row of what influence on the metric removed with the best validation value; None if it all broke down."""
    sign = 1 if DIRECTIONS[metric] == "lower" else -1
    rows = [row for row in rows_of(seed, scored_by=f"itd {metric}") if row["validation"] is not None]
    return min(rows, key=lambda row: sign * row["validation"][metric], default=None)


# Ours beside published


def published_p(number: Number, seeds: int) -> float | None:
    """Of a one-sample t test, from a rounded mean and deviation; None where no deviation was printed.

    The deviation is taken as that of NumPy, divided by n, which is the more cautious reading.
    """
    if not number.deviation:
        return None
    t = number.mean / (number.deviation / math.sqrt(seeds - 1))
    return float(2 * stats.t.sf(abs(t), seeds - 1))


def compared(ours: Sample, theirs: Number, direction: str, seeds: int, within: float = 0.0) -> str | None:
    """``better`` or ``worse`` where the difference is more than chance, else ``open``.

    Welch's t test at `LEVEL`; where no deviation was published, theirs is taken to be ours.

    Args:
        ours: by seed.
        theirs: the published mean over seeds, in the same unit.
        direction: in which the number gets better.
        seeds: behind the published mean.
        within: how far the published mean may be off.

    Returns:
        None below two seeds of ours, or where all of ours are the same number.
    """
    if ours.mean is None or not ours.deviation:
        return None
    gap = max(0.0, abs(ours.mean - theirs.mean) - within)
    deviation = theirs.deviation * math.sqrt(seeds / (seeds - 1)) if theirs.deviation else ours.deviation
    welch = stats.ttest_ind_from_stats(gap, ours.deviation, len(ours.values), 0.0, deviation, seeds, equal_var=False)
    if welch.pvalue >= LEVEL:
        return "open"
    return "better" if (ours.mean < theirs.mean) == (direction == "lower") else "worse"


def improves(change: Sample, metric: str) -> str:
    """``better`` or ``worse`` where a change's t test says so, else nothing."""
    if change.p is None or change.p >= LEVEL or change.mean is None:
        return ""
    return "better" if (change.mean < 0) == (DIRECTIONS[metric] == "lower") else "worse"
