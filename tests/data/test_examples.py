import hashlib
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift.data import BUILTINS, Column, Examples, labelled, load, read_npz
from gansift.errors import DataError

THREE = Examples(
    ids=("a", "b", "c"),
    x=torch.arange(12.0).reshape(3, 1, 2, 2),
    columns=labelled(torch.tensor([0, 1, 0]), ("cat", "dog")),
    paths=("/p/a", "/p/b", "/p/c"),
    hashes=("1", "2", "3"),
)


@pytest.mark.parametrize("indices", [[2, 0], torch.tensor([2, 0]), range(2, -1, -2)])
def test_a_subset_takes_every_part_in_the_order_asked_for(indices):
    part = THREE.subset(indices)
    assert (part.ids, part.paths, part.hashes) == (("c", "a"), ("/p/c", "/p/a"), ("3", "1"))
    assert torch.equal(part.x, THREE.x[[2, 0]])
    assert part.labels.tolist() == [0, 0]
    assert part.class_names == THREE.class_names
    assert (len(part), part.shape) == (2, (1, 2, 2))


def test_an_empty_subset_keeps_the_shape():
    part = THREE.subset([])
    assert (len(part), part.shape, part.labels.dtype) == (0, (1, 2, 2), torch.int64)


def test_the_digest_is_of_what_is_trained_on_and_not_of_where_it_lies():
    digest = THREE.digest()
    assert digest == replace(THREE, paths=("/q/a", "/q/b", "/q/c")).digest()
    others = [
        replace(THREE, ids=("a", "b", "d")),
        replace(THREE, hashes=("1", "2", "4")),
        replace(THREE, columns=labelled(torch.tensor([0, 1, 1]), ("cat", "dog"))),
        replace(THREE, columns={}),
        replace(THREE, columns=labelled(torch.tensor([0, 1, 0]), ("cat", "cow"))),
        replace(THREE, x=THREE.x.reshape(3, 1, 4, 1)),
        THREE.subset([1, 0, 2]),
        THREE.subset([0, 1]),
    ]
    assert len({digest, *(other.digest() for other in others)}) == 1 + len(others)


def test_the_digest_is_the_same_for_ever():
    assert THREE.digest() == "3328028c95b41923546e0d13af71bdfccf5842398accce622a00b1211f1725b2"


@pytest.mark.parametrize(
    "part",
    [{"ids": ("a",)}, {"x": THREE.x[:2]}, {"paths": ()}, {"hashes": ("1",)}, {"columns": labelled(torch.zeros(4))}],
)
def test_parts_of_unequal_length_are_refused(part):
    with pytest.raises(ValueError, match="of one length"):
        replace(THREE, **part)


# Recorded before examples had other columns than labels.
@pytest.mark.parametrize(
    ("name", "digest", "train"),
    [
        ("digits", "ceae8f328c2ba86c0501c1f7702491a136b26c69c1f0419d029c17df337dfdde",
         "8c1ad6f78de42b29a4c7ff00cccfb3e407ef926220a18073916874c132dfd8da"),
        ("normal-2d", "28433f00c1dc711fce226a2a0a3ca6c17b277ff67c03b233e6a67d642950cecd",
         "1d6337163da7226fedb2134d24bf6eb93e805d98ea4a4a2d3275aad7bc5fce1d"),
        ("emoji-noto", "5861380498de1c7cf74332bb4cb972217bd1549de71ddddeafba5b744ada4105",
         "afe6e24a9454ce6cdf32ad2735a39cddb8bdb63412cc501abc3aefb0c130f6a4"),
    ],
)  # fmt: skip
def test_built_in_data_keep_the_digests_that_they_always_had(name, digest, train):
    assert BUILTINS[name](0).digest() == digest
    assert load(name).train.digest() == train


def test_arrays_in_a_file_keep_the_digests_and_ids_that_they_always_had(tmp_path):
    rows = np.arange(36, dtype=np.float32).reshape(12, 3) / 7
    np.savez(tmp_path / "some.npz", x=rows, y=np.array(["a", "b", "c"] * 4))
    points = read_npz(tmp_path / "some.npz")
    assert points.digest() == "cfdfa0288128be2d1a1112f73726057872abe507f795ac712190fdaba6799070"
    assert points.ids[-1] == "some.npz/11#ba84eaf3108a"
    np.savez(tmp_path / "pic.npz", x=(np.arange(192) % 251).astype(np.uint8).reshape(12, 4, 4))
    images = read_npz(tmp_path / "pic.npz")
    assert images.digest() == "d6d59a0b28e3b629a90dc2972ac55ed9200e94738e3eb526429796fbbed45e99"
    assert images.ids[-1] == "pic.npz/11#9f52527783ea"


def test_other_columns_are_part_of_the_digest_in_whatever_order_they_come():
    sex, age = Column.of(["f", "m", "f"]), Column.of([20.5, 30.0, 41.0])
    with_both = replace(THREE, columns={**THREE.columns, "sex": sex, "age": age})
    assert with_both.digest() == replace(THREE, columns={"age": age, "sex": sex, **THREE.columns}).digest()
    assert (
        len({THREE.digest(), with_both.digest(), replace(THREE, columns={**THREE.columns, "sex": sex}).digest()}) == 3
    )


