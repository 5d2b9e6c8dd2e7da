"""Weights to start from: what is written is read again, and nothing else is taken for it."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from gansift.errors import DataError
from gansift.models import Architecture, read_architecture, read_weights, write_weights

ARCHITECTURES = [
    Architecture("mlp", (1, 8, 8), 4, 8),
    Architecture("dcgan", (1, 28, 28), 4, 2),
    Architecture("fc", (2,), 4, 8),
    Architecture("stylegan2", (3, 32, 32), 4, 2, 4, 1, "silu"),
]


def _same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.model)
def test_networks_come_back_as_they_were_and_stay_so(tmp_path, architecture):
    pair = architecture.build()
    write_weights(tmp_path / "a.safetensors", architecture, pair._asdict())
    found, again = read_weights(tmp_path / "a.safetensors")
    assert found == architecture == read_architecture(tmp_path / "a.safetensors")
    assert all(_same(one.state_dict(), other.state_dict()) for one, other in zip(pair, again, strict=True))
    assert again.generator.pretrained
    assert again.discriminator.pretrained


@pytest.mark.parametrize(
    "change", [{"latent": "x"}, {"width": 10**11}, {"depth": 0}, {"shape": [1, 8.5, 8]}, {"model": 3}]
)
def test_a_description_of_no_network_is_refused_before_anything_is_built(tmp_path, change):
    about = {"model": "mlp", "shape": [1, 8, 8], "latent": 4, "width": 8} | change
    save_file({"generator.w": torch.ones(1)}, tmp_path / "a.safetensors", {"architecture": json.dumps(about)})
    with pytest.raises(DataError, match="does not say which networks its weights belong to"):
        read_architecture(tmp_path / "a.safetensors")


def test_a_discriminator_that_is_not_there_is_a_new_one(tmp_path):
    architecture = ARCHITECTURES[0]
    write_weights(tmp_path / "a.safetensors", architecture, {"generator": architecture.build().generator})
    pair = read_weights(tmp_path / "a.safetensors")[1]
    assert (pair.generator.pretrained, pair.discriminator.pretrained) == (True, False)


def test_other_files_are_refused_with_what_to_do(tmp_path):
    architecture = ARCHITECTURES[0]
    path = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match="there is no file"):
        read_weights(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match=r"--init model\.pt; pickles .* never opened"):
        read_weights(path)
    save_file({"generator.a": torch.ones(2)}, path)
    with pytest.raises(DataError, match="does not say which networks"):
        read_weights(path)
    write_weights(path, architecture, {"generator": architecture.build().discriminator})
    with pytest.raises(DataError, match="does not hold the generator"):
        read_weights(path)
    broken = architecture.build()
    broken.generator.layers[0].bias.data[0] = float("nan")
    write_weights(path, architecture, broken._asdict())
    with pytest.raises(DataError, match="NaN"):
        read_weights(path)
