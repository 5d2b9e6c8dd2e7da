from dataclasses import replace

import pytest
import torch

from gansift.data import Examples

THREE = Examples(
    ids=("a", "b", "c"),
    x=torch.arange(12.0).reshape(3, 1, 2, 2),
    labels=torch.tensor([0, 1, 0]),
    class_names=("cat", "dog"),
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
        replace(THREE, labels=torch.tensor([0, 1, 1])),
        replace(THREE, labels=None),
        replace(THREE, class_names=("cat", "cow")),
        replace(THREE, x=THREE.x.reshape(3, 1, 4, 1)),
        THREE.subset([1, 0, 2]),
        THREE.subset([0, 1]),
    ]
    assert len({digest, *(other.digest() for other in others)}) == 1 + len(others)


def test_the_digest_is_the_same_for_ever():
    assert THREE.digest() == "3328028c95b41923546e0d13af71bdfccf5842398accce622a00b1211f1725b2"


@pytest.mark.parametrize(
    "part", [{"ids": ("a",)}, {"x": THREE.x[:2]}, {"paths": ()}, {"hashes": ("1",)}, {"labels": torch.zeros(4)}]
)
def test_parts_of_unequal_length_are_refused(part):
    with pytest.raises(ValueError, match="of one length"):
        replace(THREE, **part)
