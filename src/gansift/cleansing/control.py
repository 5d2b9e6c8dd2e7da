"""Random examples to compare a removal with: of every data set as many as the removal has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from gansift.training.trajectory import Run


def data_sets(run: Run) -> dict[str, str]:
    """The data set of every training example of a run, by the example's id."""
    names = [name for name, x in run.step.x.items() for _ in range(len(x))]
    return dict(zip(run.ids, names, strict=True))


def classes(run: Run) -> dict[str, str]:
    """The data set and the class in it of every training example of a run, by the example's id."""
    words = []
    for name, labels in run.step.labels.items():
        count = len(run.step.x[name])
        categories = labels is not None and not labels.is_floating_point() and labels.ndim == 1
        words += (
            [f"{name}:{label}" for label in labels.tolist()] if labels is not None and categories else [name] * count
        )
    return dict(zip(run.ids, words, strict=True))


def first_of_each(ids: Iterable[str], sets: Mapping[str, str], counts: Mapping[str, int]) -> tuple[str, ...]:
    """The first ids, of every data set as many as asked for, in their order.

    Args:
        ids: in the order in which they are taken.
        sets: data set of every id.
        counts: how many to take of each data set; none of a set that is not named.

    >>> first_of_each(["a", "b", "c", "d"], {"a": "real", "b": "fake", "c": "real", "d": "real"}, {"real": 2})
    ('a', 'c')
    """
    taken: Counter[str] = Counter()
    chosen = []
    for identity in ids:
        name = sets[identity]
        if taken[name] < counts.get(name, 0):
            taken[name] += 1
            chosen.append(identity)
    return tuple(chosen)


def shares(total: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """``total`` shared out in proportion to ``sizes``, in whole numbers: what is left goes to the largest remainders.

    >>> shares(4, {"real": 10, "simulated": 14})
    {'real': 2, 'simulated': 2}
    """
    whole = sum(sizes.values())
    parts = {name: total * size // whole for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: -(total * sizes[name] % whole))
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
