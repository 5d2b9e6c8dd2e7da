"""Feature spaces: fitted the same every time, usable in any precision, and clear about what is wrong with them."""

from types import SimpleNamespace

import pytest
import torch
from sklearn.datasets import load_digits

from gansift.errors import DataError, GansiftError
from gansift.metrics import FID, AutoencoderFeatures, ClassifierFeatures
from gansift.metrics.features import features_name, file_safe, usual_chunk


def _examples(x, labels=None):
    return SimpleNamespace(x=x, labels=labels)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))[:600]
    x = torch.tensor(data.images / 8 - 1, dtype=torch.float32).unsqueeze(1)[order]
    return _examples(x, torch.tensor(data.target)[order])


@pytest.fixture(scope="module")
def classifier(digits):
    return ClassifierFeatures.fit(_examples(digits.x[:450], digits.labels[:450]), steps=200)


@pytest.fixture(scope="module")
def autoencoder(digits):
    return AutoencoderFeatures.fit(_examples(digits.x[:450]), steps=200)


def test_the_classifier_reports_the_accuracy_it_has_on_new_examples(classifier, digits):
    guessed = classifier.logits(digits.x[450:]).argmax(1)
    accuracy = float((guessed == digits.labels[450:]).double().mean())
    assert classifier.accuracy > 0.85
    assert abs(classifier.accuracy - accuracy) < 0.08
    assert (classifier.name, classifier.classes) == ("classifier16", 10)


def test_labels_without_meaning_are_memorised_but_not_counted_as_accuracy(digits):
    chance = torch.randint(2, (100,), generator=torch.Generator().manual_seed(0))
    features = ClassifierFeatures.fit(_examples(digits.x[:100], chance), steps=500)
    assert features.accuracy < 0.75
    assert float((features.logits(digits.x[:100]).argmax(1) == chance).double().mean()) > 0.85


def test_logits_are_a_linear_map_of_the_features(classifier, digits):
    x = digits.x.double()
    features, logits = classifier(x), classifier.logits(x)
    assert features.shape == (600, 16)
    columns = torch.cat([features, torch.ones(600, 1, dtype=torch.float64)], 1)
    residual = columns @ torch.linalg.lstsq(columns, logits).solution - logits
    assert residual.abs().max() < 1e-9


def test_the_autoencoder_explains_variance_and_its_code_has_unit_variance(autoencoder, digits):
    assert 0 < autoencoder.unexplained < 0.7
    code = autoencoder(digits.x[:450])
    torch.testing.assert_close(code.std(0), torch.ones(16), rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", [ClassifierFeatures, AutoencoderFeatures])
def test_the_seed_decides_the_features_and_leaves_the_global_state_alone(kind, digits):
    examples = _examples(digits.x[:60], digits.labels[:60])
    state = torch.random.get_rng_state()
    first = kind.fit(examples, seed=1, steps=5)(digits.x)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(3)
    assert torch.equal(first, kind.fit(examples, seed=1, steps=5)(digits.x))
    assert not torch.equal(first, kind.fit(examples, seed=2, steps=5)(digits.x))


@pytest.mark.parametrize("name", ["classifier", "autoencoder"])
def test_features_follow_the_precision_of_the_samples(name, digits, request):
    features = request.getfixturevalue(name)
    single, double = features(digits.x), features(digits.x.double())
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["classifier", "autoencoder"])
def test_gradients_reach_the_samples_and_not_the_network(name, digits, request):
    features = request.getfixturevalue(name)
    x = digits.x[:4].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: features(x).sum(1), x)
    assert not any(value.requires_grad for value in features.network_for(x).parameters())


@pytest.mark.parametrize("name", ["classifier", "autoencoder"])
def test_fid_tells_digits_from_noisy_digits(name, digits, request):
    features = request.getfixturevalue(name)
    metric = FID(features, digits.x[:300])
    noise = torch.randn(300, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert 5 * metric.value(digits.x[300:]) < metric.value(digits.x[300:] + 2 * noise)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (1, 17, 40), (1, 16, 16), (2,)])
def test_examples_of_any_shape_can_be_fitted(shape):
    torch.manual_seed(0)
    examples = _examples(100 * torch.randn(20, *shape), torch.arange(20) % 2)
    for kind in (ClassifierFeatures, AutoencoderFeatures):
        assert kind.fit(examples, steps=2)(examples.x).isfinite().all()


def test_constant_columns_of_points_do_no_harm():
    examples = _examples(torch.cat([torch.randn(20, 1), torch.full((20, 1), 1e4)], 1))
    assert AutoencoderFeatures.fit(examples, steps=2)(examples.x).isfinite().all()


def test_examples_that_cannot_be_fitted_are_refused(digits):
    with pytest.raises(DataError, match="AutoencoderFeatures"):
        ClassifierFeatures.fit(_examples(digits.x))
    with pytest.raises(DataError, match="same label"):
        ClassifierFeatures.fit(_examples(digits.x, torch.zeros(600, dtype=torch.int64)))
    for kind in (ClassifierFeatures, AutoencoderFeatures):
        with pytest.raises(DataError, match="at least 10"):
            kind.fit(_examples(digits.x[:9], digits.labels[:9]))


def test_features_that_fail_or_have_no_rows_are_named(digits):
    def broken(x):
        raise RuntimeError("wrong size")

    with pytest.raises(GansiftError, match=r"broken failed on samples of shape.*wrong size"):
        FID(broken, digits.x)

    def maps(x):
        return x

    with pytest.raises(GansiftError, match=r"maps must have shape \(500, d\), got \(500, 1, 8, 8\)"):
        FID(maps, digits.x)


def test_names_are_fit_for_files():
    assert file_safe("a/b c:d") == "a-b-c-d"
    assert file_safe("../..") == "features"
    assert features_name(object()) == "object"


def test_features_say_how_many_samples_they_take_together():
    assert usual_chunk(object()) == 500
    assert usual_chunk(SimpleNamespace(chunk=7)) == 7
