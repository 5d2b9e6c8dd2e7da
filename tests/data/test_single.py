"""One example that is asked about: found by its id, or read from an image file as the data set's own are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gansift import data
from gansift.data.single import single_example
from gansift.errors import DataError, UsageError


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", seed=0)


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_an_example_is_found_by_its_id_with_its_label(digits, part):
    of = getattr(digits, part)
    found = single_example(digits, of.ids[5])
    assert found.ids == (of.ids[5],)
    assert torch.equal(found.x[0], of.x[5])
    assert found.labels.tolist() == of.labels[5:6].tolist()


def test_an_image_file_is_cropped_resized_and_made_grey(digits, tmp_path):
    pixels = np.zeros((10, 8, 3), np.uint8)
    pixels[1:9] = (np.arange(64).reshape(8, 8, 1) * 4).astype(np.uint8)  # the square at the centre
    Image.fromarray(pixels).save(tmp_path / "query.png")
    found = single_example(digits, str(tmp_path / "query.png"))
    assert found.x.shape == (1, 1, 8, 8)
    np.testing.assert_allclose(found.x[0, 0], pixels[1:9, :, 0] / 127.5 - 1, atol=1e-6)
    assert found.labels is None
    assert found.ids[0].startswith("query.png#")


def test_what_is_no_example_is_refused_with_what_it_could_be(digits, tmp_path):
    with pytest.raises(UsageError, match=r"no such file, and no example of that id \(manifest.csv"):
        single_example(digits, "nowhere.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match=r"text.png is not an image"):
        single_example(digits, str(tmp_path / "text.png"))
    with pytest.raises(UsageError, match="are no square images; give an example by its id"):
        single_example(data.load("normal-2d", seed=0), str(tmp_path / "text.png"))
