"""Every known fault, put into a user's own game, is found and its place named; and nothing else is."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from doctor_games import Function, Own, by_autograd, by_func, only, step, troubles
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from gansift.games.batch import weighted_mean
from gansift.influence.doctor import examine_step
from gansift.influence.doctor.forward import forward_mode
from gansift.influence.doctor.mixing import mixing
from gansift.influence.doctor.modules import modules
from gansift.influence.doctor.operators import operators
from gansift.influence.doctor.replay import replay
from gansift.influence.doctor.stacking import stacking
from gansift.influence.doctor.weights import weights
from toys import ThreePlayers, examples


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Instances(nn.Module):
    """Instance norm of the four features as two channels of two values."""

    def __init__(self):
        super().__init__()
        self.norm = nn.InstanceNorm1d(2)

    def forward(self, h):
        return self.norm(h.view(-1, 2, 2)).flatten(1)


@pytest.mark.parametrize("slope", [by_func, by_autograd])
@pytest.mark.parametrize(
    ("layer", "where", "remedy"),
    [
        (lambda: nn.LayerNorm(4), "critic.layer (LayerNorm)", "GroupNorm(1"),
        (Instances, "critic.layer.norm (InstanceNorm1d)", "num_groups=2"),
        (lambda: Function(lambda h: functional.layer_norm(h, (4,))), "critic.layer (Function)", "plain tensor"),
    ],
)
def test_a_fused_norm_under_a_penalty_is_named_with_its_replacement(layer, where, remedy, slope):
    findings = examine_step(step(Own(layer(), slope=slope)), quick=True)
    assert troubles(findings) == {("derivatives", "fault", "critic_loss"), ("modules", "fault", where)}
    found = only(findings, "modules")
    assert "third derivative" in found.message
    assert remedy in found.remedy


def test_batch_norm_on_real_examples_under_a_penalty_mixes_them_and_has_a_wrong_derivative():
    findings = examine_step(step(Own(nn.BatchNorm1d(4, track_running_stats=False))), quick=True)
    where = "critic.layer (BatchNorm1d)"
    assert troubles(findings) == {
        ("training", "fault", ""),
        ("mixing", "fault", where),
        ("derivatives", "fault", "critic_loss"),
        ("modules", "fault", where),
    }


def test_batch_norm_on_real_examples_without_a_penalty_mixes_and_its_running_statistics_are_named():
    findings = examine_step(step(Own(nn.BatchNorm1d(4), slope=None)), quick=True)
    where = "critic.layer (BatchNorm1d)"
    assert troubles(findings) == {("training", "fault", ""), ("mixing", "fault", where), ("replay", "fault", where)}
    assert "running_mean" in only(findings, "replay").message


@pytest.mark.parametrize(
    "layer", [lambda: nn.BatchNorm1d(4).eval(), lambda: nn.GroupNorm(1, 4), lambda: nn.GroupNorm(2, 4)]
)
def test_the_norms_that_are_recommended_are_clean(layer):
    assert troubles(examine_step(step(Own(layer())), quick=True)) == set()


def test_the_fused_layer_norm_is_clean_where_no_penalty_needs_its_third_derivative():
    game = step(Own(nn.LayerNorm(4), slope=None))
    assert troubles(examine_step(game, quick=True) + modules(game)) == set()


def test_batch_norm_of_generated_samples_alone_is_clean():
    generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2))
    game = step(Own(generator=generator))
    assert troubles(examine_step(game, quick=True) + modules(game)) == set()


def test_a_minibatch_statistic_written_by_hand_is_named():
    findings = examine_step(step(Own(Function(lambda h: h + h.std(0).mean()))), quick=True)
    assert troubles(findings) == {("training", "fault", ""), ("mixing", "fault", "critic.layer (Function)")}


def test_a_loss_that_mixes_examples_outside_of_all_modules_is_named():
    def spread(net, batch, draw):
        values = net.critic(batch.x)
        return weighted_mean((values - values.mean()).square(), batch.weight)

    assert troubles(mixing(step(Own(term=spread)))) == {("mixing", "fault", "critic_loss")}


class Noise(nn.Module):
    def forward(self, h):
        return h + 0.1 * torch.randn_like(h)


@pytest.mark.parametrize(
    ("game", "where", "name"),
    [
        (lambda: Own(nn.Dropout(0.5)), "critic.layer (Dropout)", "dropout"),
        (lambda: Own(Noise()), "critic.layer (Noise)", "randn_like"),
        (lambda: Own(term=lambda net, batch, draw: torch.rand(()) * net.critic(batch.x[:1] * 0).sum()),
         "critic_loss", "rand"),
    ],
)  # fmt: skip
def test_random_numbers_that_are_not_the_steps_own_are_named(game, where, name):
    found = only(examine_step(step(game()), quick=True), "replay")
    assert (found.verdict, found.where) == ("fault", where)
    assert name in found.message


def test_random_numbers_of_the_draw_and_dropout_in_eval_mode_are_clean():
    game = Own(
        nn.Dropout(0.5).eval(),
        term=lambda net, batch, draw: draw.uniform(1).sum() * net.critic(draw.normal(1, 2)).sum(),
    )
    assert troubles(replay(step(game))) == set()


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, h):
        self.calls += 1
        return h * (1 + 0.01 * self.calls)


@pytest.mark.parametrize(
    "layer",
    [
        Counting,
        lambda: Function(lambda h: h + float(np.random.rand())),
        lambda: Function(lambda h: h + random.random()),
    ],
)
def test_hidden_state_of_any_kind_is_found(layer):
    findings = examine_step(step(Own(layer())), quick=True)
    assert {("replay", "fault", ""), ("derivatives", "fault", "")} <= troubles(findings)


def test_spectral_norm_in_train_mode_is_named_and_in_eval_mode_clean():
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    assert only(replay(step(Own(layer))), "replay").where == "critic.layer.parametrizations.weight.0 (_SpectralNorm)"
    assert troubles(examine_step(step(Own(layer.eval())), quick=True)) == set()


def test_a_loss_that_forgets_the_weights_is_named():
    game = Own(weight=torch.ones_like)
    found = only(weights(step(game)), "weights")
    assert (found.verdict, found.where) == ("fault", "critic_loss")
    assert "whatever their weight is" in found.message


def test_a_penalty_that_forgets_the_weights_is_named():
    game = Own(slope=None, term=lambda net, batch, draw: by_func(net.critic, batch.x).square().sum(1).mean())
    assert troubles(weights(step(game))) == {("weights", "fault", "critic_loss")}


def test_weights_that_the_gradient_does_not_see_are_named():
    findings = examine_step(step(Own(weight=torch.Tensor.detach)), quick=True)
    assert "derivative says 0" in only(findings, "weights").message
    assert "in weights" in only(findings, "derivatives").message


def test_of_several_players_and_data_sets_the_one_is_named():
    class Forgetful(ThreePlayers):
        def refiner_loss(self, net, batch, draw):
            return super().refiner_loss(net, batch, draw) + net.critic(batch.real.x).mean()

    sets = {"simulated": examples(12, name="s"), "real": examples(10, name="r", seed=1)}
    assert troubles(examine_step(step(ThreePlayers(), sets, batch_size=4, ema=0.5), quick=True)) == set()
    found = only(weights(step(Forgetful(), sets, batch_size=4)), "weights")
    assert found.where == "refiner_loss"
    assert "'real'" in found.message


def test_a_data_set_that_no_loss_uses_is_named():
    class Half(Own):
        def loss(self, player, net, batch, draw):
            return super().loss(player, net, batch.used, draw)

    found = only(weights(step(Half(), {"used": examples(), "idle": examples(name="i")}, batch_size=4)), "weights")
    assert found.verdict == "warning"
    assert "'idle'" in found.message


def _warped(h):
    grid = torch.stack([h[:, :2], h[:, 2:]], -1).view(-1, 1, 2, 2).tanh() / 2
    return h + functional.grid_sample(h.view(-1, 1, 2, 2), grid, align_corners=False).view(-1, 2).repeat(1, 2)


def _attention(h):
    tokens = h.view(-1, 1, 2, 2)
    return functional.scaled_dot_product_attention(tokens, tokens, tokens).reshape(-1, 4)


def _math_attention(h):
    with sdpa_kernel(SDPBackend.MATH):
        return _attention(h)


def test_grid_sample_lacks_forward_mode_alone():
    game = step(Own(Function(_warped)))
    assert troubles(forward_mode(game)) == {("forward-mode", "warning", "critic.layer (Function)")}
    assert "grid_sample" in only(forward_mode(game), "forward-mode").message
    assert troubles(examine_step(game, quick=True)) == set()


def test_fused_attention_has_no_second_derivative_and_the_math_kernel_is_clean():
    found = only(operators(step(Own(Function(_attention)))), "double-backward")
    assert (found.verdict, found.where) == ("fault", "critic.layer (Function)")
    assert "scaled_dot_product_attention" in found.message
    assert "SDPBackend.MATH" in found.remedy
    game = step(Own(Function(_math_attention)))
    assert troubles(examine_step(game, quick=True) + forward_mode(game)) == set()


def test_cdist_has_no_second_derivative():
    layer = Function(lambda h: h + torch.cdist(h, torch.ones(1, 4, dtype=h.dtype)))
    found = only(operators(step(Own(layer))), "double-backward")
    assert (found.verdict, found.where) == ("fault", "critic.layer (Function)")


def test_a_kernel_that_is_not_deterministic_is_named_and_the_users_setting_kept():
    layer = Function(lambda h: h.put(torch.tensor([0]), h.flatten()[:1]))
    for before in (False, True):
        torch.use_deterministic_algorithms(before)
        try:
            found = only(operators(step(Own(layer))), "determinism")
            assert torch.are_deterministic_algorithms_enabled() == before
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        finally:
            torch.use_deterministic_algorithms(False)
        assert found.where == "critic.layer (Function)"
        assert found.message.startswith("put_ has no deterministic kernel")


class Autocast(nn.Linear):
    def forward(self, h):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(h).to(h.dtype)


@pytest.mark.parametrize(
    ("layer", "where", "kind"),
    [
        (lambda: Autocast(4, 4), "critic.layer (Autocast)", "bfloat16"),
        (lambda: Function(lambda h: h.bfloat16().to(h.dtype)), "critic.layer (Function)", "bfloat16"),
        (lambda: Function(lambda h: h.half().to(h.dtype)), "critic.layer (Function)", "float16"),
    ],
)
def test_numbers_below_float32_are_named(layer, where, kind):
    found = only(operators(step(Own(layer()))), "precision")
    assert (found.verdict, found.where) == ("fault", where)
    assert kind in found.message


class Halved(torch.autograd.Function):
    """x^2 whose derivative of the derivative is half of what it should be."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        return slope * (x + x.detach())


