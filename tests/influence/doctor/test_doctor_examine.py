"""The whole examination: a clean bill where it is due, robust where nothing works, and the user's things left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from doctor_games import ADAM, Own, step, troubles
from torch import nn

from gansift import data, games, models, systems, training
from gansift.data.examples import Examples, Splits
from gansift.errors import TrainingError
from gansift.games.batch import weighted_mean
from gansift.games.draw import Draw
from gansift.influence.doctor import Finding, examine, examine_run, examine_step
from gansift.influence.doctor.forward import forward_mode
from gansift.influence.doctor.modules import modules
from gansift.training.step import Step
from toys import examples, gan

QUICK = {
    "training",
    "replay",
    "weights",
    "mixing",
    "stacking",
    "precision",
    "determinism",
    "double-backward",
    "derivatives",
}


def _preset(shape, **changes):
    like = _noise(1, shape)
    system = systems.build("gan", {"data": Splits("noise", like, like, like)}, changes)
    return system.new_game(0), {"optimizers": system.optimizers, "ema": system.defaults["ema"]}


def _noise(count, shape):
    ids = tuple(f"{row}" for row in range(count))
    x = Draw(0, "doctor", "data").uniform(count, *shape) * 2 - 1
    return Examples(ids=ids, x=x, columns={}, paths=ids, hashes=ids)


@pytest.mark.parametrize(
    ("source", "networks"),
    [
        ("normal-2d", None),
        ("digits", None),
        ("normal-1d", (models.LQGenerator, models.LQDiscriminator)),
    ],
)
def test_the_presets_get_a_clean_bill(source, networks):
    examples = data.load(source, seed=0).train.subset(range(200))
    game, settings = _preset(examples.shape)
    if networks is not None:
        game = games.GAN(networks[0](), networks[1](), r1=0.1)
    findings = examine(game, examples, batch_size=20, **settings)
    assert troubles(findings) == set(), findings
    assert {found.check for found in findings} == QUICK | {"modules", "forward-mode", "smoothness"}


@pytest.mark.parametrize("loss", [{}, {"loss": "wasserstein", "r1": 0.0, "gradient_penalty": 10.0}])
def test_the_dcgan_gets_a_clean_bill(loss):
    """But for smoothness, which takes seconds."""
    game, settings = _preset((1, 28, 28), width=4, **loss)
    found = examine(game, _noise(12, (1, 28, 28)), batch_size=6, quick=True, **settings)
    assert troubles(found) == set(), found
    assert {finding.check for finding in found} == QUICK
    rest = step(game, {"data": _noise(12, (1, 28, 28))})
    assert troubles(modules(rest) + forward_mode(rest)) == set()


def test_a_loss_that_raises_gives_a_fault_of_every_check_and_no_crash():
    def broken(net, batch, draw):
        raise ZeroDivisionError("one over nothing")

    findings = examine_step(step(Own(term=broken)))
    assert {found.verdict for found in findings} == {"fault"}
    assert {"training", "replay", "weights", "mixing", "operators", "derivatives", "modules", "smoothness"} <= {
        found.check for found in findings
    }
    assert all("one over nothing" in found.message for found in findings)


def test_columns_of_the_examples_reach_the_losses_of_every_check():
    def by_group(net, batch, draw):
        return weighted_mean(net.critic(batch.x).square() * batch.columns["age"], batch.weight)

    game = Own(term=by_group)
    game.stackable = True
    people = Examples.of(examples(24).x.numpy(), age=[row / 24 for row in range(24)])
    findings = examine_step(step(game, {"data": people}), quick=True)
    assert troubles(findings) == set(), findings


def test_what_training_refuses_never_gets_a_clean_bill():
    frozen = nn.Linear(2, 2).requires_grad_(False)
    findings = examine_step(step(Own(generator=frozen)), quick=True)
    assert ("training", "fault", "") in troubles(findings)
    with pytest.raises(TrainingError, match="no parameter"):
        training.train(Own(generator=frozen), examples(24), steps=1, batch_size=6, optimizers=ADAM)


def test_training_that_explodes_is_a_fault():
    game = Own(term=lambda net, batch, draw: net.critic(batch.x[:1] * 0).sum() * float("inf"))
    assert ("derivatives", "fault", "") in troubles(examine_step(step(game), quick=True))


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(TrainingError, match="batch of 30"):
        examine(Own(), examples(24), batch_size=30, optimizers=ADAM)


def test_game_step_and_random_numbers_are_left_alone():
    game = Own(nn.BatchNorm1d(4))
    examined = step(game)
    buffers = {name: value.clone() for name, value in examined.game.players["critic"].named_buffers()}
    before = torch.get_rng_state(), torch.get_default_dtype()
    first = examine_step(examined, quick=True)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_default_dtype() == before[1]
    for name, value in examined.game.players["critic"].named_buffers():
        assert torch.equal(value, buffers[name])
    assert not any(module._forward_hooks for module in examined.game.players["critic"].modules())
    assert examine_step(examined, quick=True) == first


def test_a_recorded_run_is_examined_where_it_ended(monkeypatch):
    run = training.train(gan(), examples(24), steps=15, batch_size=6, optimizers=ADAM, ema=0.9)
    assert troubles(examine_run(run, quick=True)) == set()
    monkeypatch.setattr("gansift.influence.doctor.examination.STRETCH", 10)
    trained = []
    real = Step.__call__
    monkeypatch.setattr(
        Step,
        "__call__",
        lambda self, state, number, weights: trained.append(number) or real(self, state, number, weights),
    )
    findings = examine_run(run)
    assert trained[-5 * 10 :] == 5 * list(range(5, 15))
    assert "10 steps from step 5 on" in next(found.message for found in findings if found.check == "smoothness")


def test_both_removal_conventions_and_precisions_are_clean():
    for settings in ({"renormalise": True}, {"dtype": "float64"}):
        assert troubles(examine_step(step(Own(), **settings), quick=True)) == set()


def test_findings_compare_by_what_they_say():
    assert Finding("mixing", "ok", "", "nothing") == Finding("mixing", "ok", "", "nothing", "")


def test_a_learning_rate_that_is_far_off_is_not_blamed_on_the_derivatives():
    some = data.load("digits", seed=0).train.subset(range(60))
    game, settings = _preset(some.shape, width=16)
    far_off = {name: replace(optimizer, lr=1e30) for name, optimizer in settings.pop("optimizers").items()}
    findings = examine(game, some, batch_size=6, optimizers=far_off, quick=True, **settings)
    assert troubles(findings) == set(), findings
