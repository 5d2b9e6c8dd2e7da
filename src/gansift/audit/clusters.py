"""What do the clusters of a run hold, do they agree with labels, and is the clustering worth more than K-means?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor

from gansift.audit.audit import Subject
from gansift.bounds import Range
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.clustering import Clustering
from gansift.games.trained import Trained
from gansift.metrics.clustering import matched_accuracy
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.words import plural

# Members of a cluster that are shown, each beside the prototype as it is aligned to it.
_MEMBERS = 4
_RESAMPLES = 200
# A cluster with a smaller share of the mean size has nothing to say.
_EMPTY = 0.2
_CHUNK = 200


def clusters(subject: Subject, *others: Subject, starts: Annotated[int, Range(1, 1000)] = 10) -> Answer:
    """What do the clusters of a run hold, and is the clustering worth more than K-means?

    Of several training seeds the one that fits the training examples best is looked at, as it is chosen where nobody
    has labels. Where there are some, clusters are matched with them one to one. K-means by scikit-learn on the same
    training examples stands beside it. Further runs, such as those with other numbers of clusters, are set side by
    side.

    Args:
        subject: a run of `--game clustering`.
        others: further such runs.
        starts: of scikit-learn's K-means, of which the best is kept

    Raises:
        UsageError: for a run that has no clusters.
    """
    cases = [_case(one) for one in (subject, *others)]
    first = cases[0]
    plain = _kmeans(first, starts)
    numbers = {"loss": first.loss} | _agreement(first.test, first.clusters, "")
    numbers |= _agreement(first.test, plain, "kmeans_")
    if "accuracy" in numbers:
        numbers["gain"] = _gain(first.test, first.clusters, plain)
    sizes = first.sizes
    empty = int((sizes < _EMPTY * sizes.mean()).sum())
    return Answer(
        audit="clusters",
        verdict=_verdict(first, numbers, empty),
        finding=empty > 0,
        numbers=numbers,
        tables={"Clusters": _members_table(first)} | ({"Runs": _runs_table(cases)} if others else {}),
        pictures={title: gallery for case in cases for title, gallery in _pictures(case, len(cases) > 1).items()},
        shown=(
            f"{plural(len(first.test), 'test example')} that no prototype was learnt from; of "
            f"{plural(len(subject.players), 'training seed')} the one of the lowest loss on training examples.",
        ),
        not_shown=(
            "How many kinds of examples there really are. More clusters always fit better.",
            "Labels name one way to sort examples; clusters that sort them in another way are no mistake.",
        ),
        badge=f"{empty} nearly empty" if empty else plural(first.game.clusters, "cluster"),
    )


@dataclass(frozen=True, eq=False)
class _Case:
    """A run that clusters.

    Attributes:
        name: of the run.
        trained: the training seed of the lowest loss.
        losses: of every seed, on training examples.
        train: training examples.
        test: test examples, whose labels are numbered as they are there.
        of_training: the cluster of each training example.
        clusters: of each test example.
        loss: what test examples cost.
    """

    name: str
    trained: Trained
    losses: Sequence[float]
    train: Examples
    test: Examples
    of_training: np.ndarray
    clusters: np.ndarray
    loss: Number

    @property
    def game(self) -> Clustering:
        assert isinstance(self.trained.game, Clustering)
        return self.trained.game

    @property
    def sizes(self) -> np.ndarray:
        """Training examples of each cluster, shape (K,)."""
        return np.bincount(self.of_training, minlength=self.game.clusters)


def costs(trained: Trained, x: Tensor) -> Tensor:
    """What examples cost each cluster of a trained clustering, shape (n, K)."""
    game = trained.game
    assert isinstance(game, Clustering)
    return torch.cat([trained.made_of(game.costs, part) for part in x.split(_CHUNK)])


def _case(subject: Subject) -> _Case:
    if not subject.players or not isinstance(subject.players[0].game, Clustering):
        raise UsageError(f"the audit clusters looks at a run of --game clustering, which {subject.name} is not")
    (splits,) = subject.data.values()
    game = subject.players[0].game
    by_seed = [costs(one, splits.train.x) for one in subject.players]
    losses = [float(game.loss_of(one).mean()) for one in by_seed]
    best = int(np.argmin(losses))
    of_test = costs(subject.players[best], splits.test.x)
    each = game.loss_of(of_test).numpy()
    half = 1.96 * float(each.std(ddof=1)) / len(each) ** 0.5
    mean = float(each.mean())
    return _Case(
        subject.name, subject.players[best], losses, splits.train, splits.test, by_seed[best].argmin(1).numpy(),
        of_test.argmin(1).numpy(), Number(mean, (mean - half, mean + half), "what a test example costs its cluster"),
    )  # fmt: skip


def _kmeans(case: _Case, starts: int) -> np.ndarray:
    """The clusters of test examples by scikit-learn's K-means."""
    fitted = KMeans(case.game.clusters, n_init=starts, random_state=0).fit(case.train.x.flatten(1).numpy())
    return np.asarray(fitted.predict(case.test.x.flatten(1).numpy()))


