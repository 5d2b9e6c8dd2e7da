import io

import numpy as np
import pytest
from PIL import Image

from gansift.data import BUILTINS
from gansift.data.duplicates import near_duplicates, thumbnail
from gansift.data.pixels import to_pixels


@pytest.fixture(scope="module")
def pictures():
    examples = BUILTINS["mnist"](0)
    return [to_pixels(image.numpy()) for image in examples.x[:300]]


def again(pixels, how):
    image = Image.fromarray(pixels)
    if how == "jpeg":
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=75)
        return np.asarray(Image.open(buffer))
    if how == "larger":
        return np.asarray(image.resize((61, 55), Image.Resampling.BICUBIC))
    if how == "colour":
        return np.asarray(image.convert("RGB"))
    return np.clip(pixels.astype(int) + 4, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", ["jpeg", "larger", "colour", "brighter"])
def test_a_picture_is_found_again_and_no_other(pictures, how):
    copies = [again(pictures[number], how) for number in range(0, 40, 4)]
    groups = near_duplicates([thumbnail(picture) for picture in [*pictures, *copies]])
    alone = near_duplicates([thumbnail(picture) for picture in pictures])
    found = {tuple(group) for group in groups} - {tuple(group) for group in alone}
    assert {(number, 300 + row) for row, number in enumerate(range(0, 40, 4))} <= found
    assert len(alone) <= 2  # of 300 different digits


def test_groups_hold_positions_once_in_order_and_all_look_like_the_first(pictures):
    thumbs = [thumbnail(pictures[row % 5]) for row in range(23)]
    assert near_duplicates(thumbs) == [list(range(row, 23, 5)) for row in range(5)]


def test_flat_pictures_are_alike_only_in_the_same_colour():
    flat = [np.full((8, 8, 3), colour, np.uint8) for colour in [(200, 0, 0), (0, 0, 200), (201, 0, 0), (100, 100, 100)]]
    assert near_duplicates([thumbnail(picture) for picture in flat]) == [[0, 2]]


def test_none_and_one_have_no_copies():
    assert near_duplicates([]) == near_duplicates([thumbnail(np.zeros((1, 1), np.uint8))]) == []
