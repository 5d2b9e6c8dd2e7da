import hashlib
import io
import zipfile

import numpy as np
import pytest
import torch
from picture_files import pixels

from gansift.data import load, read_npz
from gansift.errors import DataError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.npz"


def test_grey_images_come_back_unchanged(path):
    x = np.stack([pixels(number) for number in range(4)])
    for stored in (x, x[..., None]):
        np.savez(path, x=stored, other=np.zeros(3))
        examples = read_npz(path)
        assert examples.x.shape == (4, 1, 6, 5)
        assert np.array_equal(((examples.x[:, 0] + 1) * 127.5).round().numpy(), x)
        expected = tuple(hashlib.sha256(row.tobytes()).hexdigest() for row in x)
        assert examples.hashes == expected
        assert examples.ids == tuple(f"some.npz/{row}#{expected[row][:12]}" for row in range(4))
        assert (examples.labels, examples.paths) == (None, ("",) * 4)


def test_colour_images_come_back_unchanged(path):
    x = np.stack([pixels(number, 6, 5, 3) for number in range(4)])
    np.savez_compressed(path, x=x)
    examples = read_npz(path)
    assert examples.x.shape == (4, 3, 6, 5)
    assert np.array_equal(((examples.x + 1) * 127.5).round().numpy().transpose(0, 2, 3, 1), x)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_points_are_the_same_in_every_storage(path, dtype, order):
    x = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    np.savez(path, x=np.asarray(x, dtype=dtype, order=order))
    examples = read_npz(path)
    assert examples.x.dtype == torch.float32
    assert np.array_equal(examples.x.numpy(), x)
    assert examples.hashes == tuple(hashlib.sha256(row.astype("<f4").tobytes()).hexdigest() for row in x)


@pytest.mark.parametrize(
    ("y", "labels", "names"),
    [
        (np.array([7, 10, 7], dtype=np.uint8), [0, 1, 0], ("7", "10")),
        (np.array(["red", "blue", "red"]), [1, 0, 1], ("blue", "red")),
    ],
)
def test_labels_are_numbered_and_keep_their_names(path, y, labels, names):
    np.savez(path, x=np.zeros((3, 2)), y=y)
    examples = read_npz(path)
    assert examples.labels.dtype == torch.int64
    assert (examples.labels.tolist(), examples.class_names) == (labels, names)


def test_loading_splits_by_rows_in_order(path):
    np.savez(path, x=np.arange(60.0)[:, None])
    splits = load(path)
    assert splits.name == "some.npz"
    together = torch.cat([splits.train.x, splits.valid.x, splits.test.x]).flatten()
    assert torch.equal(together.sort().values, torch.arange(60.0))
    assert torch.equal(splits.train.x, splits.train.x.sort(0).values)


X = np.zeros((3, 4, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": X, "y": X}, "has no array `x`; it holds: images, y. Save it with np.savez"),
        ({}, "has no array `x`; it holds: nothing."),
        ({"x": X.astype(np.int64)}, "`x` in {path} is int64 of shape (3, 4, 4). `x` must be images, uint8 of shape"),
        ({"x": X.astype(np.float32)}, "is float32 of shape (3, 4, 4). `x` must be images, uint8"),
        ({"x": X[:, 0]}, "is uint8 of shape (3, 4). `x` must be"),
        ({"x": np.zeros((3, 1, 4, 4), np.uint8)}, "is uint8 of shape (3, 1, 4, 4). `x` must be"),
        ({"x": np.zeros(5)}, "is float64 of shape (5,). `x` must be"),
        ({"x": X[:0]}, "there is no example in it"),
        (
            {"x": np.array([[0.0], [np.nan], [np.inf]])},
            "`x` in {path} has NaN or infinity (in float32), first in row 1",
        ),
        ({"x": np.array([[0.0, 1e300]])}, "NaN or infinity (in float32), first in row 0"),
        ({"x": X, "y": np.zeros(2, int)}, "`y` in {path} is int64 of shape (2,); it must be integers or strings of"),
        ({"x": X, "y": np.zeros((3, 1), int)}, "of shape (3, 1); it must be"),
        ({"x": X, "y": np.zeros(3)}, "`y` in {path} is float64 of shape (3,); it must be integers or strings"),
        ({"x": np.array([X, None], dtype=object)}, "`x` in {path} holds pickled Python objects"),
        ({"x": X, "y": np.array(["a", None, 1], dtype=object)}, "`y` in {path} holds pickled Python objects"),
    ],
)
def test_arrays_that_do_not_fit_are_named_with_what_they_are(path, arrays, message):
    np.savez(path, **arrays)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert message.format(path=path) in str(caught.value)


def saved(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def flipped(content):
    """One byte of the pixels is another; the checksum tells."""
    middle = content.index(b"NUMPY") + 500
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no .npz file, or it is damaged"),
        (b"path,label\n", "is no .npz file, or it is damaged"),
        (saved(x=np.zeros((9, 9, 9), np.uint8))[:600], "is no .npz file, or it is damaged"),
        (flipped(saved(x=np.zeros((9, 9, 9), np.uint8))), "`x` in {path} is damaged"),
    ],
)
def test_a_damaged_file_is_named(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(path)
    assert message.format(path=path) in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_single_array_or_another_zip_is_told_apart(path):
    with open(path, "wb") as file:
        np.save(file, X)
    with pytest.raises(DataError, match=r"some\.npz is a single array, not a \.npz file"):
        load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x", "no array")
    with pytest.raises(DataError, match=r"`x` in .*some\.npz is damaged"):
        load(path)


def test_a_header_that_declares_more_than_there_is_memory_for_is_an_error_of_that_file(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 2**19)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", header.getvalue() + bytes(100))
    with pytest.raises(DataError, match=r"`x` in .*some\.npz says that it is larger than the memory that there is"):
        load(path)


def test_arrays_for_training_and_testing_are_the_splits(path):
    x = np.stack([pixels(number) for number in range(9)])
    y = np.arange(9) % 4
    np.savez(path, x_test=x[:2], y_test=y[:2], x_train=x[2:7], y_train=y[2:7], x_val=x[7:], y_val=y[7:])
    splits = load(path)
    for part, rows in (("train", slice(2, 7)), ("valid", slice(7, 9)), ("test", slice(0, 2))):
        examples = getattr(splits, part)
        assert np.array_equal(((examples.x[:, 0] + 1) * 127.5).round().numpy(), x[rows])
        assert [int(examples.class_names[label]) for label in examples.labels.tolist()] == y[rows].tolist()
    assert len({*splits.train.ids, *splits.valid.ids, *splits.test.ids}) == 9


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_test": np.zeros((2, 3))}, "must be of one type, and of one shape but for the number of rows"),
        ({"x_test": np.zeros((2, 2), np.float64)}, "of one type"),
        ({"y_train": np.zeros(3, int)}, "some of its splits only: y_test is missing"),
        ({"y_train": np.zeros(2, int), "y_test": np.zeros(2, int)}, "`y_train` .* but `x_train` has 3 rows"),
    ],
)
def test_splits_that_do_not_go_together_are_refused(path, changed, message):
    np.savez(path, **{"x_train": np.zeros((3, 2), np.float32), "x_test": np.ones((2, 2), np.float32)} | changed)
    with pytest.raises(DataError, match=message):
        read_npz(path)
