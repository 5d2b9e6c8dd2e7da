import os

import numpy as np
import pytest
from picture_files import pixels, save

from gansift.data import load
from gansift.data.survey import survey
from gansift.errors import DataError, UsageError


@pytest.mark.parametrize("source", ["cifar", "no/such/folder", "gone.npz"])
def test_an_unknown_source_is_told_what_there_is(source):
    with pytest.raises(
        DataError,
        match=rf"{source} does not exist.*a folder or zip of images, a CSV, Parquet or \.npz file, or one of digits",
    ):
        load(source)


@pytest.mark.parametrize("name", ["a.png", "images.tar", "table.xls"])
def test_a_file_instead_of_a_folder_is_told_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"1")
    with pytest.raises(
        DataError, match=rf"{name} is a file of another kind than \.csv, .* Give one of these or the folder"
    ):
        load(tmp_path / name)


@pytest.mark.parametrize("option", [{"labels": "labels.csv"}, {"size": 16}])
def test_options_of_image_files_are_refused_elsewhere(tmp_path, option):
    np.savez(tmp_path / "x.npz", x=np.zeros((9, 1)))
    for source in ("digits", tmp_path / "x.npz"):
        with pytest.raises(
            UsageError, match=rf"--{next(iter(option))} goes with image files only, and {source} is none"
        ):
            load(source, **option)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["x.zip", "x.npz", "x.parquet", "x.png"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} is neither a folder nor a regular file"):
        load(tmp_path / name)


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_below_one_pixel_is_refused(faces, size):
    with pytest.raises(UsageError, match=f"at least 1 pixel, not {size}"):
        load(faces, size=size)


def test_a_way_of_resizing_is_refused_where_nothing_is_resized_or_nobody_knows_it(faces):
    with pytest.raises(
        UsageError, match=r"--resize 'crop-magic' is unknown; give a fit .crop, stretch, pad. and a filter"
    ):
        load(faces, size=4, resize="crop-magic")
    with pytest.raises(UsageError, match=r"--resize pad-box .* with --size"):
        load(faces, resize="pad-box")


def test_another_way_of_resizing_is_another_data_set_and_the_usual_one_is_what_it_was(faces):
    usual = load(faces, size=4)
    assert load(faces, size=4, resize="crop-lanczos").train.digest() == usual.train.digest()
    assert load(faces, size=4, resize="pad-lanczos").train.digest() != usual.train.digest()
    assert load(faces, size=4, resize="pad-lanczos").train.ids == usual.train.ids


def test_bad_fractions_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match="three positive numbers"):
        load(tmp_path / "not there", fractions=(1, 1, 1))


def test_a_folder_named_like_a_builtin_is_reached_by_its_path(tmp_path, monkeypatch):
    for number in range(20):
        save(tmp_path / "digits" / f"{number}.png", pixels(number))
    monkeypatch.chdir(tmp_path)
    assert load("./digits").train.shape == (1, 6, 5)
    assert load("digits").train.shape == (1, 8, 8)


def test_fractions_and_seed_reach_the_split(faces):
    assert len(load(faces, fractions=(0.8, 0.1, 0.1), seed=1).train) > len(load(faces, fractions=(0.2, 0.4, 0.4)).train)
    assert load(faces, seed=1).train.ids != load(faces, seed=2).train.ids


@pytest.mark.parametrize("below", ["", "/faces"])
def test_a_source_whose_path_is_not_utf8_is_refused_by_a_look_and_by_a_run(tmp_path, below):
    place = tmp_path / (os.fsdecode(b"caf\xe9") + below)
    for number in range(12):
        save(place / f"{number}.png", pixels(number))
    for ask in (load, survey):
        with pytest.raises(DataError, match=r"caf\ufffd.* is not UTF-8"):
            ask(place)
