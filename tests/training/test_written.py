"""What is written down of a function of tensors gives what the function gives, for any other tensors."""

from __future__ import annotations

import pytest
import torch

from gansift.errors import TrainingError
from gansift.training.written import written_down

X, OTHER = torch.linspace(-1, 2, 6).reshape(2, 3), torch.linspace(3, 1, 6).reshape(2, 3)
OUTSIDE = torch.tensor([1.0, 2.0, 3.0])


def _third_derivatives(x):
    leaf = x.detach().requires_grad_()
    value = torch.vmap(lambda row: torch.func.grad(lambda inner: torch.nn.functional.silu(inner).sum())(row))(leaf)
    (first,) = torch.autograd.grad((value**2).sum(), leaf, create_graph=True)
    return [torch.autograd.grad(first.sum(), leaf)[0]]


def _again(x):
    return [(x * 2 + OUTSIDE) @ (x * 2 + OUTSIDE).T, x.view(2, 3).expand(2, 3) * 1 + x.split(1)[1]]


def _in_place(x):
    filled = torch.empty_like(x).fill_(1).sub_(x)
    before = x * 3
    before.add_(filled)
    kept = x.exp()
    kept.detach().add_(1)
    return [before + x * 3, filled, kept]


def _changed_through_a_view(x):
    copy = x.clone()
    total = copy.sum()
    copy[0].mul_(2)
    return [total + copy.sum(), copy.sum(0)]


@pytest.mark.parametrize("function", [_third_derivatives, _again, _in_place, _changed_through_a_view])
def test_a_written_function_is_the_function_bit_for_bit(function):
    written = written_down(function, [X])
    for x in (X, OTHER, -OTHER):
        for found, expected in zip(written(x.clone()), function(x.clone()), strict=True):
            assert torch.equal(found, expected)


def test_what_is_known_is_not_computed_again_and_what_changes_nothing_is_left_out():
    operations = [str(node.target) for node in written_down(_again, [X]).graph.nodes if node.op == "call_function"]
    assert operations.count("aten.mul.Tensor") == 1
    assert not [name for name in operations if name.startswith(("aten.view", "aten.expand"))]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: [2 * x if x.sum() > 0 else x], "asks for the number"),
        (lambda x: [x * float(x[0, 0])], "asks for the number"),
        (lambda x: [x + torch.rand(2, 3)], "draws random numbers of torch's own"),
        (lambda x: [(x * 2).detach(), (x * 2).add_(1)], "changes numbers that are used elsewhere"),
        (lambda x: [x * 1, (x * 1).add_(1)], "changes numbers that are used elsewhere"),
    ],
)
def test_what_cannot_be_written_down_is_refused(function, message):
    with pytest.raises(TrainingError, match=message):
        written_down(function, [X])
