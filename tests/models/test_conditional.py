"""Networks that know classes: of every kind, with right shapes, and a class that is told."""

import pytest
import torch

from gansift.errors import TrainingError
from gansift.models import Architecture, Conditional, FCGenerator, MLPGenerator, read_weights, write_weights

ARCHITECTURES = [
    Architecture("mlp", (1, 8, 8), 4, 8, classes=3),
    Architecture("dcgan", (1, 28, 28), 4, 2, classes=3),
    Architecture("fc", (2,), 4, 8, classes=3),
    Architecture("stylegan2", (3, 32, 32), 4, 2, 4, 1, "silu", classes=3),
]
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda one: one.model)


@every_architecture
def test_the_generator_is_told_the_class_and_the_discriminator_has_a_logit_for_each(architecture):
    torch.manual_seed(0)
    generator, discriminator = architecture.build()
    z, label = torch.randn(1, 4).expand(3, 4), torch.arange(3)
    samples = generator(z, label)
    assert samples.shape == (3, *architecture.shape)
    assert generator.latent == 4
    assert generator.shape == architecture.shape
    assert all((samples[row] - samples[row - 1]).abs().max() > 1e-4 for row in range(3))
    torch.testing.assert_close(generator(z, label.flip(0)), samples.flip(0))
    assert discriminator(samples).shape == (3, 4)


@every_architecture
def test_without_classes_the_networks_are_those_that_know_of_none(architecture):
    plain = Architecture(*list(vars(architecture).values())[:-1]).build()
    assert not isinstance(plain.generator, Conditional)
    assert plain.discriminator(torch.zeros(2, *architecture.shape)).shape == (2,)


@every_architecture
def test_they_come_back_from_a_file(architecture, tmp_path):
    pair = architecture.build()
    write_weights(tmp_path / "a.safetensors", architecture, pair._asdict())
    found, again = read_weights(tmp_path / "a.safetensors")
    assert found == architecture
    for one, other in zip(pair, again, strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_the_seed_alone_decides_the_classes_vectors_too():
    network = Conditional(FCGenerator(latent=4, width=3), 2)
    vectors = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        network.reset_parameters()
        vectors.append(network.vectors.detach().clone())
    assert torch.equal(*vectors[:2])
    assert not torch.equal(*vectors[1:])


@pytest.mark.parametrize(("latent", "classes"), [(3, 2), (4, 1)])
def test_an_odd_number_of_latents_or_one_class_is_refused(latent, classes):
    with pytest.raises(TrainingError, match=f"not {classes} and {latent}"):
        Conditional(MLPGenerator(latent, 4), classes)
