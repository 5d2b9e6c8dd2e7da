"""Are generated samples of use as further training data, beyond what classical augmentation gives?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from gansift.audit.arms import ALL, ARMS, CLASSICAL, ONLY, REAL, SYNTHETIC, Case, predictions
from gansift.audit.audit import Subject, held_out
from gansift.audit.classifiers import Classifier, classifier_of
from gansift.audit.paired import class_interval, mean_over_classes
from gansift.bounds import Range
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.report.answer import Answer, Curves, Number, Table
from gansift.report.words import plural

_FEWEST_HELD = 5  # held-out examples of a class, of which anything can be said
_MOST_HELD = 3000  # that are predicted
_CURVE_ROUNDS = 3
_REAL_SHARES = (0.25, 0.5)
_SAMPLE_SHARES = (1 / 16, 0.25)
_CHUNK = 500
# Of the two comparisons that decide, each: both intervals hold together in 95 %.
_LEVEL = 0.975

#: Right or wrong (1 or 0) by arm and split, shape (rounds, n).
_Hits = Mapping[str, Sequence[np.ndarray]]


def usefulness(
    subject: Subject,
    *others: Subject,
    classifier: str = "network",
    samples: Annotated[int, Range(1, 10_000_000)] = 2000,
    rounds: Annotated[int, Range(2, 10_000)] = 8,
    steps: Annotated[int, Range(1, 1_000_000)] = 200,
) -> Answer:
    """Are generated samples of use as further training data for a classifier?

    Classifiers are trained on five sets: real examples; with classical augmentation; with synthetic data; with both;
    and synthetic data alone. They are tested on held-out examples, by the mean sensitivity over the classes. Synthetic
    data help only if a set with them beats real examples with classical augmentation, and without, by intervals of the
    paired differences. The generator must take requests for classes.

    Further runs, trained on other splits of the same data, make the verdict one about such data, not about one split.

    Args:
        subject: a run on labelled data whose samples can be asked for classes.
        others: runs on other splits of the same data.
        classifier: network (a small one), or module:name of an estimator with scikit-learn's fit and predict
        samples: synthetic examples in a training set, and as many classically augmented ones
        rounds: how often everything is drawn and trained anew; with several runs, over all of them together
        steps: training steps of the small network, the same for every training set

    Raises:
        UsageError: without a trained generator, labels of two classes, or samples of requested classes; or if a setting
            makes no sense.
    """
    if samples < 1 or rounds < 2 or steps < 1:
        raise UsageError(
            f"usefulness needs a sample, two rounds and a training step; got {samples}, {rounds} and {steps}"
        )
    cases = [_case(one) for one in (subject, *others)]
    counts = np.min([np.bincount(case.test_labels, minlength=_classes(cases)) for case in cases], axis=0)
    names = _names(subject, len(counts))
    if counts.min() < _FEWEST_HELD:
        return _too_few(names[int(counts.argmin())], int(counts.min()))
    made = classifier_of(classifier, len(counts), steps)
    each = rounds if len(cases) == 1 else max(1, round(rounds / len(cases)))
    plan = [[place * each + number for number in range(each)] for place in range(len(cases))]
    found = [
        [predictions(case, made, number, samples) for number in numbers]
        for case, numbers in zip(cases, plan, strict=True)
    ]
    by_arm = {arm: [np.stack([one[arm] for one in of_case]) for of_case in found] for arm in ARMS}
    labels = [case.test_labels.numpy() for case in cases]
    hits = {
        arm: [(one == truth).astype(float) for one, truth in zip(predicted, labels, strict=True)]
        for arm, predicted in by_arm.items()
    }
    numbers = _numbers(hits, labels)
    badge, verdict, finding = _verdict(numbers)
    return Answer(
        audit="usefulness",
        verdict=verdict,
        finding=finding,
        numbers=numbers,
        tables={"Training sets": _arms(hits, by_arm, labels, cases[0], samples),
                "By class": _by_class(by_arm, labels, names)},
        curves=_curves(cases, made, samples, plan, hits, labels),
        shown=_shown(cases, classifier, each, samples),
        not_shown=_not_shown(len(cases)),
        badge=badge,
    )  # fmt: skip


# Data ----------------------------------------------------------------------------------------------------------------


def _case(subject: Subject) -> Case:
    """The data of a run, and its generator: that of one training seed after the other."""
    if not subject.players:
        raise UsageError(f"{subject.name} has no trained generator, so there are no samples to be useful")
    draw = Draw(subject.seed, "usefulness", dtype=subject.players[0].dtype, device=subject.players[0].device)
    with torch.no_grad():
        shape = subject.players[0].sample(1, draw).shape[1:]
    splits = subject.set_of(shape)
    labels = _labels(splits.train, subject.name)
    parts = held_out(splits)
    if not parts:
        raise UsageError(f"{subject.name} has no validation or test data to test classifiers on")
    x = torch.cat([part.x for part in parts])
    truth = torch.cat([_labels(part, subject.name) for part in parts])
    order = np.random.default_rng(subject.seed).permutation(len(x))[:_MOST_HELD]
    return Case(splits.train.x.float(), labels, x[order].float(), truth[order], _sampler(subject))


def _sampler(subject: Subject) -> Callable[[Tensor, int], Tensor]:
    def sample(labels: Tensor, number: int) -> Tensor:
        trained = subject.players[number % len(subject.players)]
        draw = Draw(subject.seed, "usefulness", number, dtype=trained.dtype, device=trained.device)
        with torch.no_grad():
            parts = [trained.sample(len(part), draw, label=part).float().cpu() for part in labels.split(_CHUNK)]
        return torch.cat(parts)

    return sample


def _labels(part: Examples, name: str) -> Tensor:
    labels = part.labels
    if labels is None or labels.is_floating_point() or (part.class_names is not None and len(part.class_names) < 2):
        raise UsageError(
            f"usefulness trains classifiers, and {name} has no labels of two classes or more: give class folders, or a "
            "label file (--labels)"
        )
    return labels


def _classes(cases: Sequence[Case]) -> int:
    return 1 + max(int(labels.max()) for case in cases for labels in (case.labels, case.test_labels))


def _names(subject: Subject, classes: int) -> tuple[str, ...]:
    names = next(iter(subject.data.values())).train.class_names
    return names if names is not None and len(names) >= classes else tuple(map(str, range(classes)))


# What was found ------------------------------------------------------------------------------------------------------


def _numbers(hits: _Hits, labels: Sequence[np.ndarray]) -> dict[str, Number]:
    def gain(arm: str, over: str, level: float, note: str = "") -> Number:
        values = [one - other for one, other in zip(hits[arm], hits[over], strict=True)]
        mean, ends = class_interval(values, labels, level)
        return Number(mean, ends, f"mean sensitivity of {arm} minus that of {over}{note}", 0.0)

    both = "; this interval and that of the other set with synthetic data hold together in 95 %"
    return {
        "synthetic_over_classical": gain(SYNTHETIC, CLASSICAL, _LEVEL, both),
        "all_over_classical": gain(ALL, CLASSICAL, _LEVEL, both),
        "synthetic_over_real": gain(SYNTHETIC, REAL, 0.95),
        "all_over_real": gain(ALL, REAL, 0.95),
        "classical_over_real": gain(CLASSICAL, REAL, 0.95),
        "synthetic_only_over_real": gain(ONLY, REAL, 0.95),
    }


def _verdict(numbers: Mapping[str, Number]) -> tuple[str, str, bool | None]:
    """A badge, one sentence, and whether that speaks against the samples."""
    deciding = {SYNTHETIC: numbers["synthetic_over_classical"], ALL: numbers["all_over_classical"]}
    over_real = {SYNTHETIC: numbers["synthetic_over_real"], ALL: numbers["all_over_real"]}
    # Classical augmentation may do harm; then it is not enough to do less of it.
    best = max(deciding, key=lambda arm: min(_ends(deciding[arm])[0], _ends(over_real[arm])[0]))
    value, (low, high) = deciding[best].value, _ends(deciding[best])
    if low > 0 and _ends(over_real[best])[0] > 0:
        return (
            "helps",
            f"The synthetic data help: {best} reaches a mean sensitivity {_points(value, low, high)} above that of "
            "real examples with classical augmentation.",
            False,
        )
    if all(_ends(number)[1] < 0 for number in deciding.values()):
        return (
            "does not help",
            "The synthetic data do not help: with them the mean sensitivity is lower than with classical augmentation "
            f"alone, even for {best} by {_points(-value, -high, -low)}.",
            True,
        )
    return (
        "no gain shown",
        f"No gain from the synthetic data is shown: the mean sensitivity of {best} minus that of real examples with "
        f"classical augmentation is {_points(value, low, high)}.",
        None,
    )


def _ends(number: Number) -> tuple[float, float]:
    assert number.ci95 is not None
    return number.ci95


def _points(value: float, low: float, high: float) -> str:
    """A difference of shares in percentage points, with its interval."""
    value, low, high = (100 * share for share in (value, low, high))
    return f"{value:.1f} percentage points (interval {low:.1f} to {high:.1f})"


def _arms(
    hits: _Hits, by_arm: Mapping[str, Sequence[np.ndarray]], labels: Sequence[np.ndarray], case: Case, samples: int
) -> Table:
    rows = []
    for arm, kinds in ARMS.items():
        mean, (low, high) = class_interval(hits[arm], labels)
        count = sum(len(case.x) if kind == "real" else samples for kind in kinds)
        specificity = np.mean([_rates(one, of_one)[1].mean() for one, of_one in zip(by_arm[arm], labels, strict=True)])
        rows.append((arm, count, mean, f"{low:.3f} to {high:.3f}", float(specificity)))
    return Table(
        ("training set", "examples", "mean sensitivity", "95 % interval", "mean specificity"),
        tuple(rows),
        "Sensitivity: of the held-out examples of a class, the share that is found. Specificity: of those of all other "
        "classes, the share that is not taken for it. Both are means over the classes.",
    )


def _by_class(by_arm: Mapping[str, Sequence[np.ndarray]], labels: Sequence[np.ndarray], names: Sequence[str]) -> Table:
    rates = {
        arm: np.mean([_rates(one, of_one) for one, of_one in zip(predicted, labels, strict=True)], axis=0)
        for arm, predicted in by_arm.items()
    }
    rows = [
        (names[place], *(f"{of_arm[0, place]:.3f} / {of_arm[1, place]:.3f}" for of_arm in rates.values()))
        for place in range(len(names))
    ]
    return Table(("class", *ARMS), tuple(rows), "Sensitivity / specificity.")


def _rates(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Sensitivity and specificity of each class against all others, means over rounds, shape (2, classes)."""
    classes = np.unique(labels)
    found = [(predicted == label)[:, labels == label].mean() for label in classes]
    left = [(predicted != label)[:, labels != label].mean() for label in classes]
    return np.array([found, left])


