"""Do labels that were learnt on one data set hold on another one, and how much of what is possible is that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from gansift.audit.audit import Subject
from gansift.audit.classifiers import classifier_of
from gansift.audit.paired import class_interval
from gansift.audit.roc import Roc
from gansift.bounds import Range
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.games.trained import Trained
from gansift.report.answer import Answer, Number, Scatter, Table
from gansift.report.neighbours import plane
from gansift.report.words import plural

# Of each data set in a chart of features.
_MARKS = 200
_READ = (
    "Every mark is a test example, at the place of its features in the plane in which those of one network differ most."
    " Where marks of source and target cover each other, the features do not tell where an example is from, as far as "
    "these two directions go."
)


def adaptation(
    subject: Subject,
    *,
    classifier: str = "network",
    rounds: Annotated[int, Range(2, 1000)] = 4,
    steps: Annotated[int, Range(1, 1_000_000)] = 400,
) -> Answer:
    """Do labels that were learnt on source hold on target?

    What a run of `--game dann` gets right on target's test examples is set beside its own network, trained in the same
    way and from the same seeds on source alone, which adaptation has to beat. That is had by training games with a
    weight ``most`` of the domain loss anew without it. Beside it stand two bounds: classifiers that were trained on
    source alone, which take the place of the network where there is none, and on target with its labels, which nobody
    has. How well a fresh probe tells source from target by the run's features says whether the features have
    become alike; the run's own domain classifier is not asked.

    Two charts show the features of both data sets before and after adaptation, each in the two directions in which they
    differ most.

    Args:
        subject: a run with the data sets source and target.
        classifier: of the bounds: network (a small one), or module:name of an estimator with fit and predict
        rounds: how often each bound is trained anew
        steps: training steps of the small network

    Raises:
        UsageError: for a run without these data sets, without predictions or features, or whose target has no labels.
    """
    source, target = _checked(subject)
    names = source.train.class_names
    assert names is not None
    assert source.train.labels is not None
    truth = _numbered(target.test, names).numpy()
    x = target.test.x.float()
    adapted = np.stack([_right(one, x, truth) for one in subject.players])
    made = classifier_of(classifier, len(names), steps)
    labelled = target.train if target.train.labels is not None else target.valid
    bounds = {
        "source_only": (source.train.x.float(), source.train.labels),
        "target_labels": (labelled.x.float(), _numbered(labelled, names)),
    }
    right = {"adapted": _several(adapted)}
    for name, (examples, labels) in bounds.items():
        fitted = [made(_fitting(examples, x), labels, number) for number in range(rounds)]
        right[name] = np.stack([one(x) == truth for one in fitted]).astype(float)
    numbers = {name: _number(values, truth, _MEANING[name]) for name, values in right.items()}
    gain = _gain(right["adapted"], right["source_only"], truth)
    possible = numbers["target_labels"].value - numbers["source_only"].value
    if possible > 0:
        numbers["gap_closed"] = Number(
            gain.value / possible, None, "share of the way from source alone to target labels"
        )
    numbers = {"gain": gain} | numbers | {"domain": _probe(subject, source, target)}
    without = _without(subject)
    if without:
        own = np.stack([_right(one, x, truth) for one in without])
        numbers = {
            "own_gain": replace(_number(_several(adapted - own), truth, _MEANING["own_gain"]), expected=0.0),
            "own_source_only": _number(_several(own), truth, _MEANING["own_source_only"]),
        } | numbers
        right = {"adapted": right["adapted"], "own_source_only": own} | right
    badge, finding, verdict = _verdict(numbers)
    return Answer(
        audit="adaptation",
        verdict=verdict,
        finding=finding,
        numbers=numbers,
        tables={"By class": _by_class(right, truth, names)},
        scatters=_scatters(subject, without[:1], truth),
        shown=(
            f"{plural(len(truth), 'test example')} of target were labelled by "
            f"{plural(len(subject.players), 'training seed')} and by {plural(rounds, 'classifier')} of each bound.",
        ),
        not_shown=(
            "The classifiers of the bounds are other networks than that of the run, of a size that suits most data.",
        ),
        badge=badge,
    )


_MEANING = {
    "adapted": "mean sensitivity on target's test examples of what the run predicts",
    "source_only": "the same of a classifier that was trained on source alone",
    "target_labels": "the same of one that was trained on target with its labels",
    "own_gain": "what the run gets right more than its own network that was trained on source alone",
    "own_source_only": "mean sensitivity on target's test examples of that network, trained from the run's seeds",
}

# In the table by class.
_COLUMNS = {
    "adapted": "run",
    "own_source_only": "its network, source alone",
    "source_only": "classifier, source alone",
    "target_labels": "classifier, target labels",
}


def _without(subject: Subject) -> list[Trained]:
    """The network of each training seed, trained on source alone; none where that cannot be had of all of them."""
    if subject.variants is None or getattr(subject.players[0].game, "most", 0.0) == 0:
        return []
    found = [one for one in subject.variants({"most": 0.0}, len(subject.players)) if one is not None]
    return found if len(found) == len(subject.players) else []


def _right(trained: Trained, x: Tensor, truth: np.ndarray) -> np.ndarray:
    """Which examples are labelled right, as numbers, shape (N,)."""
    return (trained.made_of(trained.game.predict, x).argmax(1).numpy() == truth).astype(float)


def _checked(subject: Subject) -> tuple[Splits, Splits]:
    if not subject.players or set(subject.data) != {"source", "target"}:
        raise UsageError(
            f"the audit adaptation looks at a run with the data sets source and target, which {subject.name} is not"
        )
    game = subject.players[0].game
    if not (game.offers("predict") and game.offers("represent")):
        raise UsageError(
            f"the audit adaptation asks a game for labels and for features; that of {subject.name} has not both"
        )
    source, target = subject.data["source"], subject.data["target"]
    if source.train.class_names is None or target.test.class_names is None or target.valid.class_names is None:
        raise UsageError("the audit adaptation needs labels of source, and of target's validation and test examples")
    return source, target


def _numbered(part: Examples, names: tuple[str, ...]) -> Tensor:
    """Labels numbered as those of source."""
    assert part.labels is not None
    assert part.class_names is not None
    return torch.tensor([names.index(one) for one in part.class_names])[part.labels]


def _fitting(examples: Tensor, tested: Tensor) -> Tensor:
    """Examples in the size and colours of those that are tested."""
    if examples.ndim != 4 or examples.shape[1:] == tested.shape[1:]:
        return examples
    sized = torch.nn.functional.interpolate(examples, size=tested.shape[2:], mode="area")
    channels = tested.shape[1]
    return sized if len(sized[0]) == channels else sized.mean(1, keepdim=True).expand(-1, channels, -1, -1)


def _several(values: np.ndarray) -> np.ndarray:
    """A single training seed twice: no interval can tell how trainings differ then, and it counts examples alone."""
    return np.repeat(values, 2, axis=0) if len(values) == 1 else values


def _number(values: np.ndarray, truth: np.ndarray, meaning: str) -> Number:
    return Number(*class_interval([values], [truth]), meaning)


def _gain(adapted: np.ndarray, alone: np.ndarray, truth: np.ndarray) -> Number:
    """The difference of both, with an interval that counts how seeds of both differ, and which examples test them.

    The latter is counted with either, so that the interval is rather too wide.
    """
    values = adapted[:, None] - alone[None]
    mean, (low, high) = class_interval([values.mean(1)], [truth])
    _, (other_low, other_high) = class_interval([values.mean(0)], [truth])
    half = float(np.hypot(high - low, other_high - other_low)) / 2
    return Number(
        mean, (mean - half, mean + half), "what the run gets right more than a classifier of source alone", 0.0
    )


def _probe(subject: Subject, source: Splits, target: Splits) -> Number:
    """How well a fresh probe tells source from target by features, on average over the training seeds."""
    areas = [_area(trained, source, target, subject.seed) for trained in subject.players]
    ends = [one.ci95 or (one.value, one.value) for one in areas]
    return Number(
        float(np.mean([one.value for one in areas])),
        (float(np.mean([end[0] for end in ends])), float(np.mean([end[1] for end in ends]))),
        "how well a fresh probe tells source from target by the features: area under its ROC curve",
        0.5,
    )


def _area(trained: Trained, source: Splits, target: Splits, seed: int) -> Number:
    """The area under the ROC curve of a probe that is fitted on validation, and judged on test examples."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    one, other = ([_represented(trained, part) for part in (splits.valid, splits.test)] for splits in (source, target))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(np.concatenate([one[0], other[0]]), np.repeat([1, 0], [len(one[0]), len(other[0])]))
    told = [probe.decision_function(part)[None] for part in (one[1], other[1])]
    return Roc(told[0], told[1], seed).area


