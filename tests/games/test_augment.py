"""Augmentation: each kind against its definition, image by image, and the same for every call."""

import numpy as np
import pytest
import torch

from gansift.errors import UsageError
from gansift.games import Draw, parse_augment
from gansift.games.augment import AUGMENTATIONS, drawn, mirrored

SHAPE = (3, 16, 24)


def _images(count=40):
    return Draw(0, "images", dtype=torch.float64).normal(count, *SHAPE)


def _augmented(kinds, x, key=0):
    return drawn(kinds, Draw(key, "augment", dtype=x.dtype), len(x), tuple(x.shape[1:]))(x)


def test_translation_moves_by_whole_pixels_and_fills_with_zeros():
    x = _images() + 10  # nothing is 0 by itself
    moved, seen = _augmented(["translation"], x), set()
    for before, after in zip(x.numpy(), moved.numpy(), strict=True):
        fitting = []
        for down in range(-2, 3):
            for right in range(-3, 4):
                expected = np.zeros_like(before)
                rows, columns = (
                    np.arange(max(0, move), length + min(0, move)) for move, length in ((down, 16), (right, 24))
                )
                expected[:, rows[:, None], columns] = before[:, rows[:, None] - down, columns - right]
                if np.allclose(expected, after):
                    fitting.append((down, right))
        assert len(fitting) == 1
        seen |= set(fitting)
    assert {down for down, _ in seen} == set(range(-2, 3))
    assert {right for _, right in seen} == set(range(-3, 4))


def test_colour_is_brightness_then_saturation_then_contrast():
    x, draw = _images(), Draw(0, "augment", dtype=torch.float64)
    brightness, saturation, contrast = (draw.uniform(len(x)).numpy() for _ in range(3))
    for row, (before, after) in enumerate(zip(x.numpy(), _augmented(["colour"], x).numpy(), strict=True)):
        expected = before + brightness[row] - 0.5
        grey = expected.mean(axis=0)
        expected = grey + 2 * saturation[row] * (expected - grey)
        expected = expected.mean() + (contrast[row] + 0.5) * (expected - expected.mean())
        np.testing.assert_allclose(after, expected, atol=1e-12)


def test_cutout_blanks_one_box_of_half_the_sides_that_may_lie_over_the_border():
    x = _images(200)
    cut = _augmented(["cutout"], x).numpy()
    sizes = set()
    for before, after in zip(x.numpy(), cut, strict=True):
        gone = after == 0
        assert (gone[0] == gone[1]).all()
        assert (after == np.where(gone, 0, before)).all()
        rows, columns = np.flatnonzero(gone[0].any(axis=1)), np.flatnonzero(gone[0].any(axis=0))
        assert gone[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        sizes.add((len(rows), len(columns)))
    assert max(sizes) == (8, 12)


def test_mirroring_flips_about_half_of_the_images_from_left_to_right():
    x = _images(400)
    flipped = mirrored(x, Draw(0, "mirror", dtype=x.dtype))
    same = (flipped == x).flatten(1).all(1)
    assert torch.equal(flipped[~same], x[~same].flip(3))
    assert 160 < int(same.sum()) < 240


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_an_augmentation_is_drawn_once_row_by_row_and_differentiable_twice(kind):
    x = _images(3)
    augment = drawn([kind], Draw(1, "augment", dtype=x.dtype), 3, SHAPE)
    assert torch.equal(augment(x), augment(x))
    other = x.clone()
    other[1] += 1
    assert torch.equal(augment(other)[[0, 2]], augment(x)[[0, 2]])
    assert (
        torch.autograd.gradgradcheck(lambda x: augment(x).square().sum(), x[:, :, :4, :4].requires_grad_())
        if (kind == "colour")
        else torch.allclose(augment(2 * x), 2 * augment(x))
    )
    stacked = torch.func.vmap(augment)(torch.stack([x, other]))
    torch.testing.assert_close(stacked, torch.stack([augment(x), augment(other)]))


def test_kinds_are_done_in_order():
    x = _images(4)
    draw = Draw(2, "augment", dtype=x.dtype)
    first = AUGMENTATIONS["cutout"](draw, 4, SHAPE)
    second = AUGMENTATIONS["colour"](draw, 4, SHAPE)
    assert torch.equal(_augmented(["cutout", "colour"], x, key=2), second(first(x)))


def test_lists_of_kinds_are_read_and_unknown_ones_refused():
    assert parse_augment("translation, cutout") == ("translation", "cutout")
    assert parse_augment("none") == ()
    with pytest.raises(UsageError, match="no augmentation 'rotate'; choose from translation, colour, cutout"):
        parse_augment("colour,rotate")