def _curves(
    cases: Sequence[Case],
    classifier: Classifier,
    samples: int,
    plan: Sequence[Sequence[int]],
    hits: _Hits,
    labels: Sequence[np.ndarray],
) -> dict[str, Curves]:
    """Learning curves over the numbers of real and of synthetic examples, from a few rounds; their ends are known."""
    # Of a case and a round: which case, and which of its rounds.
    few = [(place, row) for row in range(len(plan[0])) for place in range(len(cases))][:_CURVE_ROUNDS]

    def measured(count: int, real: int | None, arms: Sequence[str]) -> dict[str, float]:
        rounds = [predictions(cases[place], classifier, plan[place][row], count, real, arms) for place, row in few]
        right = {arm: [one[arm] == labels[place] for one, (place, _) in zip(rounds, few, strict=True)] for arm in arms}
        return {arm: _mean(of_arm) for arm, of_arm in right.items()}

    def _mean(right: Sequence[np.ndarray]) -> float:
        pairs = zip(right, few, strict=True)
        return float(np.mean([mean_over_classes(one[None].astype(float), labels[place]) for one, (place, _) in pairs]))

    whole = {arm: _mean([of_arm[place][row] for place, row in few]) for arm, of_arm in hits.items()}
    total = len(cases[0].x)
    fewer = sorted({max(1, round(share * total)) for share in _REAL_SHARES})
    diluted = sorted({max(1, round(share * samples)) for share in _SAMPLE_SHARES})
    note = f"Means of {plural(len(few), 'round')}. "
    return {
        "Over the number of real examples": Curves(
            "real examples",
            "mean sensitivity",
            _lines({count: measured(samples, count, _CURVED) for count in fewer} | {total: whole}, _CURVED),
            note + "The generator has seen all real examples at every point, so left of the right end synthetic data "
            "seem better than they are.",
        ),
        "Over the number of synthetic examples": Curves(
            "synthetic examples",
            "mean sensitivity",
            _lines({count: measured(count, None, _DILUTED) for count in diluted} | {samples: whole}, _DILUTED),
            note + "Sets with classical augmentation have as many augmented examples.",
        ),
    }