def _represented(trained: Trained, part: Examples) -> np.ndarray:
    return trained.made_of(trained.game.represent, part.x).double().numpy()


def _scatters(subject: Subject, without: Sequence[Trained], truth: np.ndarray) -> dict[str, Scatter]:
    """The features of the first training seed, beside those of the same network trained on source alone, if any."""
    after, charts = subject.players[0], {}
    for before in without:
        whose = f"{_READ} This is the run's own network, trained in the same way on source alone:"
        charts["Features before adaptation"] = _scatter(before, whose, subject, truth)
    whose = "This is the network of the run's first seed:"
    charts["Features after adaptation"] = _scatter(after, whose if charts else f"{_READ} {whose}", subject, truth)
    return charts


def _scatter(trained: Trained, whose: str, subject: Subject, truth: np.ndarray) -> Scatter:
    """Test examples of both data sets in the plane in which their features differ most."""
    source, target = subject.data["source"], subject.data["target"]
    random = np.random.default_rng(subject.seed)
    shown = [
        _represented(trained, part.subset(random.permutation(len(part))[:_MARKS].tolist()))
        for part in (source.test, target.test)
    ]
    places = plane(np.concatenate(shown))
    one, other = places[: len(shown[0])], places[len(shown[0]) :]
    labelled, _ = class_interval([_several(_right(trained, target.test.x.float(), truth)[None])], [truth])
    area = _area(trained, source, target, subject.seed).value
    return Scatter(
        "first direction in which features differ most",
        "second direction",
        {"source": _coordinates(one), "target": _coordinates(other)},
        f"{whose} it labels {100 * labelled:.1f} % of target right (mean over classes), and by all of its features a "
        f"fresh probe tells both data sets with an area of {area:.2f} under its ROC curve (0.5 by chance, 1 always).",
    )


