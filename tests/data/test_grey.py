"""Images of 16-bit grey whose numbers fill fewer bits, from one file to a whole source."""

import numpy as np
import pytest
import torch
from picture_files import save
from PIL import Image

from gansift.data import from_dataset, load, load_sets
from gansift.data.grey import Depth, parse_span, remarks, span_of
from gansift.data.pixels import FULL, Span
from gansift.data.survey import survey
from gansift.errors import UsageError


def folder(place, highest, count=12, suffix="png"):
    """Images of four values from black to ``highest``, and of others below it."""
    draw = np.random.default_rng(0)
    for row in range(count):
        values = draw.integers(0, highest + 1, (4, 4)).astype(np.uint16)
        if row == 3:
            values[0] = 0, highest // 3, 2 * highest // 3, highest
        save(place / f"{row:02}.{suffix}", values)
    return place


def pixels_of(splits):
    """Grey values from 0 to 255 by the file's name."""
    return {
        id_.partition("#")[0]: ((x[0] + 1) * 127.5).round().int()
        for part in (splits.train, splits.valid, splits.test)
        for id_, x in zip(part.ids, part.x, strict=True)
    }


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_12_bits_in_files_of_16_bits_are_spread_over_all_greys(tmp_path, suffix):
    splits = load(folder(tmp_path, 4095, suffix=suffix))
    assert pixels_of(splits)[f"03.{suffix}"][0].tolist() == [0, 85, 170, 255]
    (note,) = splits.notes
    assert "up to 4095, so they are read as 12 bits: 4095 is white" in note


def test_the_range_is_that_of_the_whole_set_and_not_of_each_image(tmp_path):
    folder(tmp_path, 4095)
    save(tmp_path / "dim.png", np.full((4, 4), 1365, np.uint16))
    assert pixels_of(load(tmp_path))["dim.png"].unique().tolist() == [85]


@pytest.mark.parametrize(("highest", "white"), [(255, 255), (256, 1023), (4095, 4095), (4096, 16383), (16384, 65535)])
def test_a_range_is_that_of_as_few_bits_as_hold_all_values(highest, white):
    assert span_of(Depth(1, highest, highest), None) == Span(0, white)


def test_images_that_fill_16_bits_are_read_as_before_and_nothing_is_said(tmp_path):
    splits = load(folder(tmp_path, 65535))
    assert pixels_of(splits)["03.png"][0].tolist() == [0, 85, 170, 255]
    assert (splits.notes, splits.train.resize) == ((), "")


def test_a_range_that_is_given_is_taken_and_what_lies_beyond_is_black_or_white(tmp_path):
    values = pixels_of(load(folder(tmp_path, 3000), range="1000,2000"))["03.png"][0]
    assert values.tolist() == [0, 0, 255, 255]


def test_another_range_is_another_data_set_with_pixels_of_its_own_in_the_cache(tmp_path):
    place, cache = folder(tmp_path / "images", 4095), tmp_path / "cache"
    first, other, again = (load(place, range=text, cache=cache) for text in ("auto", "0,8190", "0,4095"))
    assert first.train.digest() == again.train.digest() != other.train.digest()
    assert torch.equal(first.train.x, again.train.x)
    assert not torch.equal(first.train.x, other.train.x)


def test_a_speck_that_leaves_all_else_dark_is_said_with_the_range_that_helps(tmp_path):
    folder(tmp_path, 4095, count=90)
    speck = np.full((4, 4), 100, np.uint16)
    speck[0, 0] = 65535
    save(tmp_path / "speck.png", speck)
    (note,) = load(tmp_path).notes
    assert "nearly black" in note
    assert "--range 0,40" in note
    found = survey(tmp_path)
    assert note in found["next"]
    assert survey(tmp_path, span=Span(0, 4095))["command"].endswith("--range 0,4095")


def test_a_look_says_by_which_range_a_run_will_read(tmp_path):
    found = survey(folder(tmp_path, 4095))
    assert any("read as 12 bits" in sentence for sentence in found["next"])
    assert found["nothing"] == {}


def test_a_range_does_not_go_with_what_is_no_image_and_is_not_ignored_where_nothing_is_16_bit(tmp_path):
    with pytest.raises(UsageError, match="--range goes with image files only"):
        load("digits", range="0,4095")
    with pytest.raises(UsageError, match="--range go with image files only"):
        survey("digits", span=Span(0, 4095))
    with pytest.raises(UsageError, match="--range goes with image files only"):
        load_sets(["a=digits", "b=digits"], range="0,4095")
    assert "does nothing" in remarks(None, Span(0, 4095))[0]
    assert remarks(None, None) == []


@pytest.mark.parametrize("text", ["", "4095", "5,5", "9,3", "0,65536", "-1,5", "a,b", "0,1,2", "0.5,3", "full"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(UsageError, match="--range"):
        parse_span(text)


def test_images_of_a_torch_data_set_are_read_by_their_range_too():
    values = [np.array([[0, 1365], [2730, 4095 - row]], np.uint16) for row in range(3)]
    examples = from_dataset([Image.fromarray(one) for one in values], name="cells")
    assert ((examples.x[0, 0] + 1) * 127.5).round().int().tolist() == [[0, 85], [170, 255]]
    assert "12 bits" in examples.notes[0]


def test_the_full_range_is_all_of_16_bits():
    assert span_of(None, None) == FULL
