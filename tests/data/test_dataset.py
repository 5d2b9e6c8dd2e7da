import numpy as np
import pytest
import torch
from picture_files import pixels
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from gansift.data import from_dataset, split
from gansift.data.hashing import hash_rows
from gansift.errors import DataError

COLOUR = np.stack([pixels(number, 6, 5, 3) for number in range(12)])
GREY = COLOUR[..., 0]


class Listed(Dataset):
    def __init__(self, items, classes=None):
        self.items = list(items)
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def channels_first(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(image) for image in COLOUR],
        list(COLOUR),
        channels_first(COLOUR),
        channels_first(COLOUR.astype(np.float32) / 255),
        list(COLOUR / 255),
        channels_first(COLOUR.astype(np.float32) / 127.5 - 1),
    ],
    ids=["pil", "array", "tensor", "float tensor", "float array", "signed tensor"],
)
def test_every_kind_of_image_gives_the_same_pixels(images):
    examples = from_dataset(Listed(images), name="mine")
    assert examples.x.dtype == torch.float32
    assert torch.allclose(examples.x, channels_first(COLOUR).float() / 127.5 - 1, atol=1e-6)
    assert examples.labels is None


def test_ids_are_row_and_content_and_move_with_neither_name_nor_neighbours():
    examples = from_dataset(Listed(COLOUR), name="mine")
    assert examples.hashes == hash_rows(COLOUR)
    assert examples.ids[3] == f"mine/3#{examples.hashes[3][:12]}"
    assert from_dataset(Listed(COLOUR[:4]), name="mine").ids == examples.ids[:4]
    assert sum(map(len, (lambda s: (s.train, s.valid, s.test))(split(examples, "mine")))) == 12


@pytest.mark.parametrize(
    ("labels", "classes", "names"),
    [
        ([0, 1] * 6, None, ("0", "1")),
        (torch.tensor([10, 9] * 6), None, ("9", "10")),
        (np.array([0, 1] * 6), ["dog", "cat"], ("cat", "dog")),
        (["b", "a"] * 6, None, ("a", "b")),
    ],
)
def test_labels_get_their_names(labels, classes, names):
    examples = from_dataset(Listed(zip(GREY, labels, strict=True), classes), name="mine")
    assert examples.class_names == names
    written = [str(label if not hasattr(label, "item") else label.item()) for label in labels]
    expected = [classes[int(label)] for label in written] if classes else written
    assert [names[label] for label in examples.labels.tolist()] == expected


def test_torchs_own_data_set_is_read():
    examples = from_dataset(TensorDataset(channels_first(COLOUR), torch.arange(12)), name="mine")
    assert (examples.shape, examples.labels.tolist()) == ((3, 6, 5), list(range(12)))


def test_one_colour_image_makes_all_rgb():
    examples = from_dataset(Listed([GREY[0], COLOUR[1]]), name="mine")
    assert np.array_equal(((examples.x[0] + 1) * 127.5).round().numpy(), np.stack([GREY[0]] * 3))


class Flickering(Listed):
    def __getitem__(self, index):
        return np.random.default_rng().integers(0, 256, (6, 5), dtype=np.uint8)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Listed([]), "must have a length, which is not 0"),
        (iter([1]), "must have a length"),
        (Flickering(range(3)), "item 0 of mine is another image when it is read again"),
        (Listed([GREY[0], GREY[1][:5]]), "item 1 of mine is uint8, 5x5 pixels, but the first is uint8, 5x6"),
        (Listed([GREY[0], GREY[1] / 255]), "item 1 of mine is float32, 5x6 pixels, but the first is uint8"),
        (Listed([(GREY[0], 1), (GREY[1], None)]), "item 1 of mine has no label, but others have one"),
        (Listed([(GREY[0], 1.5)]), "the label 1.5; it must be an integer or a string"),
        (Listed([GREY[0].astype(np.float32)]), "they must be in"),
        (Listed([np.full((2, 2), np.nan)]), "the floats of mine run from nan to nan"),
        (Listed([np.zeros((2, 2), np.int64)]), "it must be uint8 or float"),
        (Listed([np.zeros((4, 2, 2), np.uint8).transpose(1, 2, 0)]), "with one or three channels"),
        (Listed([Image.new("F", (2, 2))]), "has 32-bit pixels"),
        (Listed(["a.png"]), "item 0 of mine is str, neither an image nor"),
    ],
)
def test_what_cannot_be_examples_is_refused_by_item(dataset, message):
    with pytest.raises(DataError) as caught:
        from_dataset(dataset, name="mine")
    assert message in str(caught.value)


def test_images_of_bfloat16_are_read_as_floats():
    images = channels_first(COLOUR.astype(np.float32) / 255).bfloat16()
    examples = from_dataset(Listed(images), name="half")
    assert torch.equal(examples.x, images.float() * 2 - 1)
