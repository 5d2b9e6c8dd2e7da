"""What kinds of images hurt: clusters of training images, with the harm of each, as prototypes to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import torch
from scipy.stats import norm
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gansift.audit.audit import Subject
from gansift.audit.clusters import costs
from gansift.bounds import Range
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.clustering import Clustering
from gansift.games.trained import Trained
from gansift.influence.combine import combine
from gansift.influence.groups import Group, GroupEffect, group_effects
from gansift.influence.looks import Looks
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.words import plural
from gansift.training import Adam, train

# Members of a cluster that are shown beside its prototype, and clusters that are shown.
_MEMBERS, _SHOWN = 5, 12
# Images to a cluster on average, at the least.
_PER_CLUSTER = 5
_HIDDEN, _BATCH = 32, 64
_CHUNK = 500


def kinds(
    subject: Subject,
    *,
    clusters: Annotated[int, Range(2, 1000)] = 30,
    share: Annotated[float, Range(above=0, most=1)] = 0.25,
    kind: Literal["kmeans", "shifts", "dti-kmeans", "dti-gmm"] = "dti-gmm",
    splines: bool = False,
    side: Annotated[int, Range(4, 1024)] = 16,
    steps: Annotated[int, Range(10, 1_000_000)] = 800,
    starts: Annotated[int, Range(1, 100)] = 2,
) -> Answer:
    """Which kinds of images are harmful?

    All training images, and the most harmful of them by themselves, are clustered up to transformations (DTI; see
    `--game clustering`). Each cluster has a prototype to look at, and what removing it is predicted to do, with an
    interval over the scored trainings. Which images are the most harmful is told by every other one of these, and what
    their clusters do by the rest, so that none looks harmful because it was chosen for it. Beside them stand clusters
    of features (k-means). `gansift run ... --remove-groups` removes clusters whole, and fresh seeds tell what it does.

    Args:
        subject: a run that scored images for new models.
        clusters: at most, of all images, and of the most harmful ones
        share: of the images that are taken for the most harmful ones
        kind: of the clusters, as of --game clustering
        splines: bend prototypes by thin-plate splines, too
        side: larger images are reduced to so many pixels a side, since the time grows with their area
        steps: of training the clusters
        starts: trainings of the clusters, of which the one of the lowest loss is kept

    Raises:
        UsageError: for data alone, a run without scores for new models, several data sets, or no images.
    """
    whole, looks = _checked(subject)
    train_images = _reduced(whole, side)
    asked = _Asked(kind, splines, steps, starts, subject.seed)
    choosing, telling = (looks[::2], looks[1::2]) if len(looks) > 1 else (looks, looks)
    count = max(2 * _PER_CLUSTER, round(share * len(train_images)))
    worst = combine(choosing).harmful(count).ids
    rows = {identity: row for row, identity in enumerate(train_images.ids)}
    harmful = train_images.subset([rows[identity] for identity in worst])
    found = [
        _clustered(harmful, "harmful cluster", clusters, asked, telling),
        _clustered(train_images, "cluster", clusters, asked, looks),
    ]
    tables = {
        "Clusters of the most harmful images": found[0].table(),
        "Clusters of all images": found[1].table(),
    }
    numbers = {"harmful_clusters": found[1].number("clusters of all images, up to transformations, that hurt for sure")}
    by_features = None if subject.features is None else _by_features(whole, subject.features, clusters, looks)
    if by_features is not None:
        tables["Clusters of features"] = by_features.table()
        numbers["harmful_clusters_of_features"] = by_features.number("the same of clusters of features")
    numbers["harmful_clusters_among_the_most_harmful"] = found[0].number("clusters of the most harmful images alone")
    pictures = {
        title: gallery
        for title, of_these in zip(("The most harmful images", "All images"), found, strict=True)
        if (gallery := of_these.gallery()) is not None
    }
    sure = found[1].sure
    return Answer(
        audit="kinds",
        verdict=_verdict(sure, len(found[1].effects), looks[0].metric),
        finding=bool(sure),
        numbers=numbers,
        tables=tables,
        pictures=pictures,
        shown=(
            f"{plural(len(train_images), 'training image')} were clustered, and the {len(harmful):,} most harmful by "
            f"themselves. Predictions are sums of scores, with intervals over {plural(len(looks), 'scored training')}.",
            "A cluster hurts for sure if its interval, widened for the number of clusters, is on one side.",
        ),
        not_shown=(
            "Predicted effects of whole clusters may add up to less when they are removed: "
            "--remove-groups has fresh seeds tell.",
            "Clusters that are not found: kinds that have nothing in common to see, or are bent into others.",
            *(() if len(looks) > 1 else ("With one scored training the most harmful images were told by it, too.",)),
        ),
        badge=plural(len(sure), "harmful cluster") if sure else "none for sure",
        groups={
            effect.group.name: effect.group.ids
            for one in (*found, by_features)
            if one is not None
            for effect in one.effects
        },
    )


def _checked(subject: Subject) -> tuple[Examples, Sequence[Looks]]:
    if not subject.players:
        raise UsageError(f"the audit kinds looks at a run, and {subject.name} is data alone")
    if len(subject.data) != 1:
        raise UsageError(f"the audit kinds looks at one data set, and {subject.name} has {len(subject.data)}")
    (splits,) = subject.data.values()
    if len(splits.train.shape) != 3:
        raise UsageError(f"the audit kinds clusters images, and {subject.name} has none")
    if not subject.looks:
        raise UsageError(
            f"the audit kinds needs scores that say what helps new models, and {subject.name} has none: go on with "
            "`gansift run`, without --for-this-model"
        )
    return splits.train, subject.looks


def _reduced(examples: Examples, side: int) -> Examples:
    """The same images at no more than so many pixels a side, by the mean over areas."""
    height, width = examples.shape[1:]
    scale = side / max(height, width)
    if scale >= 1:
        return examples
    size = (max(2, round(height * scale)), max(2, round(width * scale)))
    return replace(examples, x=torch.cat([adaptive_avg_pool2d(part, size) for part in examples.x.split(_CHUNK)]))


# Clusters and their effects ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """How images are clustered; see `kinds`."""

    kind: Literal["kmeans", "shifts", "dti-kmeans", "dti-gmm"]
    splines: bool
    steps: int
    starts: int
    seed: int


@dataclass(frozen=True, eq=False)
class _Found:
    """Clusters of images, the most harmful first.

    Attributes:
        images: that were clustered.
        members: rows of each cluster, the best fitting first.
        effects: of each cluster.
        direction: of the metric.
        trained: what clustered them; None for clusters of features.
        numbers: of each cluster in that.
    """

    images: Examples
    members: Sequence[np.ndarray]
    effects: Sequence[GroupEffect]
    direction: str
    trained: Trained | None = None
    numbers: Sequence[int] = ()

    @property
    def sure(self) -> list[GroupEffect]:
        """The clusters that hurt for sure, whose intervals are widened for how many clusters there are (Bonferroni)."""
        wider = float(norm.isf(0.025 / max(len(self.effects), 1)) / norm.isf(0.025))
        return [effect for effect in self.effects if self._ends(effect, wider)[1] < 0]

    def _ends(self, effect: GroupEffect, wider: float) -> tuple[float, float]:
        """The widened interval of the harm, below 0 where removal helps."""
        if effect.ci95 is None:
            return -np.inf, np.inf
        sign = 1 if self.direction == "lower" else -1
        middle, half = sign * effect.predicted, (effect.ci95[1] - effect.ci95[0]) / 2
        return middle - wider * half, middle + wider * half

    def number(self, meaning: str) -> Number:
        return Number(float(len(self.sure)), None, meaning, 0.0)

    def table(self) -> Table:
        sure = {id(effect) for effect in self.sure}
        rows = tuple(
            (
                effect.group.name,
                len(rows),
                Number(effect.predicted, effect.ci95).told("+.3g"),
                effect.predicted / len(rows),
                "yes" if id(effect) in sure else "",
                _most(self.images, rows),
            )
            for effect, rows in zip(self.effects, self.members, strict=True)
        )
        columns = ("cluster", "images", "predicted change without it", "for each image", "hurts for sure", "mostly")
        return Table(columns, rows)

    def gallery(self) -> Gallery | None:
        """The prototypes of the most harmful clusters, each with the members that fit it best."""
        assert self.trained is not None
        shown = [place for place, rows in enumerate(self.members) if len(rows) >= _MEMBERS][:_SHOWN]
        if not shown:
            return None
        prototypes = self.trained.net().clusters.prototypes.detach().float().cpu()
        groups = [
            torch.cat([prototypes[self.numbers[place]][None], self.images.x[self.members[place][:_MEMBERS]].float()])
            for place in shown
        ]
        captions = tuple(
            f"{self.effects[place].group.name}, {plural(len(self.members[place]), 'image')}, "
            f"{Number(self.effects[place].predicted, self.effects[place].ci95).told('+.3g')}"
            for place in shown
        )
        headings = ("prototype", *["member"] * _MEMBERS)
        return Gallery(headings, torch.stack(groups).clamp(-1, 1).numpy(), captions)


def _clustered(part: Examples, name: str, clusters: int, asked: _Asked, looks: Sequence[Looks]) -> _Found:
    """Clusters of images up to transformations, by the training of the lowest loss."""
    count = max(2, min(clusters, len(part) // _PER_CLUSTER))
    fits = [_trained(part, count, asked, start) for start in range(asked.starts)]
    by_fit = [costs(one, part.x) for one in fits]
    best = int(np.argmin([float(one.game.loss_of(own).mean()) for one, own in zip(fits, by_fit, strict=True)]))  # type: ignore[attr-defined]
    told, own = by_fit[best].argmin(1).numpy(), by_fit[best].amin(1).numpy()
    members = {cluster: np.flatnonzero(told == cluster) for cluster in np.unique(told).tolist()}
    fitting = [rows[np.argsort(own[rows], kind="stable")] for rows in members.values()]
    return _ordered(part, fitting, name, looks, fits[best], list(members))


def _trained(part: Examples, count: int, asked: _Asked, start: int) -> Trained:
    game = Clustering(
        asked.kind, part.shape, count, hidden=_HIDDEN, splines_from=0.3 if asked.splines else 1.0, sigma_min=0.25,
    )  # fmt: skip
    rate = 0.02 if asked.kind in ("kmeans", "shifts") else 0.003
    optimizer = Adam(lr=rate, betas=(0.9, 0.99), eps=1e-3, eps_inside=True, decay="cosine", final=0.05)
    run = train(
        game, part, steps=asked.steps, batch_size=min(max(_BATCH, count), len(part)), optimizers=optimizer,
        seed=1000 * asked.seed + start, checkpoint_every=asked.steps,
    )  # fmt: skip
    return run.trained()


def _by_features(part: Examples, features: Callable[[Tensor], Tensor], clusters: int, looks: Sequence[Looks]) -> _Found:
    """Clusters of standardised features by k-means."""
    with torch.no_grad():
        made = torch.cat([features(one) for one in part.x.split(_CHUNK)]).double()
    spread = made.std(0)
    scaled = (made - made.mean(0)) / torch.where(spread > 0, spread, 1)
    count = max(2, min(clusters, len(part) // _PER_CLUSTER))
    told = KMeans(count, n_init=3, random_state=0).fit(scaled.numpy()).labels_
    return _ordered(part, [np.flatnonzero(told == cluster) for cluster in np.unique(told)], "feature cluster", looks)


def _ordered(
    part: Examples,
    members: Sequence[np.ndarray],
    name: str,
    looks: Sequence[Looks],
    trained: Trained | None = None,
    numbers: Sequence[int] = (),
) -> _Found:
    """The clusters with their effects, the most harmful first, and numbered in this order."""
    sign = 1 if looks[0].direction == "lower" else -1
    ids = [tuple(part.ids[row] for row in rows) for rows in members]
    effects = group_effects(looks, [Group(str(place), own) for place, own in enumerate(ids)])
    order = np.argsort([sign * effect.predicted for effect in effects])
    named = [
        GroupEffect(Group(f"{name} {place + 1}", ids[row]), effects[row].predicted, effects[row].ci95)
        for place, row in enumerate(order)
    ]
    return _Found(
        part, [members[row] for row in order], named, looks[0].direction, trained,
        [numbers[row] for row in order] if numbers else (),
    )  # fmt: skip


def _most(part: Examples, rows: np.ndarray) -> str:
    """The most frequent value of every column of categories among some rows, with its share."""
    said = []
    for name, column in part.columns.items():
        if column.names is not None and column.values.ndim == 1:
            counts = np.bincount(column.values[rows].numpy(), minlength=len(column.names))
            said.append(f"{name} {column.names[int(counts.argmax())]} {100 * counts.max() / len(rows):.0f} %")
    return ", ".join(said)


def _verdict(sure: Sequence[GroupEffect], count: int, metric: str) -> str:
    if not sure:
        return f"Of {count} clusters of images none hurts {metric} for sure."
    images = sum(len(effect.group.ids) for effect in sure)
    return (
        f"{len(sure)} of {count} clusters of images {'hurts' if len(sure) == 1 else 'hurt'} {metric} for sure: "
        f"{plural(images, 'image')}, with the most in {sure[0].group.name}, without which it is predicted to change by "
        f"{Number(sure[0].predicted, sure[0].ci95).told('+.3g')}."
    )
