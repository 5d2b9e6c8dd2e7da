"""Trainings of shadow models of a run, whose scores `audit.shadows` makes attacks of."""

from __future__ import annotations

import numpy as np

from gansift.audit.attacks import own_scores_of
from gansift.audit.audit import Subject
from gansift.audit.shadows import Shadows
from gansift.cleansing.halves import halves
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.metrics.own_score import has_own_scores

# Of the first shadow model: far from those that anybody trains, since an attacker does not know the run's seeds.
_FIRST_SEED = 7_000_000


def shadows_of(subject: Subject, splits: Splits, sides: tuple[Examples, Examples], count: int) -> Shadows:
    """The own scores of members and others by shadow models of a run.

    Each model is trained on half of the members and others, and on all training examples beside these, so that it has
    as many as the run. The attacker thus knows the rest of the training data, which is the most that can be known.

    Args:
        subject: the run.
        splits: its data; validation examples are the reference.
        sides: the n members and the n others, of which members are training examples.
        count: number of models, even and at least 4.

    Raises:
        UsageError: for another number, for players that have no own scores, or if the run cannot be trained anew.
        GansiftError: if most trainings break down.
    """
    if count < 4 or count % 2:
        raise UsageError(
            f"shadow models come in pairs, a half of the examples and the other half, of which two are needed: {count} "
            "is no even number from 4 on (--shadows)"
        )
    if subject.train is None or not has_own_scores(subject.players[0].game, splits.train.labels):
        raise UsageError(
            "shadow models are trained of runs that label examples or have a discriminator, and this is none; leave "
            "out --shadows"
        )
    members = set(sides[0].ids)
    rest = [row for row, identity in enumerate(splits.train.ids) if identity not in members]
    both = Examples.joined(sides)
    pool = Examples.joined([both, splits.train.subset(rest)])
    inside = halves(len(both), count, subject.seed)
    weights = [np.concatenate([half, np.ones(len(rest))]).astype(float) for half in inside]
    trained = subject.train(pool, range(_FIRST_SEED, _FIRST_SEED + count), weights)
    rows = [row for row, players in enumerate(trained) if players is not None]
    scores = [
        [own_scores_of(players, part) for players in trained if players is not None] for part in (both, splits.valid)
    ]
    return Shadows(np.array(scores[0]), inside[rows], np.array(scores[1]))
