"""The script plain_gan.py as a game: its networks unchanged, its losses with weights and repeatable random numbers."""

from plain_gan import Discriminator, Generator
from torch.nn.functional import softplus

from gansift.games import Game, weighted_mean


class DigitsGAN(Game):
    averaged = ("generator",)

    def discriminator_loss(self, net, batch, draw):
        real = softplus(-net.discriminator(batch.x)).squeeze(1)
        fake = softplus(net.discriminator(self.sample(net, len(batch), draw)))
        return weighted_mean(real, batch.weight) + fake.mean()

    def generator_loss(self, net, batch, draw):
        return softplus(-net.discriminator(self.sample(net, len(batch), draw))).mean()

    def sample(self, net, count, draw):
        return net.generator(draw.normal(count, 16))


def build(data):
    return DigitsGAN(discriminator=Discriminator(), generator=Generator())
