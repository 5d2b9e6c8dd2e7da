"""Are groups of people decided about differently, and does a representation hide which group somebody belongs to?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, Protocol

import numpy as np

from gansift.audit.audit import Subject
from gansift.audit.decisions import MEANINGS, Decisions
from gansift.audit.intervals import share_interval
from gansift.audit.people import People
from gansift.audit.roc import Roc
from gansift.bounds import Range
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.trained import Trained
from gansift.report.answer import Answer, Curves, Number, Table
from gansift.report.words import plural

# With fewer test examples of a group, positive or not, nothing is said.
_FEWEST = 10
_PLAIN = "the data themselves"
_CALLED = {"trees": "gradient-boosted trees", "network": "networks of one hidden layer"}
# By whether a representation is looked at, and what was found.
_BADGES = {
    (False, True): "groups decided about differently",
    (False, False): "no difference shown",
    (True, True): "difference not lowered",
    (True, False): "difference lowered",
}
_IN_WORDS = {"dp": "demographic parity", "eo": "equalized odds", "eopp": "equal opportunity"}
# Of the network: its hidden layer, and how often it sees everything.
_HIDDEN, _EPOCHS = (32,), 30


def fairness(
    subject: Subject,
    *others: Subject,
    positive: str = "",
    protected: str = "",
    classifier: Literal["trees", "network"] = "trees",
    cells: Annotated[int, Range(0, 1000)] = 12,
) -> Answer:
    """Are groups decided about differently, and does a representation hide the groups?

    Of data: how often each group has the positive label, how differently a plain classifier decides about them, and
    what becomes of that when the training rows of one group and label count half. Of a run whose game makes a
    representation (`--game laftr`): a naive classifier is fitted to the frozen representation, which is what somebody
    does who is given it, and a fresh auditor tries to tell the groups from it. The auditor of the training is never
    asked. What is found is about the run's own criterion, of data about demographic parity. Further runs, such as those
    with another gamma, are set beside the first.

    Args:
        subject: a run, or data, with labels and protected columns.
        others: further runs on the same data.
        positive: name of the positive label; by default that of the run, or the last in alphabetical order
        protected: names of protected columns with commas between; by default all columns of two groups or more
        classifier: what is fitted to the data and to a representation, and tries to tell the groups: gradient-boosted
            trees, or a small network, as in the paper, which sees less
        cells: groups with a label, the largest ones, whose rows are counted half to see what that changes

    Raises:
        UsageError: without labels or protected columns, if a name is unknown, or for a run without a representation.
    """
    people = People.of(subject, positive, protected)
    scarce = _scarce(people)
    if scarce:
        return Answer(
            "fairness",
            f"Whether groups are decided about alike cannot be told: {scarce}, and at least {_FEWEST} are needed.",
            None,
            {},
            tables={"Base rates": _base_rates(people)},
        )
    fit = _trees if classifier == "trees" else _network
    runs = [one for one in (subject, *others) if one.players]
    names = _distinct([one.name for one in runs])
    features = {_PLAIN: [_flat]} | {name: _representations(one, people) for name, one in zip(names, runs, strict=True)}
    decided = {name: _decisions(people, of_name, fit) for name, of_name in features.items()}
    told = {name: _auditors(people, of_name, fit) for name, of_name in features.items()}
    plain, own = decided[_PLAIN], decided[names[0]] if runs else None
    criterion = getattr(runs[0].players[0].game, "criterion", "dp") if runs else "dp"
    finding = _finding(plain, own, criterion)
    return Answer(
        audit="fairness",
        verdict=_verdict(people, decided, told, names[0] if runs else None, criterion),
        finding=finding,
        numbers=_numbers("plain classifier", plain, told[_PLAIN])
        | (_numbers("representation", own, told[names[0]]) if own else {}),
        tables={
            "Base rates": _base_rates(people),
            "Decisions": _table(people, decided, told),
            **({"Training rows that count half": _cells(people, plain, fit, cells)} if cells else {}),
        },
        curves=_frontier(decided, criterion),
        shown=(
            f"Classifiers and auditors are {_CALLED[classifier]}, fitted to "
            f"{plural(len(people.splits.train), 'training example')} and judged on "
            f"{plural(len(people.splits.test), 'test example')}; intervals cover which test examples these are.",
        ),
        not_shown=(
            "Which criterion is the right one is no question of statistics: where base rates differ, they exclude each "
            "other.",
            "That these auditors do not tell the groups is no proof that none can.",
        ),
        badge=_BADGES[own is not None, finding],
    )


# What is fitted ------------------------------------------------------------------------------------------------------


def _flat(part: Examples) -> np.ndarray:
    """The examples themselves, one row of numbers each."""
    return part.x.flatten(1).numpy()


def _representations(subject: Subject, people: People) -> list[Any]:
    """For each training seed, a function from examples to their representations (n, d)."""
    if [part.train.ids for part in subject.data.values()] != [people.splits.train.ids]:
        raise UsageError(f"{subject.name} is a run on other data: only runs on the same split can be compared")
    if not subject.players[0].game.offers("represent"):
        raise UsageError(
            f"the audit fairness looks at representations, and the game of {subject.name} makes none; audit the data "
            "instead"
        )
    return [partial(_represented, trained) for trained in subject.players]


def _represented(trained: Trained, part: Examples) -> np.ndarray:
    return trained.made_of(trained.game.represent, part.x).double().numpy()


class _Fit(Protocol):
    """What fits a classifier to features (n, d), targets (n,) and weights (n,)."""

    def __call__(
        self, features: np.ndarray, target: np.ndarray, seed: int, weight: np.ndarray | None = None
    ) -> Any: ...


def _trees(features: np.ndarray, target: np.ndarray, seed: int, weight: np.ndarray | None = None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed).fit(features, target, sample_weight=weight)


def _network(features: np.ndarray, target: np.ndarray, seed: int, weight: np.ndarray | None = None) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = make_pipeline(StandardScaler(), MLPClassifier(_HIDDEN, max_iter=_EPOCHS, random_state=seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that it may not be at its end is meant
        return network.fit(features, target, mlpclassifier__sample_weight=weight)


def _decisions(people: People, features: Sequence[Any], fit: _Fit, weight: np.ndarray | None = None) -> Decisions:
    """What naive classifiers decide that are fitted to features, one for each training seed."""
    train, test = people.splits.train, people.splits.test
    positive = [
        fit(of(train), people.labels(train), people.seed, weight).predict(of(test)).astype(bool) for of in features
    ]
    return Decisions(np.stack(positive), people.held)


def _auditors(people: People, features: Sequence[Any], fit: _Fit) -> dict[str, Number]:
    """How well fresh auditors tell the groups of each protected column from features."""
    train, test = people.splits.train, people.splits.test
    found = {}
    for name in people.protected:
        areas = []
        for of in features:
            fitted = fit(of(train), people.groups(train, name), people.seed)
            shares, truth = fitted.predict_proba(of(test)), people.groups(test, name)
            own = [truth == group for group in fitted.classes_]
            # Two groups are told apart once, several each from all others.
            pairs = [(one, place) for place, one in enumerate(own) if 0 < one.sum() < len(one)]
            for one, place in pairs[-1:] if len(own) == 2 else pairs:
                areas.append(Roc(shares[one, place][None], shares[~one, place][None], people.seed).area)
        low, high = (float(np.mean([one.ci95[end] for one in areas if one.ci95])) for end in range(2))
        found[name] = Number(
            float(np.mean([one.value for one in areas])),
            (low, high),
            f"how well a fresh auditor tells {name}: area under its ROC curve",
            0.5,
        )
    return found


# What is said --------------------------------------------------------------------------------------------------------


def _scarce(people: People) -> str:
    """The first group with too few test examples, positive or not, in words; "" if there is none."""
    held = people.held
    for name, groups in held.groups.items():
        for group in np.union1d(people.groups(people.splits.train, name), groups):
            for which, kind in ((held.positive, "positive"), (~held.positive, "other")):
                count = int(((groups == group) & which).sum())
                if count < _FEWEST:
                    return f"{people.called(name, group)} has {plural(count, f'{kind} test example')}"
    return ""


def _base_rates(people: People) -> Table:
    parts = (people.splits.train, people.splits.valid, people.splits.test)
    labels = np.concatenate([people.labels(part) for part in parts])
    rows = []
    for name in people.protected:
        groups = np.concatenate([people.groups(part, name) for part in parts])
        for group in np.unique(groups):
            own = labels[groups == group]
            share = Number(float(own.mean()), share_interval(float(own.sum()), len(own)))
            rows.append((people.called(name, group), len(own), share.told()))
    return Table(
        ("group", "examples", f"share {people.label}"), tuple(rows), "All splits together, with 95 % intervals."
    )


def _table(people: People, decided: Mapping[str, Decisions], told: Mapping[str, Mapping[str, Number]]) -> Table:
    rows = [
        (
            name,
            *(decisions.number(what).told() for what in MEANINGS),
            *(told[name][column].told() for column in people.protected),
        )
        for name, decisions in decided.items()
    ]
    return Table(
        ("fitted to", "accuracy", *(f"{what} difference" for what in MEANINGS if what != "accuracy"),
         *(f"auditor of {column}" for column in people.protected)),
        tuple(rows),
        f"Test examples, with 95 % intervals; positive is {people.label}. Auditors: area under the ROC curve, 0.5 "
        "where nothing is told. Of runs, the mean over training seeds.",
    )  # fmt: skip


def _cells(people: People, plain: Decisions, fit: _Fit, most: int) -> Table:
    """What becomes of the plain classifier when the training rows of a group with a label count half."""
    train = people.splits.train
    labels = people.labels(train)
    found = []
    for name in people.protected:
        groups = people.groups(train, name)
        for group in np.unique(groups):
            for which, kind in ((labels, people.label), (~labels, f"not {people.label}")):
                member = (groups == group) & which
                if member.any():
                    found.append((f"{people.called(name, group)}, {kind}", member))
    found = sorted(found, key=lambda cell: -int(cell[1].sum()))[:most]
    rows = []
    for name, member in found:
        without = _decisions(people, [_flat], fit, np.where(member, 0.5, 1.0))
        changes = [without.change(plain, what) for what in MEANINGS]
        rows.append((changes[1].value, (name, int(member.sum()), *(change.told("+.3f") for change in changes))))
    return Table(
        ("rows that count half", "rows", *(f"change of {what}" for what in MEANINGS)),
        tuple(row for _, row in sorted(rows, key=lambda row: row[0])),
        "The plain classifier is fitted anew for each line. What lowers the dp difference most comes first.",
    )


def _frontier(decided: Mapping[str, Decisions], criterion: str) -> dict[str, Curves]:
    """Accuracy and difference of all that was judged, where there is more than the data."""
    if len(decided) == 1:
        return {}
    points = {name: (one.number(criterion).value, one.number("accuracy").value) for name, one in decided.items()}
    lines: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
        name: ((x,), (y,)) for name, (x, y) in points.items()
    }
    if len(points) > 2:
        runs = sorted(point for name, point in points.items() if name != _PLAIN)
        lines["all runs"] = (tuple(x for x, _ in runs), tuple(y for _, y in runs))
    note = "Up and to the left is better."
    return {"Accuracy against difference": Curves(f"{criterion} difference", "accuracy", lines, note)}


def _finding(plain: Decisions, own: Decisions | None, criterion: str) -> bool:
    """Whether groups are decided about differently; of a representation, whether it does not lower that for sure."""
    if own is None:
        ends = plain.number(criterion).ci95
        assert ends is not None
        return ends[0] > 0
    ends = own.change(plain, criterion).ci95
    assert ends is not None
    return ends[1] >= 0


def _verdict(
    people: People,
    decided: Mapping[str, Decisions],
    told: Mapping[str, Mapping[str, Number]],
    name: str | None,
    criterion: str,
) -> str:
    plain = decided[_PLAIN]
    words = (
        f"A plain classifier decides {people.label} with a difference between groups ({_IN_WORDS[criterion]}) of "
        f"{plain.number(criterion).told()} at an accuracy of {plain.number('accuracy').value:.3f}"
    )
    if name is None:
        return f"{words}."
    own = decided[name]
    auditors = "; ".join(
        f"a fresh auditor tells {column} with an area of {told[name][column].value:.2f} under its ROC curve "
        f"({told[_PLAIN][column].value:.2f} from the data)"
        for column in people.protected
    )
    return (
        f"{words}; one that is fitted to the representation, with {own.number(criterion).told()} at "
        f"{own.number('accuracy').value:.3f}, a change of {own.change(plain, criterion).told('+.3f')}. From the "
        f"representation {auditors}."
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of runs, of which several may be those of folders that are called alike."""
    return [name if names.count(name) == 1 else f"{name} ({row + 1})" for row, name in enumerate(names)]


def _numbers(of_what: str, decided: Decisions, told: Mapping[str, Number]) -> dict[str, Number]:
    return {f"{of_what}: {what}": decided.number(what) for what in MEANINGS} | {
        f"{of_what}: auditor of {column}": number for column, number in told.items()
    }