def test_a_subset_takes_every_column():
    part = replace(THREE, columns={"pair": Column.of([[1, 2], [3, 4], [5, 6]])}).subset([2, 0])
    assert part.columns["pair"].values.tolist() == [[5, 6], [1, 2]]
    assert (part.labels, part.class_names) == (None, None)


def test_arrays_tensors_and_lists_of_the_same_values_are_the_same_examples(tmp_path):
    rows = np.arange(12, dtype=np.float32).reshape(6, 2) / 8
    same = [Examples.of(value, label=list("abcabc")) for value in (rows, torch.from_numpy(rows), rows.tolist())]
    assert len({examples.digest() for examples in same}) == 1
    np.savez(tmp_path / "data", x=rows)
    assert read_npz(tmp_path / "data.npz").hashes == same[0].hashes
    assert torch.equal(same[0].x, torch.from_numpy(rows))


def test_images_are_the_same_with_channels_first_or_last_and_with_none():
    pixels = np.arange(2 * 5 * 4 * 3, dtype=np.uint8).reshape(2, 5, 4, 3)
    last, first = Examples.of(pixels), Examples.of(torch.from_numpy(pixels.transpose(0, 3, 1, 2)))
    assert (last.shape, last.digest()) == ((3, 5, 4), first.digest())
    assert torch.equal(last.x, first.x)
    assert Examples.of(pixels.transpose(0, 3, 1, 2)).digest() == last.digest()
    grey = Examples.of(pixels[..., 0])
    assert grey.digest() == Examples.of(pixels[..., :1]).digest()
    assert torch.equal(grey.x * 127.5 + 127.5, torch.from_numpy(pixels[..., 0]).float()[:, None])
    assert torch.allclose(Examples.of(pixels[..., 0] / 255).x, grey.x, atol=1e-6)


def test_copies_have_ids_of_their_own():
    examples = Examples.of([[1.0], [1.0]], name="n")
    assert examples.hashes[0] == examples.hashes[1]
    assert len(set(examples.ids)) == 2


def test_columns_are_categories_or_numbers_by_what_they_hold():
    x = np.zeros((3, 1))
    sex = np.array(["m", "f", "m"], dtype=object)
    label = torch.tensor([10, 9, 10])
    columns = Examples.of(x, label=label, sex=sex, ok=[True, False, True], age=[1.5, 2.5, 3.5]).columns
    assert (columns["label"].values.tolist(), columns["label"].names) == ([1, 0, 1], ("9", "10"))
    assert (columns["sex"].values.tolist(), columns["sex"].names) == ([1, 0, 1], ("f", "m"))
    assert columns["ok"].names == ("False", "True")
    assert (columns["age"].values.dtype, columns["age"].names) == (torch.float32, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [1.0, 2.0]}, "`x` is float64 of shape (2,); it must be images"),
        ({"x": np.zeros((2, 0))}, "`x` has the shape (2, 0): there is no example in it"),
        ({"x": np.zeros((2, 5, 5, 2))}, "`x` is float64 of shape (2, 5, 5, 2)"),
        ({"x": np.zeros((2, 5, 5), dtype=int)}, "`x` is int64 of shape (2, 5, 5)"),
        ({"x": [[1.0], [float("nan")]]}, "`x` has values that are not finite (in float32), first in row 1"),
        ({"x": [[1.0], [1e300]]}, "first in row 1"),
        ({"x": np.full((1, 2, 2), 7.0)}, "the floats of `x` run from 7 to 7"),
        ({"x": [["a"], ["b"]]}, "`x` is <U1 of shape (2, 1)"),
        ({"x": [[1.0], [2.0, 3.0]]}, "`x` cannot be an array"),
        ({"x": [[1.0], [None]]}, "`x` holds NoneType, float"),
        ({"x": [[1.0], [2.0]], "label": ["a"]}, "`label` is of length 1, but `x` has 2 examples"),
        ({"x": [[1.0], [2.0]], "sex": ["f", 1]}, "`sex` holds int, str; it must be all numbers or all strings"),
        ({"x": [[1.0], [2.0]], "sex": ["f", None]}, "`sex` holds NoneType, str"),
        ({"x": [[1.0], [2.0]], "age": [1.0, float("inf")]}, "`age` has values that are not finite"),
        ({"x": [[1.0], [2.0]], "age": np.zeros((2, 1, 1))}, "`age` is float64 of shape (2, 1, 1)"),
        ({"x": [[1.0], [2.0]], "paths": ["a"]}, "`paths` is of length 1, but `x` has 2 examples"),
    ],
)
def test_what_is_wrong_with_arrays_is_said_by_the_name_of_the_argument(arguments, message):
    with pytest.raises(DataError) as caught:
        Examples.of(**arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("count", [1, 4095, 4096, 4097, 10_000])
def test_the_digest_of_many_examples_is_that_of_one_text_and_holds_none_of_it(count):
    labels = [f"class {row % 3}" for row in range(count)]
    many = Examples.of(np.arange(count)[:, None], label=labels, sex=["f"] * count)
    sex = [["sex", [0] * count, ["f"]]]
    names = sorted(set(labels))
    text = [many.ids, many.hashes, (1,), [row % 3 for row in range(count)], names, sex]
    tracemalloc.start()
    try:
        digest = many.digest()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert digest == hashlib.sha256(json.dumps(text).encode()).hexdigest()
    assert peak < 2_000_000  # bytes; the text of 10,000 is a megabyte, and was there in several copies
