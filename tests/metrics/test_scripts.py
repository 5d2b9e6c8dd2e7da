"""TorchScript files: loaded with their logits, and Inception's fed as its published values ask for.

The real Inception file is not at hand here; a small network of the same signature stands for it.
"""

import hashlib

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from gansift.errors import UsageError
from gansift.metrics import FID, IS, load_features, scripts
from gansift.metrics.scripts import script_path

# PyTorch 2.13 announces the end of TorchScript; it still is the one format of a network that needs no pickle.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 3)

    def forward(self, x):
        return self.linear(x.flatten(1)).tanh()

    @torch.jit.export
    def logits(self, x):
        return 2 * self.linear(x.flatten(1))


class SmallInception(nn.Module):
    """Takes images with values from 0 to 255, of any size, in float32 alone; notes what it was given."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3, stride=2)

    def forward(self, img: torch.Tensor, return_features: bool = False, use_fp16: bool = False) -> torch.Tensor:
        x = functional.interpolate(img.to(torch.float32), [299, 299], mode="bilinear", align_corners=False)
        x = self.convolution((x - 128) / 128).tanh().mean(dim=[2, 3])
        if return_features:
            return x
        return x.softmax(dim=1)


def _saved(network, path):
    torch.jit.save(torch.jit.script(network), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


@pytest.fixture
def digits():
    return torch.tensor(load_digits().images[:40] / 8 - 1, dtype=torch.float32).unsqueeze(1)


@pytest.fixture
def inception(tmp_path):
    """A network like Inception's, and its file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SmallInception()
    _saved(network, tmp_path / "inception.pt")
    return network, tmp_path / "inception.pt"


def _colour(count=2, side=32):
    return 2 * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) - 1


def test_a_torchscript_file_is_loaded_with_its_logits(tmp_path, digits):
    network = Flat()
    digest = _saved(network, tmp_path / "my net.pt")
    features = load_features(str(tmp_path / "my net.pt"))
    x = digits[:5].requires_grad_()
    torch.testing.assert_close(features(x), network(x))
    torch.testing.assert_close(features(x.double()).float(), network(x))
    assert features(x.double()).requires_grad
    assert IS(features, latents=10).name == f"is-my-net-{digest}@10"


CONVENTIONS = {
    "": lambda x: functional.interpolate(x, (299, 299), mode="bicubic", align_corners=False, antialias=True),
    "@clean": lambda x: functional.interpolate(x, (299, 299), mode="bicubic", align_corners=False, antialias=True),
    "@legacy-pytorch": lambda x: functional.interpolate(x, (299, 299), mode="bilinear", align_corners=False),
    "@legacy-tensorflow": lambda x: x,
}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("side", [32, 400])
def test_inception_gets_pixels_from_0_to_255_resized_by_the_named_convention(inception, convention, side):
    network, path = inception
    x = _colour(side=side)
    expected = network(CONVENTIONS[convention]((x + 1) * 127.5), return_features=True)
    torch.testing.assert_close(load_features(f"{path}{convention}")(x), expected, rtol=1e-4, atol=1e-5)


def test_inception_s_name_has_the_convention_and_the_digest(inception):
    _, path = inception
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert FID(load_features(str(path)), _colour()).name == f"fid-inception-clean-{digest}@2000"
    assert load_features(f"{path}@legacy-pytorch").name == f"inception-legacy-pytorch-{digest}"


def test_grey_images_are_repeated_for_inception_and_pixels_not_rounded(inception):
    features = load_features(str(inception[1]))
    grey = _colour()[:, :1].requires_grad_()
    torch.testing.assert_close(features(grey), features(grey.expand(-1, 3, -1, -1)))
    assert torch.autograd.grad(features(grey).sum(), grey)[0].abs().min() > 0


def test_inception_computes_in_its_own_precision_and_answers_in_that_of_the_samples(inception):
    features = load_features(str(inception[1]))
    x = _colour().double().requires_grad_()
    assert features(x).dtype == torch.float64
    torch.testing.assert_close(features(x).float(), features(x.float()))
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    gradient = torch.autograd.grad(features(x).sum(), x)[0]
    h = 1e-2
    with torch.no_grad():
        expected = (features(x + h * direction) - features(x - h * direction)).sum() / (2 * h)
    assert float((gradient * direction).sum()) == pytest.approx(float(expected), rel=2e-2)


def test_conventions_that_mean_nothing_are_refused(inception, tmp_path):
    with pytest.raises(UsageError, match="after the @ comes one of clean, legacy-pytorch, legacy-tensorflow"):
        load_features(f"{inception[1]}@sharp")
    _saved(Flat(), tmp_path / "flat.pt")
    with pytest.raises(UsageError, match="only a network that takes return_features"):
        load_features(f"{tmp_path / 'flat.pt'}@clean")


def test_a_file_may_have_an_at_in_its_name(tmp_path):
    path = tmp_path / "net@home.pt"
    path.touch()
    assert script_path(str(path)) == (path, "")
    assert script_path(f"{path}@clean") == (path, "clean")
    assert script_path("module:name") is None
    assert script_path(f"{tmp_path}/no.pt@clean") is None


def test_only_the_published_network_is_called_so(tmp_path, digits, monkeypatch, caplog):
    _saved(SmallInception(), tmp_path / "inception-2015-12-05.pt")
    other = FID(load_features(str(tmp_path / "inception-2015-12-05.pt")), digits, latents=10)
    assert other.caution.startswith("It is not the published FID")
    assert "is not the network of the published FID" in caplog.text
    caplog.clear()
    whole = hashlib.sha256((tmp_path / "inception-2015-12-05.pt").read_bytes()).hexdigest()
    monkeypatch.setitem(scripts.KNOWN, whole, "as if it were the one")
    known = FID(load_features(str(tmp_path / "inception-2015-12-05.pt")), digits, latents=10)
    assert not known.caution
    assert not caplog.text