def _labels(examples: Examples) -> np.ndarray | None:
    """Labels that are classes; None where there are none."""
    return None if examples.labels is None or examples.class_names is None else examples.labels.numpy()


def _agreement(test: Examples, found: np.ndarray, prefix: str) -> dict[str, Number]:
    labels = _labels(test)
    if labels is None:
        return {}
    what = "K-means: " if prefix else ""
    rows = _resamples(len(labels))
    return {
        f"{prefix}accuracy": _number(
            matched_accuracy(found, labels), [matched_accuracy(found[row], labels[row]) for row in rows],
            f"{what}share of test examples whose cluster stands for their label, matched one to one",
        ),
        f"{prefix}nmi": _number(
            normalized_mutual_info_score(labels, found),
            [normalized_mutual_info_score(labels[row], found[row]) for row in rows],
            f"{what}normalized mutual information of clusters and labels",
        ),
    }  # fmt: skip


def _gain(test: Examples, found: np.ndarray, plain: np.ndarray) -> Number:
    labels = _labels(test)
    assert labels is not None

    def difference(rows: np.ndarray) -> float:
        return matched_accuracy(found[rows], labels[rows]) - matched_accuracy(plain[rows], labels[rows])

    rows = np.arange(len(labels))
    drawn = [difference(row) for row in _resamples(len(labels))]
    return _number(difference(rows), drawn, "accuracy beyond that of K-means", 0.0)


def _resamples(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))


def _number(value: float, drawn: Sequence[float], meaning: str, expected: float | None = None) -> Number:
    """With an interval by the bootstrap's standard error: its quantiles are shifted, as a match looks for the best."""
    half = 1.96 * float(np.std(drawn, ddof=1))
    return Number(value, (value - half, value + half), meaning, expected)


# What is said and shown ----------------------------------------------------------------------------------------------


def _verdict(case: _Case, numbers: dict[str, Number], empty: int) -> str:
    said = f"{plural(case.game.clusters, 'cluster')}, which a test example costs {case.loss.told('.4g')}"
    if "accuracy" in numbers:
        found, plain = (f"{100 * numbers[name].value:.1f} %" for name in ("accuracy", "kmeans_accuracy"))
        said += f"; {found} of the labels are those of their clusters, where K-means has {plain}"
    if empty:
        said += f". {plural(empty, 'cluster')} held hardly any training example"
    return f"{said}."


def _members_table(case: _Case) -> Table:
    sizes = case.sizes
    labels, names = _labels(case.train), case.train.class_names
    rows = []
    for cluster in np.argsort(-sizes):
        row: list[object] = [int(cluster) + 1, int(sizes[cluster]), f"{100 * sizes[cluster] / sizes.sum():.1f} %"]
        if labels is not None and names is not None:
            counts = np.bincount(labels[case.of_training == cluster], minlength=len(names))
            share = 100 * counts.max() / max(counts.sum(), 1)
            row += [names[int(counts.argmax())], f"{share:.0f} %"] if counts.sum() else ["", ""]
        rows.append(tuple(row))
    columns = ("cluster", "training examples", "share")
    return Table(columns + (("most frequent label", "of them") if labels is not None else ()), tuple(rows))


def _runs_table(cases: Sequence[_Case]) -> Table:
    rows = []
    for case in cases:
        numbers = _agreement(case.test, case.clusters, "")
        row = [case.name, case.game.kind, case.game.clusters, case.loss.told(".4g")]
        row += [min(case.losses), max(case.losses)]
        row += [numbers[name].told() if name in numbers else None for name in ("accuracy", "nmi")]
        rows.append(tuple(row))
    return Table(
        ("run", "kind", "clusters", "cost of a test example", "lowest loss", "highest loss", "accuracy", "NMI"),
        tuple(rows),
        "The lowest and the highest loss on training examples are those of the training seeds.",
    )


def _pictures(case: _Case, named: bool) -> dict[str, Gallery]:
    """Every cluster: its prototype, and some members, each beside the prototype as it is aligned to it."""
    sizes = case.sizes
    if len(case.train.shape) != 3:
        return {}
    net, dtype = case.trained.net(), case.trained.dtype
    groups, captions = [], []
    with torch.no_grad():
        prototypes = net.clusters.prototypes.float().cpu()
        for cluster in np.argsort(-sizes):
            rows = np.flatnonzero(case.of_training == cluster)[:_MEMBERS]
            if len(rows) < _MEMBERS:
                continue
            x = case.train.x[torch.from_numpy(rows)]
            aligned = case.game.align(net, x.to(case.trained.device, dtype))[:, int(cluster)].float().cpu()
            pairs = torch.stack([x.float(), aligned], 1).flatten(0, 1)
            groups.append(torch.cat([prototypes[int(cluster)][None], pairs]).clamp(-1, 1))
            captions.append(f"cluster {cluster + 1}, {plural(int(sizes[cluster]), 'training example')}")
    if not groups:
        return {}
    headings = ("prototype", *("member", "aligned") * _MEMBERS)
    title = "Prototypes and members" + (f" of {case.name}" if named else "")
    return {title: Gallery(headings, torch.stack(groups).numpy(), tuple(captions))}