def test_an_autograd_function_with_a_wrong_second_derivative_is_named():
    layer = Function(lambda h: h + 0.1 * Halved.apply(h))
    findings = examine_step(step(Own(layer, slope=None)), quick=True)
    assert only(findings, "modules").where == "critic.layer (Function)"
    assert "second derivative" in only(findings, "modules").message
    assert ("derivatives", "fault", "critic_loss") in troubles(findings)


def test_kinks_and_ties_are_no_fault():
    layer = nn.Sequential(
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (1, 4)),
        nn.MaxPool1d(2),
        nn.Flatten(),
        nn.Linear(2, 4),
        nn.LeakyReLU(0.2),
    )
    game = step(Own(layer))
    assert troubles(examine_step(game, quick=True) + modules(game)) == set()


def test_a_game_that_wrongly_says_it_is_stackable_is_a_warning_with_the_reason():
    def writing(net, batch, draw):
        seen = torch.zeros(len(batch.x), dtype=batch.x.dtype)
        seen[:] = net.critic(batch.x)
        return weighted_mean(seen, batch.weight)

    game = Own(term=writing)
    assert not troubles(stacking(step(game)))
    game.stackable = True
    found = only(examine_step(step(game), quick=True), "stacking")
    assert found.verdict == "warning"
    assert (
        "Own says that it is stackable, and it is not: the critic's loss fails under torch.func.vmap" in found.message
    )
    healthy = Own()
    healthy.stackable = True
    assert not troubles(stacking(step(healthy)))
