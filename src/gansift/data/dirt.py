"""Dirt of the kinds that people find in their image collections, planted into clean images on purpose.

With planted dirt it is known which images are wrong. Planted is not the same as harmful: whether an image hurts a model
is for retraining to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

#: Turns images (n, C, H, W) in [-1, 1] into dirty ones of the same shape, with a random stream of its own.
Dirt = Callable[[Tensor, np.random.Generator], Tensor]


def blurred(images: Tensor, random: np.random.Generator) -> Tensor:
    """Out of focus: a binomial kernel of 3 pixels, as often as it takes to reach an eighth of the side."""
    kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
    weight = torch.outer(kernel, kernel)[None, None]
    times = max(2, (images.shape[-1] // 8) ** 2)
    flat = images.reshape(-1, 1, *images.shape[2:])
    for _ in range(times):
        flat = conv2d(pad(flat, (1, 1, 1, 1), mode="replicate"), weight)
    return flat.reshape(images.shape)


def shifted(images: Tensor, random: np.random.Generator) -> Tensor:
    """Off centre by three eighths of the side, to any of the four corners; what comes in is background."""
    step = max(1, 3 * images.shape[-1] // 8)
    moved = torch.full_like(images, -1.0)
    for row, (down, right) in enumerate(random.integers(0, 2, (len(images), 2))):
        canvas = pad(images[row], (step, step, step, step), value=-1.0)
        top, left = (0 if down else 2 * step), (0 if right else 2 * step)
        moved[row] = canvas[:, top : top + images.shape[2], left : left + images.shape[3]]
    return moved


def inverted(images: Tensor, random: np.random.Generator) -> Tensor:
    """A negative: light where it should be dark."""
    return -images


def noisy(images: Tensor, random: np.random.Generator) -> Tensor:
    """Nothing but noise, each pixel drawn evenly."""
    return torch.from_numpy(random.uniform(-1, 1, images.shape).astype(np.float32))


def blank(images: Tensor, random: np.random.Generator) -> Tensor:
    """Nothing but background."""
    return torch.full_like(images, -1.0)


def repeated(images: Tensor, random: np.random.Generator) -> Tensor:
    """The first image, as often as there are images."""
    return images[:1].expand(images.shape).clone()


def mixed(images: Tensor, random: np.random.Generator) -> Tensor:
    """Crops mixed up: the upper half of one image over the lower half of another."""
    half = images.shape[2] // 2
    return torch.cat([images[:, :, :half], images.roll(1, 0)[:, :, half:]], dim=2)


def watermarked(images: Tensor, random: np.random.Generator) -> Tensor:
    """A light frame, and a light diagonal across the image."""
    marked = images.clone()
    marked[:, :, [0, -1], :] = 1.0
    marked[:, :, :, [0, -1]] = 1.0
    along = torch.arange(images.shape[-1])
    marked[:, :, along[: images.shape[2]], along[: images.shape[2]]] = 1.0
    return marked


def mangled(images: Tensor, random: np.random.Generator) -> Tensor:
    """Saved as JPEG at the worst quality, at twice the size that its blocks have, and read again."""
    mangled_ones = []
    for image in images:
        pixels = ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        file = BytesIO()
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=2)
        with Image.open(file) as read:
            again = torch.from_numpy(np.array(read).reshape(pixels.shape).astype(np.float32) / 127.5 - 1)
        mangled_ones.append(again.permute(2, 0, 1))
    return torch.stack(mangled_ones)


#: Every kind of dirt that needs no other data, by its name.
KINDS: dict[str, Dirt] = {
    "inverted": inverted,
    "noise": noisy,
    "shifted": shifted,
    "blurred": blurred,
    "blank": blank,
    "one image many times": repeated,
    "mixed-up crops": mixed,
    "watermark": watermarked,
    "mangled by JPEG": mangled,
}


def shrunk(images: Tensor, size: int) -> Tensor:
    """Images of another domain in one channel and a smaller size: means over colours and over squares of pixels."""
    return avg_pool2d(images.mean(dim=1, keepdim=True), images.shape[-1] // size)


def plant(
    images: Tensor, kinds: Mapping[str, Dirt], each: int, random: np.random.Generator
) -> tuple[Tensor, list[int], list[str]]:
    """Dirty versions of images that are drawn at random, as many of each kind.

    Args:
        images: clean ones, shape (N, C, H, W), in [-1, 1].
        kinds: by name.
        each: images of every kind.
        random: decides which images, and what is random in the dirt.

    Returns:
        The dirty images, the row of the clean image that each was made of, and the kind of each.
    """
    made, rows, names = [], [], []
    for name, dirt in kinds.items():
        chosen = random.choice(len(images), each, replace=False)
        made.append(dirt(images[torch.from_numpy(chosen)], random))
        rows += chosen.tolist()
        names += [name] * each
    return torch.cat(made), rows, names
