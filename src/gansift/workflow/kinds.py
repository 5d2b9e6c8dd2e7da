"""The kinds of training examples of a run: groups a person has a name for, and clusters of what looks alike."""

from __future__ import annotations

from pathlib import Path

import torch

from gansift.data.groups import groups_of
from gansift.influence.groups import Group
from gansift.metrics.metric import SampleMetric, in_chunks
from gansift.report.answer import read_answers
from gansift.workflow.place import Place

#: What clusters are called, before their number.
LOOK_ALIKES = "look-alikes"

# Clusters of features, and examples behind each at the least.
_CLUSTERS, _PER_CLUSTER = 12, 10
# A group of one is an example, and one of more than half of the data is no kind but the rule.
_FEWEST, _LARGEST = 2, 0.5


def kinds_of(place: Place) -> list[Group]:
    """Every group of training examples, by its name: classes, attributes, folders, exact copies, and look-alikes.

    Look-alikes are clusters (k-means) of what the metric of samples sees; there are none for other metrics, or with
    several data sets.
    """
    alone, ids = len(place.train) == 1, place.ids
    groups, first = [], 0
    for data_set, train in place.train.items():
        prefix = "" if alone else f"{data_set}: "
        groups += [
            Group(prefix + name, tuple(ids[first + row] for row in rows))
            for name, rows in (groups_of(train) | (_look_alikes(place) if alone else {})).items()
        ]
        first += len(train)
    return [group for group in groups if _FEWEST <= len(group.ids) <= _LARGEST * place.examples]


def audited_groups(folder: Path) -> list[Group]:
    """The groups that answers of audits name, such as the clusters of `gansift audit kinds`.

    Nobody tries these unasked, so that an audit changes nothing of what a run found.

    Args:
        folder: of the answers.

    Raises:
        GansiftError: if an answer is damaged.
    """
    return [Group(name, ids) for answer in read_answers(folder) for name, ids in answer.groups.items()]


def _look_alikes(place: Place) -> dict[str, list[int]]:
    metric, train = place.validation, place.data.only.train
    count = min(_CLUSTERS, len(train) // _PER_CLUSTER)
    if not isinstance(metric, SampleMetric) or count < 2:
        return {}
    from sklearn.cluster import KMeans  # only here: importing scikit-learn takes a second

    features = in_chunks(metric.features, train.x, metric.chunk).double()
    spread = features.std(dim=0)
    scaled = (features - features.mean(dim=0)) / torch.where(spread > 0, spread, 1)
    labels = KMeans(count, random_state=0, n_init=3).fit(scaled.numpy()).labels_
    return {
        f"{LOOK_ALIKES} {row + 1}": torch.nonzero(torch.from_numpy(labels == row)).flatten().tolist()
        for row in range(count)
    }
