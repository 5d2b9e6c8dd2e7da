"""Planted dirt is what its name says, and the clean images stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import data
from gansift.data.dirt import KINDS, plant


def _images(channels=1, size=8):
    return torch.rand(12, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 28)])
def test_dirt_keeps_shape_and_range_changes_the_images_and_is_the_same_again(kind, channels, size):
    images = _images(channels, size)
    kept = images.clone()
    first, second = (KINDS[kind](images, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == images.shape
    assert first.dtype == torch.float32
    assert first.abs().max() <= 1
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.testing.assert_close(images, kept, rtol=0, atol=0)
    # One image many times has its own first image, all others are other images.
    assert all(not torch.equal(dirty, clean) for dirty, clean in zip(first[1:], images[1:], strict=True))


def test_inverted_is_the_negative_and_mixed_has_halves_of_two():
    images = _images()
    random = np.random.default_rng(0)
    torch.testing.assert_close(KINDS["inverted"](images, random), -images)
    mixed = KINDS["mixed-up crops"](images, random)
    torch.testing.assert_close(mixed[3, :, :4], images[3, :, :4])
    torch.testing.assert_close(mixed[3, :, 4:], images[2, :, 4:])


def test_blurring_keeps_the_mean_of_what_lies_inside_and_flattens_it():
    image = torch.full((1, 1, 16, 16), -1.0)
    image[0, 0, 8, 8] = 1.0
    blurred = KINDS["blurred"](image, np.random.default_rng(0))
    assert blurred.mean() == pytest.approx(float(image.mean()), abs=1e-6)
    assert blurred.max() < 0


def test_planted_images_are_made_of_those_that_are_named():
    images = _images()
    kinds = {"inverted": KINDS["inverted"], "blank": KINDS["blank"]}
    made, rows, names = plant(images, kinds, 5, np.random.default_rng(0))
    assert names == ["inverted"] * 5 + ["blank"] * 5
    assert len(set(rows[:5])) == 5
    torch.testing.assert_close(made[:5], -images[rows[:5]])


def test_digits_dirty_is_the_clean_digits_with_dirt_among_the_training_examples_alone():
    dirty, clean = data.load("digits-dirty", seed=0), data.load("digits", seed=0)
    assert dirty.valid.ids == clean.valid.ids
    assert dirty.test.ids == clean.test.ids
    assert dirty.train.ids[: len(clean.train)] == clean.train.ids
    torch.testing.assert_close(dirty.train.x[: len(clean.train)], clean.train.x, rtol=0, atol=0)
    kinds = dirty.train.columns["kind"]
    counts = torch.bincount(kinds.values)
    assert {name: int(count) for name, count in zip(kinds.names, counts, strict=True) if name != "clean"} == (
        dict.fromkeys([name for name in kinds.names if name != "clean"], 24)
    )
    assert len(kinds.names) == 9
    levels = (dirty.train.x + 1) * 8
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-6)


def test_another_seed_holds_out_other_digits_and_no_dirt():
    dirty = data.load("digits-dirty", seed=3)
    assert dirty.valid.ids == data.load("digits", seed=3).valid.ids
    held_out = dirty.valid.columns["kind"]
    assert {held_out.names[value] for value in held_out.values.tolist()} == {"clean"}