def _coordinates(points: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(points[:, 0].tolist()), tuple(points[:, 1].tolist())


def _verdict(numbers: dict[str, Number]) -> tuple[str, bool | None, str]:
    ways = {"own_gain": ("own_source_only", "its own network"), "gain": ("source_only", "a classifier")}
    beside = [
        f"{_points(numbers[gain])} beside {what} that was trained on source alone ({_percent(numbers[right])})"
        for gain, (right, what) in ways.items()
        if gain in numbers
    ]
    told = (
        f"{_percent(numbers['adapted'])} of target is labelled right (mean over classes), {' and '.join(beside)}; a "
        f"classifier that knows target's labels reaches {_percent(numbers['target_labels'])}."
    )
    low, high = numbers["own_gain" if "own_gain" in numbers else "gain"].ci95 or (0.0, 0.0)
    if low > 0:
        return "adaptation helps", False, f"Adaptation helps: {told}"
    if high < 0:
        return "adaptation harms", True, f"Adaptation harms: {told}"
    return "no gain shown", None, f"No gain from adaptation is shown: {told}"


def _percent(number: Number) -> str:
    return f"{100 * number.value:.1f} %"


def _points(number: Number) -> str:
    low, high = number.ci95 or (number.value, number.value)
    return f"{100 * number.value:+.1f} percentage points ({100 * low:+.1f} to {100 * high:+.1f})"


def _by_class(right: dict[str, np.ndarray], truth: np.ndarray, names: tuple[str, ...]) -> Table:
    rows = [
        (names[label], *(float(values[:, truth == label].mean()) for values in right.values()))
        for label in np.unique(truth).tolist()
    ]
    return Table(("class", *(_COLUMNS[name] for name in right)), tuple(rows), "Share of target's test examples.")
