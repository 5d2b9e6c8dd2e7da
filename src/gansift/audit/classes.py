"""Are samples of the class that was asked for, and is there variety within each class?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from gansift.audit.audit import Subject
from gansift.audit.intervals import share_interval
from gansift.audit.variety import Variety
from gansift.bounds import Range
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.metrics import ClassifierFeatures, IntraFID
from gansift.metrics.metric import in_chunks
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.words import plural

_CHUNK = 500
_SHOWN = 6
_RESAMPLES = 400
# Of a class, held-out examples and samples: fewer tell nothing of its variety.
_FEWEST = 10


def classes(
    subject: Subject,
    *,
    samples: Annotated[int, Range(1, 10_000_000)] = 2000,
    steps: Annotated[int, Range(1, 1_000_000)] = 1000,
    least: Annotated[float, Range(0, 1)] = 0.9,
    same: Annotated[float, Range(0, 1)] = 0.2,
    most: Annotated[float, Range(0, 1)] = 0.05,
) -> Answer:
    """Are samples of the class that was asked for, and is there variety within each class?

    As many samples of each class are asked for, and a classifier that was fitted to validation data says of which class
    they are. How far they differ from one another is measured by how far real examples of the class do, of which as
    many are looked at. It is found against a run that less than ``least`` of the samples are of their class, as a share
    of what the classifier gets right on real data, or that the share of duplicates is larger than that of real examples
    by more than ``most``, by 95 % intervals.

    Args:
        subject: a run whose game can be asked for classes.
        samples: number of samples, over all classes and training seeds together.
        steps: training steps of the classifier.
        least: share of the samples that should be of the class that was asked for, of what the classifier gets right
        same: distance up to which two samples are duplicates, as a share of the mean distance of real examples
        most: share of duplicates, beyond that in real data, that is not held against the run

    Raises:
        UsageError: if what was trained cannot be asked for classes, or there are too few samples or held-out examples.
    """
    splits = _labelled(subject, samples)
    classifier = ClassifierFeatures.fit(splits.valid, seed=subject.seed, steps=steps)
    per_class = samples // (len(subject.players) * len(_names(splits)))
    found = _Found.of(subject, splits, classifier, per_class)
    right = _accuracy(classifier, splits.test)
    numbers = {
        "agreement": found.agreement(right.value),
        "classifier_accuracy": right,
        "duplicates": found.duplicates(same),
        "diversity": found.diversity(np.random.default_rng(subject.seed)),
        "intra_fid": found.intra_fid,
    }
    real = numbers["duplicates"].expected or 0.0
    wrong, alike = _below(numbers["agreement"], least * right.value), _above(numbers["duplicates"], real + most)
    return Answer(
        audit="classes",
        verdict=_verdict(numbers, wrong, alike),
        finding=wrong or alike,
        numbers=numbers,
        tables={"By class": found.table(same)},
        pictures={"Samples by class": found.gallery(splits.test)},
        shown=(
            f"{per_class:,} samples of each class and of {plural(len(subject.players), 'training seed')} were "
            f"classified by a network that was fitted to {len(splits.valid):,} validation examples and never saw a "
            "sample.",
            f"Duplicates and diversity compare {found.varieties[0][0].count:,} samples of a class and a seed with as "
            "many test examples of it, or with as many as there are; the distance is that of pixels, or of the numbers "
            "themselves.",
        ),
        not_shown=(
            "A sample that the classifier takes for its class may still look wrong, and one that it does not may look "
            "right: it makes mistakes on real data, too.",
            "The intervals are those of these models' samples. Other training seeds would give other models.",
        ),
    )


def _names(splits: Splits) -> tuple[str, ...]:
    assert splits.train.class_names is not None
    return splits.train.class_names


def _labelled(subject: Subject, samples: int) -> Splits:
    """The data set of the run, if its game can be asked for classes."""
    if not subject.players or not all(player.game.conditional for player in subject.players):
        raise UsageError(
            "the audit classes needs a run whose game can be asked for classes, such as --game acgan, or your own "
            "whose sample has a parameter `label`"
        )
    (splits, *others) = subject.data.values()
    if others or splits.train.class_names is None or splits.valid.labels is None or splits.test.labels is None:
        raise UsageError("the audit classes needs one data set, with labels")
    least = int(torch.bincount(splits.test.labels, minlength=len(_names(splits))).min())
    each = samples // (len(subject.players) * len(_names(splits)))
    if min(least, each) < _FEWEST:
        raise UsageError(
            f"the audit classes needs {_FEWEST} test examples of every class, and as many samples of each class and "
            f"training seed; there are {least} and {each}. Hold more data out (--fractions), or ask for more --samples."
        )
    return splits


@dataclass(frozen=True)
class _Found:
    """What the samples of every training seed are.

    Attributes:
        names: of the classes.
        samples: of each seed those of one class after the other, as many of each; shape (n, *shape).
        taken: the class that the classifier takes each sample for, of each seed, shape (n,).
        varieties: of each seed, that of each class.
        distances: of each seed, the Fréchet distance of each class.
        floor: the mean distance of real data.
    """

    names: tuple[str, ...]
    samples: list[Tensor]
    taken: list[np.ndarray]
    varieties: list[list[Variety]]
    distances: list[list[float]]
    floor: float | None

    @classmethod
    def of(cls, subject: Subject, splits: Splits, classifier: ClassifierFeatures, per_class: int) -> _Found:
        """Draw samples and look at them."""
        names = _names(splits)
        features: Callable[[Tensor], Tensor] = subject.features or classifier
        distance = IntraFID(features, splits.test, others=splits.valid, latents=per_class * len(names))
        asked = distance.requested(distance.latents)
        assert splits.test.labels is not None
        real = [splits.test.x[splits.test.labels == row].flatten(1).numpy() for row in range(len(names))]
        samples, taken, varieties, distances = [], [], [], []
        for player in subject.players:
            draw = Draw(subject.seed, "classes", dtype=player.dtype, device=player.device)
            with torch.no_grad():
                drawn = [player.sample(len(label), draw, label=label).float().cpu() for label in asked.split(_CHUNK)]
            x = torch.cat(drawn)
            samples.append(x)
            taken.append(in_chunks(classifier.logits, x, _CHUNK).argmax(1).numpy())
            of_class = [x[asked == row].flatten(1).numpy() for row in range(len(names))]
            varieties.append([Variety.of(mine, theirs) for mine, theirs in zip(of_class, real, strict=True)])
            distances.append(distance.of_classes(in_chunks(features, x, _CHUNK).double()))
        return cls(names, samples, taken, varieties, distances, distance.floor)

    @property
    def asked(self) -> np.ndarray:
        """The class that each sample of a seed was asked to be of, shape (n,)."""
        count = len(self.taken[0])
        return np.arange(count) * len(self.names) // count

    def agreement(self, right: float) -> Number:
        """Share of samples that are taken for the class that was asked for."""
        hits = np.concatenate([taken == self.asked for taken in self.taken])
        meaning = "share of samples that a classifier of real data takes for the class that was asked for"
        return Number(float(hits.mean()), share_interval(hits.sum(), len(hits)), meaning, right)

    def duplicates(self, same: float) -> Number:
        """Share of samples that are nearly the same as another one of their class and seed."""
        varieties = [one for of_seed in self.varieties for one in of_seed]
        hits = np.concatenate([one.duplicates(same) for one in varieties])
        real = np.concatenate([one.real_duplicates(same) for one in self.varieties[0]])
        meaning = f"share of samples that are closer to another one than {same:g} of the mean distance in real data"
        return Number(float(hits.mean()), share_interval(hits.sum(), len(hits)), meaning, float(real.mean()))

    def diversity(self, rng: np.random.Generator) -> Number:
        """Mean distance within classes, by that of real examples, averaged over classes and seeds."""
        varieties = [one for of_seed in self.varieties for one in of_seed]
        again = np.mean([one.resampled(rng, _RESAMPLES) for one in varieties], axis=0)
        low, high = np.quantile(again, (0.025, 0.975))
        meaning = "mean distance between two samples of a class, as a share of that between two real examples of it"
        return Number(float(np.mean([one.diversity for one in varieties])), (float(low), float(high)), meaning, 1.0)

    @property
    def intra_fid(self) -> Number:
        """Mean over classes and seeds of the Fréchet distance within a class."""
        meaning = "Fréchet distance of features within each class, to test data, averaged over classes"
        return Number(float(np.mean(self.distances)), None, meaning, self.floor)

    def table(self, same: float) -> Table:
        """One row for each class."""
        return Table(
            ("class", "of that class", "else mostly", "duplicates", "diversity", "FID"),
            tuple(self._row(row, same) for row in range(len(self.names))),
            "Of that class: by the classifier. Duplicates, diversity and FID as above, of this class alone.",
        )

    def _row(self, row: int, same: float) -> tuple[object, ...]:
        taken = np.concatenate([of_seed[self.asked == row] for of_seed in self.taken])
        others = Counter(taken[taken != row].tolist()).most_common(1)
        varieties = [of_seed[row] for of_seed in self.varieties]
        return (
            self.names[row],
            float((taken == row).mean()),
            self.names[others[0][0]] if others else None,
            float(np.mean([one.duplicates(same).mean() for one in varieties])),
            float(np.mean([one.diversity for one in varieties])),
            float(np.mean([of_seed[row] for of_seed in self.distances])),
        )

    def gallery(self, real: Examples) -> Gallery:
        """A real example of each class beside samples of the first seed that were asked to be of it."""
        assert real.labels is not None
        groups = [
            torch.cat([real.x[real.labels == row][:1].float(), self.samples[0][self.asked == row][: _SHOWN - 1]])
            for row in range(len(self.names))
        ]
        headings = ("real example", *("sample" for _ in range(_SHOWN - 1)))
        return Gallery(headings, torch.stack(groups).numpy(), self.names, "Samples are those of the first seed.")


def _accuracy(classifier: ClassifierFeatures, examples: Examples) -> Number:
    assert examples.labels is not None
    hits = in_chunks(classifier.logits, examples.x, _CHUNK).argmax(1) == examples.labels
    meaning = "share of real test examples that the classifier labels rightly"
    return Number(float(hits.double().mean()), share_interval(int(hits.sum()), len(hits)), meaning)


def _below(number: Number, bound: float) -> bool:
    return number.ci95 is not None and number.ci95[1] < bound


def _above(number: Number, bound: float) -> bool:
    return number.ci95 is not None and number.ci95[0] > bound


def _verdict(numbers: dict[str, Number], wrong: bool, alike: bool) -> str:
    """One sentence."""
    agreed, right, same = (
        f"{100 * numbers[name].value:.1f} %" for name in ("agreement", "classifier_accuracy", "duplicates")
    )
    said = f"{agreed} of the samples are of the class that was asked for"
    by = f"by a classifier that is right on {right} of real examples"
    if wrong and alike:
        return f"Only {said}, {by}, and {same} are duplicates of others."
    if wrong:
        return f"Only {said}, {by}; {same} are duplicates of others."
    if alike:
        return f"Too many samples are alike: {same} are duplicates of others of their class. {said}, {by}."
    return f"{said}, {by}, and {same} are duplicates of others of their class."
