import pytest

from gansift.data.layout import read_layout
from gansift.errors import DataError


@pytest.mark.parametrize("valid", ["val", "valid", "Validation", "dev"])
@pytest.mark.parametrize("wrapper", ["", "photos/", "a/b/"])
def test_folders_that_are_named_like_splits_are_the_splits_and_those_below_the_classes(valid, wrapper):
    names = [f"{wrapper}{top}/{name}.png" for top in ("train", valid, "TEST") for name in ("cat/1", "dog/2", "dog/x/3")]
    layout = read_layout(names)
    assert list(layout.parts.values()) == ["train"] * 3 + ["valid"] * 3 + ["test"] * 3
    assert list(layout.classes.values()) == ["cat", "dog", "dog"] * 3
    assert list(layout.inner.values()) == ["cat/1.png", "dog/2.png", "dog/x/3.png"] * 3
    assert not layout.outside
    assert not layout.beside


def test_a_wrapper_may_be_below_the_splits_too():
    layout = read_layout(["train/images/cat/1.png", "train/images/dog/1.png", "test/images/cat/2.png"])
    assert list(layout.classes.values()) == ["cat", "dog", "cat"]


def test_splits_need_no_classes_and_one_folder_alone_is_no_split():
    assert read_layout(["train/1.png", "test/2.png"]).parts == {"train/1.png": "train", "test/2.png": "test"}
    assert read_layout(["train/1.png", "test/2.png"]).classes == {}
    assert read_layout(["train/1.png", "train/2.png"]).parts == {}
    assert read_layout(["train/1.png", "bus/2.png"]).classes == {"train/1.png": "train", "bus/2.png": "bus"}
    assert read_layout(["test/1.png", "val/1.png", "car/2.png"]).parts == {}


def test_splits_without_training_data_are_refused():
    with pytest.raises(DataError, match=r"test/, val/ are splits, and none of them is called train"):
        read_layout(["test/1.png", "val/2.png"])


def test_an_image_beside_the_splits_is_a_stray_and_many_are_an_error():
    names = [f"{part}/{number}.png" for part in ("train", "test") for number in range(10)]
    layout = read_layout([*names, "cover.png", "more/1.png"])
    assert layout.outside == dict.fromkeys(("cover.png", "more/1.png"), "lies in none of the splits test/, train/")
    assert set(layout.parts) == set(layout.inner) == set(names)
    with pytest.raises(DataError, match=r"3 of 23 images lie beside them, such as cover\.png"):
        read_layout([*names, "cover.png", "more/1.png", "more/2.png"])


def test_an_image_beside_classes_is_a_stray_and_many_mean_that_folders_are_no_classes():
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(5)]
    layout = read_layout([*names, "cover.png"])
    assert set(layout.classes) == set(names)
    assert list(layout.beside) == ["cover.png"]
    assert read_layout([*names, "cover.png", "back.png"]).classes == {}


@pytest.mark.parametrize("form", ["{0:05d}/img{1:08d}.png", "{2:05d}/{1:05d}.png", "x/{0:05d}/img{1:08d}.png"])
def test_folders_of_a_thousand_numbered_images_are_no_classes(form):
    assert read_layout([form.format(n // 1000, n, n // 1000 * 1000) for n in (0, 999, 1000, 2500)]).classes == {}


@pytest.mark.parametrize("names", [["00000/img1000.png", "00001/img1.png"], ["00000/a.png", "00001/b.png"]])
def test_numbered_folders_of_other_images_are_classes(names):
    assert list(read_layout(names).classes.values()) == ["00000", "00001"]


def test_folders_that_differ_by_a_stray_blank_are_one_class():
    assert list(read_layout(["cat /1.png", "cat/2.png", "dog/3.png"]).classes.values()) == ["cat", "cat", "dog"]
