"""What feature spaces tell apart, and what they cost: FID and KID of damaged real images beside the floor.

    python benchmarks/features.py SOURCE [--features imagenet imagenet:128 autoencoder] [--latents 2000] [--out FILE]

SOURCE is as for `gansift run`, images of 28 or 32 pixels. `real` is the floor: test images against validation images.
A row for each feature space and distance has values of damaged test images, then the seconds that value and gradient
take for an untrained DCGAN on one core, and the most memory (RSS) of the process so far.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import command_line
import torch
from torch import Tensor
from torch.nn import functional

from gansift import data, games, metrics, models, training

DAMAGE: dict[str, Callable[[Tensor], Tensor]] = {
    "real": lambda x: x,
    "noise 0.1": lambda x: x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
    "blurred": lambda x: functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2.0),
    "half of them": lambda x: x[: len(x) // 2].repeat(2, 1, 1, 1),
    "ten of them": lambda x: x[:10].repeat(len(x) // 10, 1, 1, 1),
}


def measure(spec: str, kind: Any, splits: data.Splits, latents: int) -> dict[str, float]:
    """Values of damaged images and costs of one distance in one feature space."""
    fitted = spec == "autoencoder"
    features = metrics.AutoencoderFeatures.fit(splits.valid) if fitted else metrics.load_features(spec)
    metric = kind(features, splits.valid, latents=latents)
    row = {name: metric.value(damage(splits.test.x)) for name, damage in DAMAGE.items()}
    shape = tuple(splits.train.shape)
    game = games.GAN(models.DCGANGenerator(latent=32, width=16, shape=shape), models.DCGANDiscriminator(16, shape))
    run = training.train(game, splits.train, steps=1, batch_size=10, optimizers=training.SGD(lr=1e-6))
    start = time.perf_counter()
    row["untrained"] = metric.value(run)
    middle = time.perf_counter()
    metric.gradient(run)
    row |= {"value, s": middle - start, "gradient, s": time.perf_counter() - middle}
    return row | {"GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("source")
    parser.add_argument("--features", nargs="+", default=["imagenet", "imagenet:128", "autoencoder"])
    parser.add_argument("--latents", type=int, default=2000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    splits = data.load(arguments.source, seed=0)
    print(f"{len(splits.valid)} validation and {len(splits.test)} test images", file=sys.stderr)
    values = {name: f"{name}:.3g" for name in (*DAMAGE, "untrained", "value, s", "gradient, s", "GiB")}
    table = command_line.Table({"distance": "distance", **values}, arguments.out)
    for spec in arguments.features:
        for kind in (metrics.FID, metrics.KID):
            name = f"{kind.family.upper()}, {spec}"
            table.add({"distance": name, **measure(spec, kind, splits, arguments.latents)})


if __name__ == "__main__":
    main()
