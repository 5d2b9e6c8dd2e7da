"""A conditional GAN: both networks are told the class.

Run it: gansift run digits --game examples/conditional_gan.py:build
"""

import torch
from torch import nn
from torch.nn.functional import one_hot, softplus

from gansift.games import Game, weighted_mean
from gansift.systems import only
from gansift.training import Adam


class Network(nn.Module):
    def __init__(self, inputs, classes, outputs):
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(nn.Linear(inputs + classes, 64), nn.SiLU(), nn.Linear(64, outputs))

    def forward(self, x, label):
        told = one_hot(label, self.classes).to(x.dtype)
        return self.layers(torch.cat([x.flatten(1), told], dim=1))


class ConditionalGAN(Game):
    averaged = ("generator",)

    def __init__(self, shape, classes):
        self.shape, self.classes = shape, classes
        pixels = shape[0] * shape[1] * shape[2]
        super().__init__(discriminator=Network(pixels, classes, 1), generator=Network(16, classes, pixels))

    def discriminator_loss(self, net, batch, draw):
        real = softplus(-net.discriminator(batch.x, batch.label)).squeeze(1)
        fake, label = self.generate(net, len(batch), draw)
        return weighted_mean(real, batch.weight) + softplus(net.discriminator(fake, label)).mean()

    def generator_loss(self, net, batch, draw):
        return softplus(-net.discriminator(*self.generate(net, len(batch), draw))).mean()

    def generate(self, net, count, draw, label=None):
        if label is None:
            label = (draw.uniform(count) * self.classes).long()
        images = torch.tanh(net.generator(draw.normal(count, 16), label))
        return images.unflatten(1, self.shape), label

    def sample(self, net, count, draw, label=None):
        return self.generate(net, count, draw, label)[0]


def build(data):
    examples = only(data, "conditional GAN").train
    game = ConditionalGAN(examples.shape, len(examples.class_names))
    return game, {"generator": Adam(lr=5e-4, betas=(0.0, 0.99), eps=1e-3)}
