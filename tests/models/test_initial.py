"""Weights to start from are those of the file, whatever its layout."""

from __future__ import annotations

import pytest
import torch

from gansift.errors import DataError
from gansift.models import initial_architecture, initial_networks, read_rosinality, write_weights
from models.test_rosinality import _discriminator_layout, _generator_layout, _tensors


@pytest.fixture(params=["with a discriminator", "without"])
def checkpoint(request, tmp_path):
    content = {"g_ema": _tensors(_generator_layout())}
    if request.param == "with a discriminator":
        content["d"] = _tensors(_discriminator_layout())
    torch.save(content, tmp_path / "a.pt")
    return tmp_path / "a.pt"


def test_a_checkpoint_as_it_is_gives_the_networks_of_its_conversion(checkpoint, tmp_path, caplog):
    architecture, networks, notes = read_rosinality(checkpoint)
    found, pair = initial_networks(checkpoint)
    assert found == architecture == initial_architecture(checkpoint)
    assert all(note in caplog.text for note in notes)
    for player, network in zip(("generator", "discriminator"), pair, strict=True):
        assert network.pretrained == (player in networks)
        for name, value in networks[player].state_dict().items() if player in networks else ():
            assert torch.equal(network.state_dict()[name], value)
    write_weights(tmp_path / "a.safetensors", architecture, networks)
    again, converted = initial_networks(tmp_path / "a.safetensors")
    assert again == architecture
    for name, value in converted.generator.state_dict().items():
        assert torch.equal(pair.generator.state_dict()[name], value)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.pt"):
        initial_networks(tmp_path / "a.pt")
