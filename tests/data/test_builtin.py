import hashlib

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gansift.data import BUILTINS, digits, load, mnist, normal_1d, normal_2d


def test_digits_are_those_of_scikit_learn():
    source, built = load_digits(), digits()
    assert built.x.shape == (1797, 1, 8, 8)
    assert built.x.dtype == torch.float32
    assert np.array_equal((built.x.squeeze(1).numpy() + 1) * 8, source.images)
    assert built.labels.tolist() == source.target.tolist()
    assert built.class_names == tuple("0123456789")
    assert (built.ids[7], built.ids[1796]) == ("digits/0007", "digits/1796")
    assert built.hashes[7] == hashlib.sha256(source.images[7].astype(np.uint8).tobytes()).hexdigest()


def test_mnist_begins_like_the_official_training_set():
    built = mnist()
    assert built.x.shape == (10000, 1, 28, 28)
    assert (built.x.min(), built.x.max()) == (-1, 1)
    assert built.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert built.labels.bincount().tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    # The sum of all pixels of the first image, a five, in the official file.
    assert ((built.x[0] + 1) * 127.5).round().sum() == 27525
    assert built.ids[-1] == "mnist/9999"


def test_mnist_says_where_it_is_from():
    from gansift.data import builtin

    text = (builtin._ASSETS / "mnist_first10k.ATTRIBUTION.md").read_text(encoding="utf-8")
    for owed in ("LeCun", "Cortes", "Attribution-ShareAlike 3.0", "Copyright (c) 2015 Juan Cazala", "MIT"):
        assert owed in text


@pytest.mark.parametrize(
    ("draw", "mean", "covariance"),
    [(normal_1d, [1.0], [[2.25]]), (normal_2d, [1.0, 1.0], [[1.0, 0.8], [0.8, 1.0]])],
)
def test_the_normal_distributions_have_their_moments(draw, mean, covariance):
    count = 200_000
    x = draw(seed=5, count=count).x.double()
    assert x.shape == (count, len(mean))
    # Five standard errors: sqrt(S_ii / n) of a mean, sqrt((S_ii S_jj + S_ij^2) / n) of a covariance.
    S = torch.tensor(covariance, dtype=torch.float64)
    assert ((x.mean(0) - torch.tensor(mean)).abs() < 5 * (S.diag() / count).sqrt()).all()
    spread = (S.diag()[:, None] * S.diag() + S**2) / count
    assert ((x.T.cov().reshape(S.shape) - S).abs() < 5 * spread.sqrt()).all()
    kurtosis = (((x - x.mean(0)) / x.std(0)) ** 4).mean(0)
    assert ((kurtosis - 3).abs() < 5 * (24 / count) ** 0.5).all()


@pytest.mark.parametrize("draw", [normal_1d, normal_2d])
def test_a_normal_point_depends_on_seed_and_row_alone(draw):
    small, large = draw(seed=1, count=10), draw(seed=1, count=20)
    assert len(draw()) == 3000
    assert torch.equal(large.x[:10], small.x)
    assert large.ids[:10] == small.ids
    other = draw(seed=2, count=10)
    assert not (set(other.ids) & set(small.ids))
    assert not (set(other.hashes) & set(small.hashes))
    assert small.hashes[3] == hashlib.sha256(small.x[3].numpy().astype("<f4").tobytes()).hexdigest()


@pytest.mark.parametrize("name", BUILTINS)
def test_every_builtin_loads_by_its_name_twice_the_same(name):
    first, second = load(name, seed=3), load(name, seed=3)
    assert first.name == name
    assert first.train.digest() == second.train.digest()
    assert torch.equal(first.test.x, second.test.x)
    everything = [*first.train.ids, *first.valid.ids, *first.test.ids]
    assert len(set(everything)) == len(everything)
    assert set(first.train.paths) == {""}


def test_each_vendor_draws_the_same_emoji_in_its_own_way():
    noto, twemoji = (BUILTINS[f"emoji-{vendor}"](0) for vendor in ("noto", "twemoji"))
    for built in (noto, twemoji):
        assert built.x.shape == (1911, 3, 32, 32)
        assert (built.x.min(), built.x.max()) == (-1, 1)
        assert len(built.class_names) == 10
        assert built.labels.bincount().sum() == 1911
    assert torch.equal(noto.labels, twemoji.labels)
    assert not set(noto.hashes) & set(twemoji.hashes)
    assert (noto.ids[0], twemoji.ids[-1]) == ("emoji-noto/0000", "emoji-twemoji/1910")


def test_emoji_say_where_they_are_from():
    from gansift.data import builtin

    text = (builtin._ASSETS / "emoji32_noto_twemoji.ATTRIBUTION.md").read_text(encoding="utf-8")
    for owed in ("Noto Emoji", "Google", "Apache License 2.0", "Twemoji", "Twitter", "Attribution 4.0"):
        assert owed in text


def test_the_built_in_table_has_its_label_and_group_and_may_be_given_others():
    splits = load("diabetes")
    assert sum(len(part) for part in (splits.train, splits.valid, splits.test)) == 442
    assert (splits.train.class_names, splits.train.columns["sex"].names) == (("fast", "slow"), ("1", "2"))
    assert [feature.name for feature in splits.encoding.features][:3] == ["age", "body mass", "blood pressure"]
    assert splits.train.shape == (9,)
    fast = sum(int((part.labels == 0).sum()) for part in (splits.train, splits.valid, splits.test))
    assert fast == 221
    other = load("diabetes", label="sex", ignore=["progression", "age"])
    assert (other.train.class_names, other.train.shape) == (("1", "2"), (8,))
    assert set(other.train.columns) == {"label"}
