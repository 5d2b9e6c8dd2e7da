"""The data sets that come with gansift: nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from gansift.data.columns import LABEL, Column, labelled
from gansift.data.dirt import KINDS, plant, shrunk
from gansift.data.examples import Examples
from gansift.data.hashing import hash_rows
from gansift.data.labels import number_labels
from gansift.data.pixels import to_signed
from gansift.data.records import Records, Roles
from gansift.data.splits import assign
from gansift.data.table import Field, Table

_ASSETS = Path(__file__).parent / "assets"

# What is planted among the digits, beside emoji.
_DIGITS_DIRT = ("inverted", "noise", "shifted", "blurred", "blank", "one image many times", "mixed-up crops")


def digits() -> Examples:
    """The 1,797 handwritten digits of scikit-learn: x (1797, 1, 8, 8), ink 0 ... 16 mapped to [-1, 1]."""
    from sklearn.datasets import load_digits  # only here: importing scikit-learn takes a second

    source = load_digits()
    pixels = source.images.astype(np.uint8)
    return Examples(
        ids=_row_ids("digits", len(pixels)),
        x=torch.from_numpy(pixels.astype(np.float32) / 8 - 1).unsqueeze(1),
        columns=labelled(*number_labels([str(label) for label in source.target])),
        paths=("",) * len(pixels),
        hashes=hash_rows(pixels),
    )


def digits_dirty(seed: int = 0, each: int = 24) -> Examples:
    """Digits of scikit-learn with dirty images of eight kinds, by default 192, planted among those to train on.

    x is (1797 + 8 each, 1, 8, 8). The column ``kind`` says what is wrong with an image; the label of a dirty one is
    that of the digit it was made of, and of an emoji any digit. Held-out images are clean, as those would be that a
    person has looked at.

    Args:
        seed: decides which digits are held out; the dirty images are made of the others.
        each: dirty images of every kind.
    """
    clean = digits()
    parts = [assign(content_hash, seed) for content_hash in clean.hashes]
    trained = [row for row, part in enumerate(parts) if part == "train"]
    random = _stream("digits-dirty", seed)
    of_train, labels = clean.x[trained], clean.columns[LABEL]
    planted, rows, kinds = plant(of_train, {kind: KINDS[kind] for kind in _DIGITS_DIRT}, each, random)
    drawn = torch.from_numpy(random.choice(1911, each, replace=False))
    strangers = shrunk(emoji("noto").x[drawn], 8)
    kinds += ["emoji"] * each
    dirty = torch.cat([planted, strangers])
    # Sixteen shades of ink, as the digits have.
    dirty = ((dirty.clamp(-1, 1) + 1) * 8).round() / 8 - 1
    of_dirty = torch.cat([labels.values[trained][rows], torch.from_numpy(random.integers(0, 10, each))])
    names = tuple(f"digits-dirty/{kind.replace(' ', '-')}/{row % each:02d}" for row, kind in enumerate(kinds))
    pixels = ((torch.cat([clean.x, dirty]) + 1) * 8).round().to(torch.uint8).numpy()
    return Examples(
        ids=(*clean.ids, *names),
        x=torch.cat([clean.x, dirty]),
        columns={
            LABEL: Column(torch.cat([labels.values, of_dirty]), labels.names),
            "kind": Column.of(["clean"] * len(clean) + kinds),
        },
        paths=("",) * len(pixels),
        hashes=hash_rows(pixels[:, 0]),
        parts=(*parts, *["train"] * len(dirty)),
    )


def mnist() -> Examples:
    """The first 10,000 training images of MNIST in their official order: x (10000, 1, 28, 28) in [-1, 1]."""
    with np.load(_ASSETS / "mnist_first10k.npz", allow_pickle=False) as file:
        pixels, digit = file["x"], file["y"]
    return Examples(
        ids=_row_ids("mnist", len(pixels)),
        x=to_signed(pixels).unsqueeze(1),
        columns=labelled(*number_labels([str(label) for label in digit])),
        paths=("",) * len(pixels),
        hashes=hash_rows(pixels),
    )


def emoji(vendor: str) -> Examples:
    """1,911 emoji as one vendor draws them, ``noto`` or ``twemoji``: x (1911, 3, 32, 32) in [-1, 1], on white.

    The label is the category, such as Food & Drink.
    """
    with np.load(_ASSETS / "emoji32_noto_twemoji.npz", allow_pickle=False) as file:
        rows = np.flatnonzero(file["vendor"] == ("noto", "twemoji").index(vendor))
        pixels, names = file["x"][rows], file["category_names"][file["category"][rows]]
    return Examples(
        ids=_row_ids(f"emoji-{vendor}", len(pixels)),
        x=to_signed(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))),
        columns=labelled(*number_labels([str(label) for label in names])),
        paths=("",) * len(pixels),
        hashes=hash_rows(pixels),
    )


def normal_1d(seed: int = 0, count: int = 3000) -> Examples:
    """Points from the normal distribution with mean 1 and standard deviation 1.5: x (count, 1)."""
    return _points("normal-1d", seed, 1 + 1.5 * _standard_normal("normal-1d", seed, count, 1))


def normal_2d(seed: int = 0, count: int = 3000) -> Examples:
    """Points from the normal distribution with mean (1, 1) and covariance [[1, .8], [.8, 1]]: x (count, 2)."""
    z = _standard_normal("normal-2d", seed, count, 2)
    # x = mean + L z with the Cholesky factor L = [[1, 0], [.8, .6]]
    return _points("normal-2d", seed, np.stack([1 + z[:, 0], 1 + 0.8 * z[:, 0] + 0.6 * z[:, 1]], axis=1))


def diabetes() -> Records:
    """The 442 patients of scikit-learn's diabetes data: a table of age, body mass, blood pressure and six blood values.

    The label is whether the disease went on faster than in half of the patients, ``fast`` or ``slow``; the group is
    ``sex``, of which the data do not say which is ``1`` and which is ``2``.
    """
    from sklearn.datasets import load_diabetes

    source = load_diabetes(scaled=False)
    names = ("age", "sex", "body mass", "blood pressure", *source.feature_names[4:])
    numbers = tuple(Field(name, column) for name, column in zip(names, source.data.T, strict=True))
    fast = source.target > np.median(source.target)
    label = Field.of_texts("progression", np.where(fast, "fast", "slow").tolist())
    return Records.of("diabetes", Table((*numbers, label)), Roles("progression", ("sex",)))


BUILTINS: dict[str, Callable[[int], Examples | Records]] = {
    "digits": lambda seed: digits(),
    "digits-dirty": digits_dirty,
    "mnist": lambda seed: mnist(),
    "emoji-noto": lambda seed: emoji("noto"),
    "emoji-twemoji": lambda seed: emoji("twemoji"),
    "normal-1d": normal_1d,
    "normal-2d": normal_2d,
    "diabetes": lambda seed: diabetes(),
}
"""Name -> a function from the seed, on which only the normal distributions and the dirt depend, to the examples or
records."""


def _row_ids(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}/{row:04d}" for row in range(count))


def _standard_normal(name: str, seed: int, count: int, dim: int) -> np.ndarray:
    """Float64 (count, dim), from a counter-based stream of its own for each name and seed; a prefix of a longer one."""
    return _stream(name, seed).standard_normal((count, dim))


def _stream(name: str, seed: int) -> np.random.Generator:
    """Random numbers from a counter, the same on every machine."""
    key = hashlib.sha256(f"{name}:{seed}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def _points(name: str, seed: int, values: np.ndarray) -> Examples:
    points = values.astype(np.float32)
    return Examples(
        # The seed is in the id because the same row of another seed is another point.
        ids=_row_ids(f"{name}/seed{seed}", len(points)),
        x=torch.from_numpy(points),
        columns={},
        paths=("",) * len(points),
        hashes=hash_rows(points),
    )
