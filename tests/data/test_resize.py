import numpy as np
import pytest
from picture_files import pixels
from PIL import Image

from gansift.data.resize import check_resize, resized
from gansift.errors import UsageError


def to(content, size, name):
    return np.asarray(resized(Image.fromarray(content), size, name))


def test_box_averages_what_a_pixel_covers():
    square = pixels(0, 8, 8)
    means = square.reshape(4, 2, 4, 2).mean((1, 3))
    for fit in ("crop", "stretch", "pad"):
        assert np.abs(to(square, 4, f"{fit}-box") - means).max() <= 1


def test_stretch_takes_all_of_it_and_forgets_proportions():
    wide = pixels(1, 4, 8)
    assert np.abs(to(wide, 4, "stretch-box") - wide.reshape(4, 4, 2).mean(2)).max() <= 0.5


def test_pad_takes_all_of_it_in_its_proportions_on_white():
    wide = pixels(2, 4, 8, 3)
    got = to(wide, 8, "pad-lanczos")
    assert np.array_equal(got[2:6], wide)
    assert (got[:2] == 255).all()
    assert (got[6:] == 255).all()
    assert np.array_equal(to(wide.transpose(1, 0, 2).copy(), 8, "pad-lanczos"), got.transpose(1, 0, 2))
    assert to(pixels(3, 1, 100), 4, "pad-box").shape == (4, 4)


def test_filters_differ_and_each_keeps_a_flat_image():
    square = pixels(4, 9, 9)
    filters = ("lanczos", "bicubic", "bilinear", "box")
    assert len({to(square, 4, f"crop-{name}").tobytes() for name in filters}) == 4
    for name in filters:
        assert (to(np.full((9, 9), 77, np.uint8), 5, f"crop-{name}") == 77).all()


@pytest.mark.parametrize("name", ["", "crop", "crop-", "-lanczos", "crop-lanczos-x", "CROP-box", "fit-box"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError, match="is unknown; give a fit"):
        check_resize(name)
