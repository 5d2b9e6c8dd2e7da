"""A GAN whose discriminator is also shown what was generated before, and whose generator keeps to the real brightness."""

import torch
from own_game import DigitsGAN
from plain_gan import Discriminator, Generator
from torch.nn.functional import softplus

from gansift.games import Memory, weighted_mean
from gansift.systems import only


class HistoryGAN(DigitsGAN):
    def __init__(self, images):
        history, level = Memory(images), Memory(torch.zeros(1))
        super().__init__(discriminator=Discriminator(), generator=Generator(), history=history, level=level)

    def discriminator_loss(self, net, batch, draw):
        old = net.history()[draw.permutation(len(net.history()))[: len(batch)]]
        return super().discriminator_loss(net, batch, draw) + softplus(net.discriminator(old)).mean()

    def generator_loss(self, net, batch, draw):
        off = self.sample(net, len(batch), draw).mean() - net.level()
        return super().generator_loss(net, batch, draw) + off.square().sum()

    def history_loss(self, net, batch, draw):  # generated images take the place of older ones
        slots = draw.permutation(len(net.history()))[: len(batch)]
        return net.history.write(slots, self.sample(net, len(batch), draw), torch.ones_like(batch.weight))

    def level_loss(self, net, batch, draw):  # level <- 0.99 level + 0.01 mean
        return net.level.towards(weighted_mean(batch.x.flatten(1).mean(1), batch.weight), 0.01)


def build(data):
    return HistoryGAN(torch.zeros(200, *only(data, "history GAN").train.shape))
