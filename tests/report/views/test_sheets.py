import base64
import io

import numpy as np
import pytest
from PIL import Image

from gansift.report.views.images import to_image, to_pixels
from gansift.report.views.sheets import sheets


def thumbnail(found, position):
    """What the page cuts out of the sheets."""
    sheet, place = divmod(position, found["columns"] * found["rows"])
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["pictures"][sheet].partition(",")[2]))))
    top, left = (place // found["columns"]) * found["step"][1], (place % found["columns"]) * found["step"][0]
    return picture[top : top + found["height"], left : left + found["width"]]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (1, 5, 9)])
def test_small_images_are_there_pixel_by_pixel(shape):
    images = np.random.default_rng(0).uniform(-1, 1, (300, *shape))
    found = sheets(images)
    for position in (0, 1, 150, 299):
        assert np.array_equal(thumbnail(found, position), to_pixels(images[position]))


def test_full_sheets_are_followed_by_others():
    images = np.random.default_rng(0).uniform(-1, 1, (1400, 1, 32, 32))
    found = sheets(images)
    assert (found["columns"], found["rows"], len(found["pictures"])) == (16, 16, 6)
    assert np.array_equal(thumbnail(found, 1399), to_pixels(images[1399]))


@pytest.mark.parametrize("side", [30, 32])
def test_photos_are_compressed_without_running_into_one_another(side):
    dark_and_bright = np.where(np.arange(200) % 2, 1.0, -1.0)[:, None, None, None] * np.ones((200, 3, side, side))
    dark_and_bright[:, 1:] *= -1
    found = sheets(dark_and_bright)
    assert found["pictures"][0].startswith("data:image/jpeg;")
    for position in (0, 1, 99, 198):
        wanted = to_pixels(dark_and_bright[position]).astype(int)
        assert np.abs(thumbnail(found, position) - wanted).max() <= 3


def test_large_images_are_reduced_in_proportion():
    image = np.random.default_rng(0).uniform(-1, 1, (2, 1, 100, 200))
    found = sheets(image)
    assert (found["width"], found["height"]) == (64, 32)
    assert np.abs(thumbnail(found, 1).astype(int) - np.asarray(to_image(image[1], 64))).mean() < 8
