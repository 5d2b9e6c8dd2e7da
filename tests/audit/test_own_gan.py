"""An attacker's own GAN on samples: it knows the members again that a generator repeats, and nobody else."""

from types import SimpleNamespace

import pytest
import torch

from gansift.audit import Subject
from gansift.audit.attacks import Attacked
from gansift.audit.membership import membership
from gansift.audit.own_gan import score_by_own_gan
from gansift.audit.roc import area
from gansift.data import Examples, Splits
from gansift.errors import UsageError

COUNT, SIDE, STEPS = 20, 16, 200


def found(repeated):
    """The area between members and others where samples repeat members, or are new noise of the same kind."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2 * COUNT, 1, SIDE, SIDE, generator=generator).clamp(-2, 2) / 2
    new = torch.randn(256, 1, SIDE, SIDE, generator=generator).clamp(-2, 2) / 2
    samples = x[torch.randint(COUNT, (256,), generator=generator)] if repeated else new
    attacked = Attacked(None, Examples.of(x.numpy()), None, samples, seed=0)
    scores = score_by_own_gan(attacked, STEPS)
    assert scores.shape == (2 * COUNT,)
    return area(scores[:COUNT][None], scores[COUNT:][None])


def test_members_that_are_repeated_are_known_again():
    assert found(repeated=True) > 0.9


def test_nobody_is_known_by_samples_of_nobody():
    assert 0.25 < found(repeated=False) < 0.75


def test_players_without_samples_are_refused_by_name():
    game = SimpleNamespace(players={}, offers=lambda name: name == "predict")
    part = Examples.of([[0.0], [1.0]], label=["a", "b"])
    subject = Subject("labels", {"data": Splits("labels", part, part, part)}, players=[SimpleNamespace(game=game)])
    with pytest.raises(UsageError, match="leave out --own-gan"):
        membership(subject, own_gan=5)
