"""A GAN of 8x8 images in plain PyTorch, as many scripts look. Run it: python examples/plain_gan.py [STEPS [FOLDER]]

FOLDER holds the images, as PNG; without one it learns scikit-learn's handwritten digits.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import softplus


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64))

    def forward(self, z):
        return torch.tanh(self.layers(z)).view(-1, 1, 8, 8)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))

    def forward(self, x):
        return self.layers(x.flatten(1))


def load(folder=None):
    if folder is None:
        return torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 8 - 1
    images = [np.asarray(Image.open(path).convert("L")) for path in sorted(Path(folder).rglob("*.png"))]
    return torch.tensor(np.stack(images), dtype=torch.float32)[:, None] / 127.5 - 1


def train(images, steps):
    generator, discriminator = Generator(), Discriminator()
    generator_adam = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.99))
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.99))
    for step in range(steps):
        real = images[torch.randint(len(images), (50,))]

        fake = generator(torch.randn(50, 16))
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake.detach())).mean()
        discriminator_adam.zero_grad()
        loss.backward()
        discriminator_adam.step()

        generator_loss = softplus(-discriminator(generator(torch.randn(50, 16)))).mean()
        generator_adam.zero_grad()
        generator_loss.backward()
        generator_adam.step()
        if step % 200 == 0:
            print(f"step {step}: discriminator {loss.item():.3f}, generator {generator_loss.item():.3f}")
    return generator


if __name__ == "__main__":
    train(load(*sys.argv[2:3]), steps=int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
