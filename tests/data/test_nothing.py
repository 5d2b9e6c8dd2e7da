"""Blank images and pure noise are told from images that show something, however little."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from gansift.data.nothing import nothing_in
from gansift.data.survey import survey
from gansift.data.survey_text import survey_text

RANDOM = np.random.default_rng(0)
PHOTO = load_sample_images().images[0][:128, :128]


def _uint8(values):
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(16, 16), (40, 20), (16, 16, 3)])
def test_one_colour_is_blank_also_with_what_a_lossy_format_leaves(shape):
    assert nothing_in(np.full(shape, 200, np.uint8)) == "blank"
    assert nothing_in(_uint8(200 + RANDOM.normal(0, 1, shape))) == "blank"


@pytest.mark.parametrize("shape", [(16, 16), (32, 32, 3), (128, 128)])
def test_independent_pixels_are_noise(shape):
    for _ in range(20):
        assert nothing_in(RANDOM.integers(0, 256, shape).astype(np.uint8)) == "noise"


def test_what_shows_something_is_neither():
    line = np.full((16, 16), 255, np.uint8)
    line[:, 8] = 0
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[:8, :, 0], colour[8:, :, 1] = 90, 90  # the same grey, but not the same colour
    noisy = _uint8(PHOTO + RANDOM.normal(0, 40, PHOTO.shape))
    assert [nothing_in(image) for image in (line, colour, PHOTO, noisy)] == [None] * 4
    assert nothing_in(RANDOM.integers(0, 256, (8, 8)).astype(np.uint8)) is None  # too small to tell


def _folder(path, images):
    path.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(path / f"{number:02d}.png")
    return path


def test_the_survey_names_them(tmp_path):
    shifted = [np.roll(PHOTO[:32, :32], 3 * number, axis=0) + np.uint8(number) for number in range(18)]
    noise = RANDOM.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    found = survey(_folder(tmp_path / "some", [*shifted, np.zeros((32, 32, 3), np.uint8), noise]))
    assert found["nothing"] == {"blank": ["18.png"], "noise": ["19.png"]}
    text = survey_text(found)
    assert "of one colour, 1:\n  18.png" in text
    assert "- Look at what is like pure noise (1, such as 19.png), and leave out" in text


def test_where_most_images_are_noise_that_is_what_the_data_are(tmp_path):
    noise = [RANDOM.integers(0, 256, (32, 32)).astype(np.uint8) for _ in range(12)]
    assert survey(_folder(tmp_path / "all", noise))["nothing"] == {}
