"""Are refined images any better than simulated ones: have they changed, and have they kept their labels?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from gansift.audit.audit import Subject
from gansift.audit.classifiers import Classifier, Fitted, classifier_of
from gansift.audit.paired import class_interval
from gansift.bounds import Range
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.games.batch import Batches
from gansift.games.trained import Trained
from gansift.metrics.net_metric import held_out_batch
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.words import plural

_CHUNK = 500
# Of the width of the range from black to white; a smaller mean change is none.
_LEAST = 0.01
_PAIRS = 12
# Labelled real validation images that choose between runs.
_CHOOSING = 200


def refinement(
    subject: Subject,
    *others: Subject,
    classifier: str = "network",
    rounds: Annotated[int, Range(2, 1000)] = 6,
    steps: Annotated[int, Range(1, 1_000_000)] = 400,
    penalties: str = "",
) -> Answer:
    """Are refined images any better than simulated ones?

    Two things go wrong with S+U learning, and neither shows in its losses: nothing changes, or images look real and
    have lost their labels. So the mean change of a pixel is measured, and classifiers are trained on simulated and on
    refined images and tested on real ones. Further runs are set beside the first, and so are trainings of its game with
    other penalties, from the same seeds. Which of all is best is told by 200 real validation images at most, and how
    good that one is by real test images, which had no part in it.

    Args:
        subject: a run of a game that refines images, such as `--game simgan`.
        others: further such runs on the same data.
        classifier: network (a small one), or module:name of an estimator with scikit-learn's fit and predict
        rounds: how often classifiers are trained anew, over all training seeds of a run together
        steps: training steps of the small network, the same for every training set
        penalties: further weights of the penalty to train the run's game with, such as 0.3,2,40

    Raises:
        UsageError: for a run that refines nothing, or on other data than the first, or without labels of real images;
            for penalties that are no numbers from 0, or a game that has no penalty or cannot be trained anew.
    """
    cases = [_case(one, subject) for one in (subject, *others)]
    tried, broken = _grid(subject, _numbers(penalties))
    cases += tried
    first = cases[0]
    made = classifier_of(classifier, 1 + int(max(first.labels.max(), first.truth.max())), steps)
    simulated = _simulated(first, made, rounds)
    judged = [_judged(case, simulated, made, rounds) for case in cases]
    own = judged[0]
    finding, badge, verdict = _verdict(own)
    if len(cases) > 1:
        verdict += f" {_chosen(cases, judged, simulated)}"
    return Answer(
        audit="refinement",
        verdict=verdict,
        finding=finding,
        numbers={
            "change": own.change,
            "gain": own.gain,
            "accuracy_simulated": own.plain,
            "accuracy_refined": own.refined,
            "accuracy_choosing": Number(
                own.chosen, None, f"share right of the {len(first.chosen_by)} real validation images that choose"
            ),
            **({} if own.gradients is None else {"gradients": own.gradients}),
        },
        tables={"Runs": _table(cases, judged, simulated)} if len(cases) > 1 else {},
        pictures={"Simulated and refined": _pairs(first)},
        shown=(
            f"Classifiers were trained {plural(rounds, 'time')} on "
            f"{plural(len(first.labels), 'simulated training image')} and on what became of them, and tested on "
            f"{plural(len(first.truth), 'real test image')}; intervals count how trainings differ, and which test "
            "images these are.",
            *(f"The training of {name} broke down with every seed and is left out." for name in broken),
        ),
        not_shown=(
            "That a classifier does better on real images says nothing of how real refined images look.",
            "Labels that an image has beside its class, such as where something is, may have moved unseen.",
        ),
        badge=badge,
    )


# What is compared ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Case:
    """A run that refines images.

    Attributes:
        name: of the run.
        players: one for each training seed.
        simulated: the simulated data set.
        real: the real one.
        labels: of simulated training images.
        truth: of real test images, numbered as these.
        chosen_by: of the real validation images that choose, numbered as these.
    """

    name: str
    players: Sequence[Trained]
    simulated: Splits
    real: Splits
    labels: Tensor
    truth: Tensor
    chosen_by: Tensor

    @property
    def game(self) -> Any:
        return self.players[0].game

    @property
    def choosing(self) -> Tensor:
        """The real validation images that choose."""
        return self.real.valid.x[:_CHOOSING].float()

    def refined(self, x: Tensor, number: int) -> Tensor:
        """What one of the training seeds makes of images."""
        return self.players[number % len(self.players)].made_of(self.game.refine, x).float()


def _case(subject: Subject, first: Subject) -> _Case:
    if not subject.players:
        raise UsageError(f"the audit refinement looks at a run, and {subject.name} is data alone")
    if not hasattr(subject.players[0].game, "refine") or set(subject.data) != {"simulated", "real"}:
        raise UsageError(f"the audit refinement looks at a game that refines images, and {subject.name} refines none")
    simulated, real = subject.data["simulated"], subject.data["real"]
    if simulated.train.ids != first.data["simulated"].train.ids or real.test.ids != first.data["real"].test.ids:
        raise UsageError(f"{subject.name} is a run on other data: only runs on the same split can be compared")
    names = simulated.train.class_names
    assert names is not None  # the game learns nothing without
    assert simulated.train.labels is not None
    return _Case(
        subject.name, subject.players, simulated, real, simulated.train.labels,
        _numbered(real.test, names, subject.name), _numbered(real.valid, names, subject.name)[:_CHOOSING],
    )  # fmt: skip


def _grid(subject: Subject, penalties: Sequence[float]) -> tuple[list[_Case], list[str]]:
    """The run's game trained anew with each penalty, and the names of those that broke down.

    Raises:
        UsageError: if the game has no penalty, or cannot be trained anew.
    """
    own = getattr(subject.players[0].game, "penalty", None)
    if penalties and (subject.variants is None or own is None):
        raise UsageError(
            f"--penalties: the game of {subject.name} has no penalty that could be another one, or it cannot be "
            "trained anew here; name runs with other settings instead"
        )
    cases, broken = [], []
    for penalty in penalties:
        assert subject.variants is not None
        if penalty == own:
            continue  # that is the run itself
        name = f"penalty {penalty:g}"
        players = [one for one in subject.variants({"penalty": penalty}, len(subject.players)) if one is not None]
        if players:
            cases.append(_case(replace(subject, name=name, players=players), subject))
        else:
            broken.append(name)
    return cases, broken


def _numbers(penalties: str) -> list[float]:
    """The numbers from 0 in a text with commas between."""
    try:
        found = [float(part) for part in penalties.split(",")] if penalties else []
    except ValueError:
        found = [-1.0]
    if not all(0 <= number < math.inf for number in found):
        raise UsageError(f"--penalties must be numbers from 0 with commas between, such as 0.3,2,40, not {penalties!r}")
    return found


def _numbered(part: Examples, names: Sequence[str], name: str) -> Tensor:
    """The labels of real images, numbered as those of simulated ones."""
    if part.labels is None or part.class_names is None:
        raise UsageError(f"{name} has no labels of held-out real images, by which refined images are judged")
    return torch.tensor([names.index(one) for one in part.class_names])[part.labels]


# What is measured ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """What was measured of a run.

    Attributes:
        change: mean change of a pixel, as a share of the range from black to white.
        gradients: how large the critic's term is beside the other one in the gradient of the refiner; None where the
            game does not tell its terms, or the other one has no gradient.
        plain: mean sensitivity on real test images after training on simulated images.
        refined: the same for refined ones.
        gain: their difference.
        chosen: share of the real validation images that choose that are labelled right.
    """

    change: Number
    gradients: Number | None
    plain: Number
    refined: Number
    gain: Number
    chosen: float


@dataclass(frozen=True)
class _Simulated:
    """What classifiers of simulated images get right, which is the same for all runs.

    Attributes:
        right: of real test images, by round, shape (rounds, N).
        chosen: share of the real validation images that choose that are labelled right.
    """

    right: np.ndarray
    chosen: float


def _simulated(case: _Case, classifier: Classifier, rounds: int) -> _Simulated:
    fitted = [classifier(case.simulated.train.x.float(), case.labels, number) for number in range(rounds)]
    return _Simulated(
        np.stack([one(case.real.test.x.float()) == case.truth.numpy() for one in fitted]).astype(float),
        _accuracy(case, fitted),
    )


def _judged(case: _Case, simulated: _Simulated, classifier: Classifier, rounds: int) -> _Judged:
    truth, x = case.truth.numpy(), case.simulated.train.x.float()
    fitted = [classifier(case.refined(x, number), case.labels, number) for number in range(rounds)]
    refined = np.stack([one(case.real.test.x.float()) == truth for one in fitted]).astype(float)

    def number_of(values: np.ndarray, meaning: str, expected: float | None = None) -> Number:
        mean, ends = class_interval([values], [truth])
        return Number(mean, ends, meaning, expected)

    tested = "mean sensitivity on real test images of a classifier of"
    return _Judged(
        _change(case),
        _gradients(case),
        number_of(simulated.right, f"{tested} simulated images"),
        number_of(refined, f"{tested} refined images"),
        number_of(refined - simulated.right, "what a classifier gains by refined images over simulated ones", 0.0),
        _accuracy(case, fitted),
    )  # fmt: skip


def _accuracy(case: _Case, fitted: Sequence[Fitted]) -> float:
    """The share of the real validation images that choose that classifiers label right."""
    truth = case.chosen_by.numpy()
    return float(np.mean([one(case.choosing) == truth for one in fitted]))


def _change(case: _Case) -> Number:
    """The mean change of a pixel of held-out simulated images, with an interval over images."""
    x = case.simulated.test.x.float()
    by_image = np.mean(
        [((case.refined(x, number) - x).abs().flatten(1).mean(1) / 2).numpy() for number in range(len(case.players))],
        axis=0,
    )
    half = 1.96 * float(by_image.std(ddof=1)) / len(by_image) ** 0.5
    mean = float(by_image.mean())
    return Number(mean, (mean - half, mean + half), "mean change of a pixel, as a share of the range of greys")


def _gradients(case: _Case) -> Number | None:
    if not hasattr(case.game, "refiner_terms"):
        return None
    ratios = [_ratio(case, trained) for trained in case.players]
    if None in ratios:
        return None
    ratio = float(np.mean([one for one in ratios if one is not None]))
    return Number(ratio, None, "how large the critic's part is in the refiner's gradient, beside that of the penalty")


def _ratio(case: _Case, trained: Trained) -> float | None:
    """The norm of the gradient of the critic's term in the refiner, over that of the penalty; None without any."""
    leaves = {name: flat.detach().requires_grad_() for name, flat in trained.parameters.items()}
    rows = torch.arange(min(_CHUNK, len(case.simulated.train), len(case.real.train)))
    batch = Batches(
        {
            name: held_out_batch(part.train, rows, trained.dtype, trained.device)
            for name, part in (("simulated", case.simulated), ("real", case.real))
        }
    )
    told, far = case.game.refiner_terms(trained.net(leaves), batch)
    norms = [float(torch.autograd.grad(term, leaves["refiner"], retain_graph=True)[0].norm()) for term in (told, far)]
    return norms[0] / norms[1] if norms[1] else None