_CURVED = (REAL, CLASSICAL, SYNTHETIC, ALL)
_DILUTED = (CLASSICAL, SYNTHETIC, ALL, ONLY)


def _lines(
    points: Mapping[int, Mapping[str, float]], arms: Sequence[str]
) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    at = sorted(points)
    return {arm: (tuple(map(float, at)), tuple(points[count][arm] for count in at)) for arm in arms}


# Words ---------------------------------------------------------------------------------------------------------------


def _shown(cases: Sequence[Case], classifier: str, each: int, samples: int) -> tuple[str, ...]:
    what = "a small network" if classifier == "network" else classifier
    splits = "" if len(cases) == 1 else f" of each of {len(cases)} splits"
    tested = " and ".join(f"{count:,}" for count in sorted({len(case.test_x) for case in cases}))
    return (
        f"In {plural(each, 'round')}{splits}, {what} was trained on each of the five sets, made of {len(cases[0].x):,} "
        f"real, {samples:,} augmented and {samples:,} synthetic examples, and tested on {tested} held-out examples.",
        "The sets of a round share their real, augmented and synthetic examples and the classifier's random numbers, "
        "so that their differences are paired. Intervals count how trainings differ, and which examples were held out.",
    )


def _not_shown(splits: int) -> tuple[str, ...]:
    another = "Another classifier, another generator or another number of samples can give another answer."
    if splits > 1:
        return (another,)
    return (
        "The real examples are always the same, those that the generator was trained on. For a verdict that counts how "
        "splits differ, train runs with several --split-seed and name them all.",
        another,
    )


def _too_few(name: str, count: int) -> Answer:
    return Answer(
        "usefulness",
        f"Whether samples are useful cannot be decided with {plural(count, 'held-out example')} of the class {name}: "
        f"at least {_FEWEST_HELD} are needed.",
        None,
        {},
    )
