import numpy as np
import pytest
import torch

from gansift.audit.classifiers import classifier_of
from gansift.errors import UsageError

OWN = """
class Constant:
    def fit(self, x, labels):
        assert x.ndim == 2
        self.most = max(set(labels.tolist()), key=labels.tolist().count)
        return self

    def predict(self, x):
        return [self.most] * len(x)


constant = Constant()


def made():
    return Constant()


def nothing():
    return 3


def needy(depth):
    return Constant()
"""


def blobs(count, seed):
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    return torch.randn(count, 2, generator=random) + 6 * torch.eye(3, 2)[labels], labels


@pytest.mark.parametrize("name", ["network", "sklearn.linear_model:LogisticRegression", "sklearn.svm:SVC"])
def test_classes_that_are_apart_are_learnt(name):
    fitted = classifier_of(name, 3, 100)(*blobs(60, 0), 0)
    x, labels = blobs(90, 1)
    assert (fitted(x) == labels.numpy()).mean() > 0.95


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 33), (1, 5, 4)])
def test_the_network_learns_images_of_any_size(shape):
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 2
    x = 0.3 * torch.randn(40, *shape, generator=random)
    x[labels == 1, :, : shape[1] // 2] += 1.0
    fitted = classifier_of("network", 2, 60)(x, labels, 0)
    assert (fitted(x) == labels.numpy()).mean() > 0.95


def test_the_network_is_decided_by_its_seed_and_leaves_random_numbers_to_others():
    x, labels = blobs(30, 0)
    tested = torch.randn(200, 2, generator=torch.Generator().manual_seed(5)) * 4
    before = torch.random.get_rng_state()
    one, again, other = (classifier_of("network", 3, 5)(x, labels, seed)(tested) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert (one == again).all()
    assert (one != other).any()


def test_a_column_that_never_changes_does_no_harm():
    x, labels = blobs(30, 0)
    constant = torch.cat([x, torch.ones(30, 1)], 1)
    assert (classifier_of("network", 3, 100)(constant, labels, 0)(constant) == labels.numpy()).mean() > 0.9


def test_an_estimator_gets_the_seed_where_it_has_one():
    x, labels = blobs(30, 0)
    tested = torch.randn(300, 2, generator=torch.Generator().manual_seed(5)) * 4
    tree = classifier_of("sklearn.ensemble:ExtraTreesClassifier", 3, 1)
    one, again, other = (tree(x, labels, seed)(tested) for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()


def test_a_person_s_own_estimator_is_a_class_an_object_or_a_function(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    x, labels = blobs(30, 0)
    for name in ("Constant", "constant", "made"):
        assert np.unique(classifier_of(f"{path}:{name}", 3, 1)(x, labels, 0)(x)).tolist() == [0]
    with pytest.raises(UsageError, match=r"--classifier .*nothing: int has no method fit"):
        classifier_of(f"{path}:nothing", 3, 1)(x, labels, 0)
    with pytest.raises(UsageError, match=r"--classifier .*needy: it cannot be made without arguments"):
        classifier_of(f"{path}:needy", 3, 1)(x, labels, 0)
    with pytest.raises(UsageError, match="cannot load a classifier"):
        classifier_of("perceptron", 3, 1)