# What is said --------------------------------------------------------------------------------------------------------


def _verdict(own: _Judged) -> tuple[bool | None, str, str]:
    change = f"{100 * own.change.value:.2g} % of the range of greys"
    low, high = _ends(own.gain)
    points = f"{100 * own.gain.value:+.1f} percentage points ({100 * low:+.1f} to {100 * high:+.1f})"
    if own.change.value < _LEAST:
        return True, "nothing changes", f"Nothing changes: the mean change of a pixel is {change}. Lower --penalty."
    if high < 0:
        return (
            True,
            "labels moved",
            f"Labels have moved: a classifier of refined images does worse on real ones than one of simulated images, "
            f"by {points}; a pixel changes by {change}. Raise --penalty.",
        )
    if low > 0:
        return (
            False,
            "refining helps",
            f"Refining helps: a classifier of refined images does better on real ones than one of simulated images, by "
            f"{points}; a pixel changes by {change}.",
        )
    return (
        None,
        "no gain shown",
        f"No gain from refining is shown: {points} on real test images; a pixel changes by {change}.",
    )


def _chosen(cases: Sequence[_Case], judged: Sequence[_Judged], simulated: _Simulated) -> str:
    """Which run the validation images choose, and what test images say of it."""
    best = max(range(len(cases)), key=lambda row: judged[row].chosen)
    case, one = cases[best], judged[best]
    low, high = _ends(one.gain)
    beside = "more" if one.chosen > simulated.chosen else "no more"
    return (
        f"Of all, {case.name} does best on {len(case.chosen_by)} real validation images, with {100 * one.chosen:.1f} % "
        f"right, {beside} than after training on simulated images ({100 * simulated.chosen:.1f} %); on test images, "
        f"which had no part in the choice, that gains {100 * one.gain.value:+.1f} percentage points "
        f"({100 * low:+.1f} to {100 * high:+.1f})."
    )


