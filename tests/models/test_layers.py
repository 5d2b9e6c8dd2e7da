"""Safe normalisations: their values are those of the textbook, their third derivatives those of plain arithmetic."""

import pytest
import torch

from gansift.models.layers import GroupNorm, LayerNorm, group_norm


def _plain_layer_norm(x, weight, bias):
    dims = tuple(range(1, x.dim()))
    centred = x - x.mean(dims, keepdim=True)
    normal = centred / (centred.square().mean(dims, keepdim=True) + 1e-5).sqrt()
    per_channel = (-1,) + (1,) * (x.dim() - 2)
    return normal * weight.view(per_channel) + bias.view(per_channel)


def _third_order(norm, x):
    """Gradient of the squared length of the gradient of an R1-like penalty."""
    x = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(norm(x).tanh().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    return torch.autograd.grad(second.square().sum(), x)[0]


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5, 5)])
def test_layer_norm_equals_plain_arithmetic_up_to_third_derivatives(shape):
    torch.manual_seed(0)
    norm = LayerNorm(4).double()
    norm.weight.data.normal_()
    norm.bias.data.normal_()
    x = torch.randn(shape, dtype=torch.float64)
    plain = lambda x: _plain_layer_norm(x, norm.weight, norm.bias)  # noqa: E731
    torch.testing.assert_close(norm(x), plain(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(_third_order(norm, x), _third_order(plain, x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 8), (3, 8, 5, 5)])
def test_group_norm_equals_that_of_torch_up_to_third_derivatives(shape):
    torch.manual_seed(0)
    norm, fused = GroupNorm(4, 8).double(), torch.nn.GroupNorm(4, 8).double()
    for parameter, other in zip(norm.parameters(), fused.parameters(), strict=True):
        other.data = parameter.data.normal_()
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(norm(x), fused(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(_third_order(norm, x), _third_order(fused, x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("channels", "groups"), [(64, 8), (12, 4), (5, 1)])
def test_group_norm_takes_any_number_of_channels(channels, groups):
    assert group_norm(channels).num_groups == groups
