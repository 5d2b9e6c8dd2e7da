"""What a person should know before examples go: scores call some of them harmless, or most are of one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gansift.data.examples import Examples
from gansift.influence.scores import Scores
from gansift.training.step import ids_of

# A class is named if it has this share of what is removed, and this many times its share of all examples.
_SHARE, _TIMES = 0.5, 1.5
# Fewer examples come from one class by chance.
_FEWEST = 8


def doubts(data: Mapping[str, Examples], scores: Scores, removed: Sequence[str], ranking: bool) -> list[str]:
    """Sentences on what is removed; none where there is nothing to say.

    Args:
        data: the training examples, by data set.
        scores: by which they were chosen.
        removed: their ids.
        ranking: whether scores only rank, so that their sign says nothing.
    """
    sentences = []
    harm = dict(zip(scores.ids, scores.harm.tolist(), strict=True))
    harmless = sum(harm[identity] <= 0 for identity in removed)
    if harmless and not ranking:
        sentences.append(
            f"{harmless} of {len(removed)} removed examples have no harmful score: no batch had them within the "
            "horizon, or removing them is predicted to do no good."
        )
    first, ids, gone = 0, ids_of(data), set(removed)
    for part in data.values():
        sentences.append(_of_class(part, [row for row in range(len(part)) if ids[first + row] in gone]))
        first += len(part)
    return [sentence for sentence in sentences if sentence]


def _of_class(part: Examples, removed: Sequence[int]) -> str:
    """What is said if most removed rows of a data set are of one class; empty if not."""
    names, labels = part.class_names, part.labels
    if names is None or labels is None or labels.is_floating_point() or len(removed) < _FEWEST:
        return ""
    of_all = Counter(labels.tolist())
    label, count = Counter(labels[list(removed)].tolist()).most_common(1)[0]
    share, usual = count / len(removed), of_all[label] / len(part)
    if share < _SHARE or share < _TIMES * usual:
        return ""
    return (
        f"{count} of {len(removed)} removed examples are of class {names[label]!r}, which has {usual:.0%} of all: "
        f"{of_all[label] - count} of it are left. See whether the class itself is what the metric holds against them."
    )
