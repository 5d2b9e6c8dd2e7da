import base64
import io

import numpy as np
import pytest
from PIL import Image

from gansift.report import Shown
from gansift.report.views.images import image_uri, sheet, to_image, to_pixels


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_minus_one_is_black_and_one_is_white_and_the_rest_is_clipped():
    image = np.array([[[-1.0, 1.0], [0.0, 7.0], [-7.0, np.nan]]])
    assert to_pixels(image).tolist() == [[0, 255], [128, 255], [0, 128]]


@pytest.mark.parametrize(("channels", "shape"), [(1, (2, 3)), (2, (2, 3)), (3, (2, 3, 3)), (4, (2, 3, 3))])
def test_channels_come_last_and_any_number_can_be_shown(channels, shape):
    assert to_pixels(np.zeros((channels, 2, 3))).shape == shape


def test_colours_keep_their_order():
    red = np.stack([np.ones((2, 2)), -np.ones((2, 2)), -np.ones((2, 2))])
    assert to_pixels(red)[0, 0].tolist() == [255, 0, 0]


def test_tiny_images_are_enlarged_to_sharp_squares_and_survive_the_page():
    image = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8))
    shown = np.asarray(decoded(image_uri(image, 100)))
    assert shown.shape == (96, 96)
    assert np.array_equal(shown[::12, ::12], to_pixels(image))
    assert np.array_equal(shown, np.kron(to_pixels(image), np.ones((12, 12), np.uint8)))


def test_large_images_are_reduced_in_proportion():
    assert to_image(np.zeros((3, 100, 400)), 128).size == (128, 32)
    assert decoded(image_uri(np.zeros((3, 300, 200)), 128)).size == (85, 128)


def test_a_sheet_is_filled_row_by_row():
    images = np.linspace(-1, 1, 5)[:, None, None, None] * np.ones((5, 1, 8, 8))
    grid = np.asarray(sheet(images, columns=3, side=8, gap=2))
    assert grid.shape == (18, 28)
    assert [grid[0, 0], grid[0, 10], grid[0, 20], grid[10, 0], grid[10, 10]] == [0, 64, 128, 191, 255]


@pytest.mark.parametrize("broken", [{"values": np.zeros(3)}, {"labels": ("a",)}, {"x": np.zeros((3, 1, 4, 4))}])
def test_parts_that_do_not_fit_are_refused(broken):
    parts = {"ids": ("a", "b"), "values": np.zeros(2), "labels": None, "x": np.zeros((2, 1, 4, 4))}
    with pytest.raises(ValueError, match="2 ids"):
        Shown.of(**(parts | broken))