def _table(cases: Sequence[_Case], judged: Sequence[_Judged], simulated: _Simulated) -> Table:
    rows = (
        ("simulated images", None, None, None, simulated.chosen, judged[0].plain.told(), None),
        *_rows(cases, judged),
    )
    return Table(
        ("run", "penalty", "change of a pixel", "critic's gradient", "right, validation", "sensitivity, test",
         "less that of simulated images"),
        rows,
        f"Choose by the {len(cases[0].chosen_by)} validation images, and read on test images what that gains.",
    )  # fmt: skip


def _rows(cases: Sequence[_Case], judged: Sequence[_Judged]) -> Iterator[tuple[Any, ...]]:
    for case, one in zip(cases, judged, strict=True):
        yield (
            case.name,
            getattr(case.game, "penalty", None),
            f"{100 * one.change.value:.1f} %",
            None if one.gradients is None else one.gradients.value,
            one.chosen,
            one.refined.told(),
            one.gain.told("+.3f"),
        )


def _pairs(case: _Case) -> Gallery:
    x = case.simulated.test.x[:_PAIRS].float()
    pairs = torch.stack([x, case.refined(x, 0).clamp(-1, 1)], 1)
    return Gallery(("simulated", "refined"), pairs.numpy(), case.simulated.test.ids[: len(x)])


def _ends(number: Number) -> tuple[float, float]:
    assert number.ci95 is not None
    return number.ci95
