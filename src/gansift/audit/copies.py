"""Are generated samples copies of training examples? And without a run: does held-out data lie in the training data?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from gansift.audit.audit import Subject, held_out
from gansift.audit.closeness import Closeness
from gansift.audit.data_copies import copied_in_data
from gansift.audit.likelihood import likelihood_gap
from gansift.bounds import Range
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.report.answer import Answer, Curves, Gallery, Number, Table
from gansift.report.views.view import view_of
from gansift.report.words import plural

_FEWEST_HELD = 40  # held-out examples of whose closest 5 % anything can be said
_PAIRS = 10
_LISTED = 10
_CURVE_POINTS = 101
_CHUNK = 500


def copies(
    subject: Subject,
    *,
    samples: Annotated[int, Range(1, 10_000_000)] = 2000,
    quantile: Annotated[float, Range(above=0, below=1)] = 0.05,
) -> Answer:
    """Are generated samples copies of training examples?

    Samples are compared with held-out examples: how close do both come to the training data? Copies are found where
    samples come closer, beyond chance (by Meehan's C_T, or by the share of very close samples), and where of all
    examples it is the training examples that they are near (of all samples, or of the very close ones). The second
    condition keeps apart samples that are merely smooth, which are as near to held-out examples. Both must hold by 95 %
    intervals, in pixels or in features. Samples near one training example count as one observation in every interval.

    Without anything trained, held-out examples are looked for in the training data.

    Args:
        subject: a run with samples, or data alone.
        samples: number of samples, over all training seeds together.
        quantile: share of the held-out examples, the closest, whose distance counts as very close.

    Raises:
        UsageError: if ``samples`` or ``quantile`` makes no sense, or what was trained has no samples, or there are too
            few of them to compare.
    """
    if not subject.players:
        return copied_in_data(subject)
    if samples < len(subject.players) or not 0 < quantile < 1:
        raise UsageError(
            f"copies needs a sample of every seed and a quantile between 0 and 1; got {samples} and {quantile}"
        )
    generated, seeds = _generated(subject, samples)
    splits = subject.set_of(generated.shape[1:])
    held = torch.cat([part.x for part in held_out(splits)] or [splits.train.x[:0]])
    if len(held) < _FEWEST_HELD:
        return _too_few(len(held))
    parts = (generated, splits.train.x, held)
    spaces = {
        name: _compared(subject, features, parts, quantile) for name, features in _spaces(subject, generated).items()
    }
    plain = next(iter(spaces.values())).closeness
    copied = _most_copied(plain, splits.train, quantile)
    tables = {"Training examples that most samples come close to": copied} if copied.rows else {}
    tables["By region"] = _by_region(plain)
    if len(subject.players) > 1:
        tables["By training seed"] = _by_seed(plain, seeds, quantile)
    if subject.cleansed is not None:
        tables["Before and after cleansing"] = _before_and_after(subject, samples, parts, quantile)
    found = any(space.found for space in spaces.values())
    return Answer(
        audit="copies",
        verdict=_verdict(spaces, quantile),
        finding=found,
        numbers={f"{key}_{name}": one for name, space in spaces.items() for key, one in space.numbers.items()},
        tables=tables,
        curves={f"Distance to the nearest training example, in {name}": space.curves for name, space in spaces.items()},
        pictures={"Samples that come closest": _closest(plain, generated, splits.train)},
        shown=(*_shown(subject, *map(len, parts)), _second_opinion(spaces, found)),
        not_shown=_NOT_SHOWN,
        badge="copies" if found else "no copies shown",
    )


_NOT_SHOWN = (
    "Distances see copies of whole examples. Copies of parts, and mirrored, turned or recoloured ones, are found only "
    "as far as features overlook the change.",
    "That nothing is found is no proof of privacy: a model can tell more of its training data than its samples do.",
)


def _shown(subject: Subject, samples: int, training: int, held: int) -> tuple[str, ...]:
    seeds = plural(len(subject.players), "training seed")
    return (
        f"{samples:,} samples of {seeds} were compared with {held:,} held-out examples, by the distance to the nearest "
        f"of {training:,} training examples.",
        "For intervals, held-out examples are drawn anew one by one, and samples together with all others that are "
        "nearest to the same training example.",
    )


def _second_opinion(spaces: Mapping[str, _Space], found: bool) -> str:
    """Whether likelihoods, which the verdict does not ask, say the same."""
    above = [name for name, space in spaces.items() if _above(space.numbers["likelihood_gap"])]
    what = f"in {' and '.join(above)} training examples are" if above else "training examples are not"
    return (
        f"A second opinion, which the verdict does not ask: {what} more likely than held-out ones under densities "
        f"around the samples, beyond chance; it {'agrees' if bool(above) == found else 'does not agree'}."
    )


@dataclass(frozen=True)
class _Space:
    """What was found in pixels, or in features."""

    closeness: Closeness
    numbers: dict[str, Number]

    @property
    def found(self) -> bool:
        """Whether samples come closer to training data than held-out examples, and to training data alone."""
        return self.closer and self._of_training

    @property
    def closer(self) -> bool:
        """Whether samples come closer to training data than held-out examples do, by an interval."""
        c_t, close = self.numbers["c_t"], self.numbers["close_share"]
        return _below(c_t) or _above(close)

    @property
    def _of_training(self) -> bool:
        return any(_above(self.numbers[name]) for name in ("nearer_share", "training_share") if name in self.numbers)

    @property
    def curves(self) -> Curves:
        """How many samples and held-out examples lie within each distance."""
        found = self.closeness
        places = np.linspace(0, float(np.quantile(np.concatenate([found.samples, found.held]), 0.99)), _CURVE_POINTS)
        lines = {
            name: (tuple(places.tolist()), tuple(_within(values, places).tolist()))
            for name, values in (("samples", found.samples), ("held-out examples", found.held))
        }
        return Curves("distance", "share within it", lines, "A curve further left is closer to the training data.")


def _within(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(values), places, side="right") / len(values)


def _above(number: Number) -> bool:
    assert number.expected is not None
    return number.ci95 is not None and number.ci95[0] > number.expected


def _below(number: Number) -> bool:
    assert number.expected is not None
    return number.ci95 is not None and number.ci95[1] < number.expected


def _generated(subject: Subject, count: int) -> tuple[Tensor, np.ndarray]:
    """Samples (about ``count``, the same number of each seed), and the seed of each."""
    each = count // len(subject.players)
    parts = [_samples(subject, trained, each) for trained in subject.players]
    return torch.cat(parts), np.repeat(np.arange(len(subject.players)), each)


def _samples(subject: Subject, trained: Trained, count: int) -> Tensor:
    draw = Draw(subject.seed, "copies", dtype=trained.dtype, device=trained.device)
    with torch.no_grad():
        return torch.cat([trained.sample(len(part), draw).float().cpu() for part in torch.arange(count).split(_CHUNK)])


def _spaces(subject: Subject, generated: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """What distances are measured between, by name: the numbers of the examples themselves, and their features."""
    plain = "pixels" if view_of(generated.shape[1:]) == "images" else "values"
    features = {} if subject.features is None else {"features": subject.features}
    return {plain: lambda x: x, **features}


def _compared(
    subject: Subject, features: Callable[[Tensor], Tensor], parts: Sequence[Tensor], quantile: float
) -> _Space:
    """Compare in one space; ``parts`` are samples, training examples and held-out examples."""
    rows = [_rows(features, part) for part in parts]
    closeness = Closeness.of(subject.seed, *rows)
    if all(z is None for *_, z in closeness.regions()):
        raise UsageError(
            f"{len(rows[0]):,} samples and {len(rows[2]):,} held-out examples are too few for copies: no region of the "
            "training data has enough of both to compare; ask for more --samples"
        )
    rng = np.random.default_rng(subject.seed)
    numbers = {
        "c_t": closeness.c_t(rng),
        "close_share": closeness.close_share(quantile, rng),
        "nearer_share": closeness.nearer_share(),
    }
    of_training = closeness.training_share(quantile)
    numbers |= {} if of_training is None else {"training_share": of_training}
    return _Space(closeness, numbers | {"likelihood_gap": likelihood_gap(rows[0], rows[1], rows[2], rng)})


def _rows(features: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    with torch.no_grad():
        rows = [features(part).flatten(1).float().cpu() for part in x.split(_CHUNK)]
    return torch.cat(rows).numpy()


def _verdict(spaces: Mapping[str, _Space], quantile: float) -> str:
    """One sentence."""
    for name, space in spaces.items():
        if space.found:
            share = space.numbers["close_share"]
            return (
                f"Some samples are copies of training examples: in {name}, {_percent(share)} of them come closer to a "
                f"training example than the closest {100 * quantile:g} % of held-out examples do, and what they are "
                "close to is training examples more often than chance allows."
            )
    if any(space.closer for space in spaces.values()):
        return (
            "No copies are shown: samples come closer to the training data than held-out examples do, but not closer "
            "to training examples than to held-out ones beyond chance. Smooth or common samples do the same."
        )
    return "No copies are shown: samples come no closer to the training data than held-out examples do."


def _percent(number: Number) -> str:
    assert number.ci95 is not None
    value, low, high = (f"{100 * share:.1f}" for share in (number.value, *number.ci95))
    return f"{value} % (95 % interval {low} to {high} %)"


def _closest(found: Closeness, generated: Tensor, train: Examples) -> Gallery:
    """The samples that come closest to a training example, one for each training example."""
    rows: dict[int, int] = {}
    for sample in np.argsort(found.samples, kind="stable").tolist():
        rows.setdefault(int(found.nearest[sample]), sample)
        if len(rows) == _PAIRS:
            break
    captions = [
        f"{train.ids[row]}: distance {found.samples[sample]:.3g}, to the nearest held-out example "
        f"{found.samples_held[sample]:.3g}"
        for row, sample in rows.items()
    ]
    x = torch.stack([torch.stack([generated[sample], train.x[row].float()]) for row, sample in rows.items()])
    return Gallery(("sample", "nearest training example"), x.numpy(), tuple(captions))


def _most_copied(found: Closeness, train: Examples, quantile: float) -> Table:
    """Training examples by how many samples come very close to them."""
    close = found.nearest[found.samples < np.quantile(found.held, quantile)]
    rows = tuple((train.ids[row], count) for row, count in Counter(close.tolist()).most_common(_LISTED))
    return Table(("training example", "samples"), rows, "Counted are samples that come very close, as above.")


def _by_seed(found: Closeness, seeds: np.ndarray, quantile: float) -> Table:
    """C_T and the share of very close samples of each training seed alone."""
    rows = []
    for seed in np.unique(seeds).tolist():
        counts, once = (seeds == seed).astype(int), np.ones(len(found.held), dtype=int)
        z = found.mean_z(counts, once)
        rows.append((seed, z if np.isfinite(z) else None, found.close(quantile, counts, once)))
    return Table(("seed", "c_t", "close_share"), tuple(rows))


def _by_region(found: Closeness) -> Table:
    """What `Closeness.c_t` averages."""
    return Table(
        ("samples", "held-out examples", "z"),
        tuple(found.regions()),
        "Regions are clusters of training examples. A z below 0 says that samples there are closer to training data "
        "than held-out examples are; their mean, weighted by held-out examples, is c_t.",
    )


def _before_and_after(subject: Subject, count: int, parts: Sequence[Tensor], quantile: float) -> Table:
    """The same numbers of the first training seed, and of what was trained without the examples that are removed."""
    assert subject.cleansed is not None
    rows = []
    for name, trained in (("before", subject.players[0]), ("after", subject.cleansed)):
        samples = _samples(subject, trained, count)
        found = [
            _compared(subject, features, (samples, *parts[1:]), quantile).numbers[number]
            for features in _spaces(subject, samples).values()
            for number in _FOLLOWED
        ]
        rows.append((name, *(f"{one.value:.3g} ({_interval(one)})" for one in found)))
    headings = [f"{number}, {space}" for space in _spaces(subject, parts[0]) for number in _FOLLOWED]
    return Table(
        ("training", *headings),
        tuple(rows),
        f"Of the first training seed, with 95 % intervals: trained on everything, and without the "
        f"{plural(len(subject.removed), 'example')} that the run removes. All training examples count as such in both.",
    )


_FOLLOWED = ("nearer_share", "c_t", "close_share")


def _interval(one: Number) -> str:
    assert one.ci95 is not None
    return " to ".join(f"{end:.3g}" for end in one.ci95)


def _too_few(held: int) -> Answer:
    return Answer(
        "copies",
        f"Whether samples are copies cannot be decided with {held} held-out examples: at least {_FEWEST_HELD} are "
        "needed.",
        None,
        {},
    )
