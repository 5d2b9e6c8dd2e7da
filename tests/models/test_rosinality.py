"""Checkpoints in rosinality's layout: the converted networks compute what the layout means, and nothing is run.

What it means is written out here by itself: a grouped convolution with one weight for each example, filters by SciPy.
"""

import argparse
import pickle

import numpy as np
import pytest
import torch
from scipy.signal import upfirdn
from torch.nn import functional

from gansift.errors import DataError
from gansift.models import read_rosinality

LATENT, WIDTH, MOST, DEPTH = 6, 2, 4, 3
CHANNELS = {4: 4, 8: 4, 16: 4, 32: 2}
TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8


def _generator_layout():
    """Name -> shape of every tensor of a generator of 32 pixels."""
    shapes = {"input.input": (1, 4, 4, 4)}
    for layer in range(1, DEPTH + 1):
        shapes |= {f"style.{layer}.weight": (LATENT, LATENT), f"style.{layer}.bias": (LATENT,)}

    def modulated(name, inputs, outputs, kernel):
        return {
            f"{name}.conv.weight": (1, outputs, inputs, kernel, kernel),
            f"{name}.conv.modulation.weight": (inputs, LATENT),
            f"{name}.conv.modulation.bias": (inputs,),
        }

    def styled(name, inputs, outputs):
        return modulated(name, inputs, outputs, 3) | {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (outputs,)}

    def rgb(name, inputs):
        return modulated(name, inputs, 3, 1) | {f"{name}.bias": (1, 3, 1, 1)}

    shapes |= styled("conv1", 4, 4) | rgb("to_rgb1", 4)
    for level, side in enumerate((8, 16, 32)):
        shapes |= styled(f"convs.{2 * level}", CHANNELS[side // 2], CHANNELS[side])
        shapes |= styled(f"convs.{2 * level + 1}", CHANNELS[side], CHANNELS[side])
        shapes |= rgb(f"to_rgbs.{level}", CHANNELS[side])
        shapes |= {f"convs.{2 * level}.conv.blur.kernel": (4, 4), f"to_rgbs.{level}.upsample.kernel": (4, 4)}
    for layer in range(7):
        side = 2 ** ((layer + 5) // 2)
        shapes[f"noises.noise_{layer}"] = (1, 1, side, side)
    return shapes


def _discriminator_layout(extra=1):
    shapes = {"convs.0.0.weight": (2, 3, 1, 1), "convs.0.1.bias": (2,)}
    for block, side in enumerate((32, 16, 8), 1):
        inputs, outputs = CHANNELS[side], CHANNELS[side // 2]
        shapes |= {
            f"convs.{block}.conv1.0.weight": (inputs, inputs, 3, 3),
            f"convs.{block}.conv1.1.bias": (inputs,),
            f"convs.{block}.conv2.0.kernel": (4, 4),
            f"convs.{block}.conv2.1.weight": (outputs, inputs, 3, 3),
            f"convs.{block}.conv2.2.bias": (outputs,),
            f"convs.{block}.skip.0.kernel": (4, 4),
            f"convs.{block}.skip.1.weight": (outputs, inputs, 1, 1),
        }
    return shapes | {
        "final_conv.0.weight": (4, 4 + extra, 3, 3),
        "final_conv.1.bias": (4,),
        "final_linear.0.weight": (4, 64),
        "final_linear.0.bias": (4,),
        "final_linear.1.weight": (1, 4),
        "final_linear.1.bias": (1,),
    }


def _tensors(shapes):
    generator = torch.Generator().manual_seed(0)
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    kernel = torch.from_numpy(np.outer(TAPS, TAPS)).float()
    for name in drawn:
        if name.endswith("kernel"):
            drawn[name] = 4 * kernel if ("blur" in name or "upsample" in name) else kernel
    return drawn


@pytest.fixture
def checkpoint(tmp_path):
    content = {
        "g_ema": _tensors(_generator_layout()),
        "d": _tensors(_discriminator_layout()),
        "args": argparse.Namespace(size=32),
        "ada_aug_p": 0.0,
    }

    def write(name="model.pt", **changes):
        path = tmp_path / name
        torch.save({key: value for key, value in (content | changes).items() if value is not None}, path)
        return path

    return write


def _fir(x, before, behind, gain=1.0, up=1):
    x = x.detach().numpy()
    if up == 2:
        spaced = np.zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
        spaced[:, :, ::2, ::2] = x
        x = spaced
    x = np.pad(x, ((0, 0), (0, 0), (before, behind), (before, behind)))
    x = upfirdn(TAPS, upfirdn(TAPS, x, axis=2)[:, :, 3:-3], axis=3)[:, :, :, 3:-3]
    return gain * torch.from_numpy(np.ascontiguousarray(x))


def _activated(x, bias):
    return functional.leaky_relu(x + bias.view(1, -1, *[1] * (x.ndim - 2)), 0.2) * 2**0.5


def _modulated(t, name, x, w, demodulate=True, up=False):
    batch, inputs = x.shape[:2]
    kernel = t[f"{name}.weight"]
    outputs, side = kernel.shape[1], kernel.shape[3]
    style = w @ t[f"{name}.modulation.weight"].T / LATENT**0.5 + t[f"{name}.modulation.bias"]
    weight = kernel / (inputs * side**2) ** 0.5 * style.view(batch, 1, inputs, 1, 1)
    if demodulate:
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    grouped = x.reshape(1, batch * inputs, *x.shape[2:])
    if up:
        weight = weight.transpose(1, 2).reshape(batch * inputs, outputs, side, side)
        wide = functional.conv_transpose2d(grouped, weight, stride=2, groups=batch)
        return _fir(wide.view(batch, outputs, *wide.shape[2:]), 1, 1, 4.0)
    weight = weight.reshape(batch * outputs, inputs, side, side)
    out = functional.conv2d(grouped, weight, padding=side // 2, groups=batch)
    return out.view(batch, outputs, *x.shape[2:])


def _images(tensors, z, noise):
    t = {name: value.double() for name, value in tensors.items()}
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for layer in range(1, DEPTH + 1):
        linear = w @ t[f"style.{layer}.weight"].T * 0.01 / LATENT**0.5
        w = _activated(linear, t[f"style.{layer}.bias"] * 0.01)

    def styled(name, x, noise, up=False):
        x = _modulated(t, f"{name}.conv", x, w, up=up) + t[f"{name}.noise.weight"] * noise
        return _activated(x, t[f"{name}.activate.bias"])

    def rgb(name, x):
        return _modulated(t, f"{name}.conv", x, w, demodulate=False) + t[f"{name}.bias"]

    x = styled("conv1", t["input.input"].repeat(len(z), 1, 1, 1), noise[0])
    image = rgb("to_rgb1", x)
    for level in range(3):
        x = styled(f"convs.{2 * level}", x, noise[2 * level + 1], up=True)
        x = styled(f"convs.{2 * level + 1}", x, noise[2 * level + 2])
        image = _fir(image, 2, 1, 4.0, up=2) + rgb(f"to_rgbs.{level}", x)
    return image


def _logits(tensors, x):
    """Of a discriminator without minibatch statistics."""
    t = {name: value.double() for name, value in tensors.items()}

    def conv(name, x, **arguments):
        weight = t[f"{name}.weight"]
        return functional.conv2d(x, weight / weight[0].numel() ** 0.5, **arguments)

    x = _activated(conv("convs.0.0", x), t["convs.0.1.bias"])
    for block in (1, 2, 3):
        name = f"convs.{block}"
        h = _activated(conv(f"{name}.conv1.0", x, padding=1), t[f"{name}.conv1.1.bias"])
        h = _activated(conv(f"{name}.conv2.1", _fir(h, 2, 2), stride=2), t[f"{name}.conv2.2.bias"])
        x = (h + conv(f"{name}.skip.1", _fir(x, 1, 1), stride=2)) / 2**0.5
    x = _activated(conv("final_conv.0", x, padding=1), t["final_conv.1.bias"]).flatten(1)
    x = _activated(x @ t["final_linear.0.weight"].T / 64**0.5, t["final_linear.0.bias"])
    return (x @ t["final_linear.1.weight"].T / 4**0.5 + t["final_linear.1.bias"])[:, 0]


def test_the_generator_computes_what_the_layout_means(checkpoint):
    path = checkpoint()
    architecture, networks, _ = read_rosinality(path)
    assert architecture.shape == (3, 32, 32)
    assert (architecture.latent, architecture.width, architecture.most, architecture.depth) == (6, 2, 4, 3)
    generator = networks["generator"].double()
    drawn = torch.Generator().manual_seed(1)
    z = torch.randn(2, LATENT, dtype=torch.float64, generator=drawn)
    noise = [torch.randn(2, 1, side, side, dtype=torch.float64, generator=drawn) for side in generator.noises]
    expected = _images(_tensors(_generator_layout()), z, noise)
    torch.testing.assert_close(generator(z, noise), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("extra", [0, 1])
def test_the_discriminator_does_too_but_for_minibatch_statistics(checkpoint, extra):
    tensors = _tensors(_discriminator_layout(extra))
    _, networks, notes = read_rosinality(checkpoint(d=tensors))
    assert any("minibatch statistics" in note for note in notes) == bool(extra)
    tensors["final_conv.0.weight"] = tensors["final_conv.0.weight"][:, :4]
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = networks["discriminator"].double()(x)
    torch.testing.assert_close(found, _logits(tensors, x), rtol=1e-9, atol=1e-9)


def test_what_is_missing_is_said(checkpoint):
    _, networks, notes = read_rosinality(checkpoint(g_ema=None, d=None, g=_tensors(_generator_layout())))
    assert set(networks) == {"generator"}
    assert any("no averaged generator" in note for note in notes)
    assert any("no discriminator" in note for note in notes)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("name", ["model.pt", "model.pkl"])
def test_code_in_a_file_is_never_run(tmp_path, name):
    path, trap = tmp_path / name, tmp_path / "trap"
    if name.endswith("pt"):
        torch.save({"g_ema": Evil(str(trap))}, path)
    else:
        path.write_bytes(pickle.dumps(Evil(str(trap))))
    with pytest.raises(DataError, match="run") as caught:
        read_rosinality(path)
    assert "weights_only" not in str(caught.value)  # torch advises to open it unsafely
    assert not trap.exists()


def _without(tensors, name):
    return {key: value for key, value in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"g_ema": {}}, "another layout"),
        ({"g_ema": None, "d": None}, "no generator"),
        ({"g_ema": _without(_tensors(_generator_layout()), "convs.3.activate.bias")}, "convs.4.bias"),
        ({"d": _without(_tensors(_discriminator_layout()), "final_linear.1.bias")}, "output.bias"),
        ({"g_ema": _tensors(_generator_layout()) | {"to_rgbs.0.upsample.kernel": torch.ones(4, 4)}}, "low-pass"),
    ],
)
def test_other_layouts_are_refused_by_name(checkpoint, changes, message):
    with pytest.raises(DataError, match=message):
        read_rosinality(checkpoint(**changes))


def test_damaged_and_missing_files_are_named(checkpoint, tmp_path):
    path = checkpoint()
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"model\.pt cannot be read"):
        read_rosinality(path)
    with pytest.raises(DataError, match=r"gone\.pt"):
        read_rosinality(tmp_path / "gone.pt")
    torch.save(torch.ones(3), tmp_path / "list.pt")
    with pytest.raises(DataError, match="holds a Tensor"):
        read_rosinality(tmp_path / "list.pt")
