"""Fashion-MNIST: which garments make what a flow-matching model generates worse, exactly, and are they?

    python examples/fashion_mnist.py FOLDER [STEPS]

FOLDER holds the four files of Fashion-MNIST, such as /usr/share/datasets/fashion-mnist of Debian's package dataset-fashion-mnist.
What this printed, and the longer run of `gansift run` on the same images with planted dirt, stand in docs/diffusion.md.
"""

# %%
# A thousand images at 14x14 pixels train, a thousand others are asked in scoring, and two thousand tell whether it was true.

import gzip
import sys
from pathlib import Path

import numpy as np

from gansift import cleansing, data, influence, systems, training

if len(sys.argv) < 2:
    sys.exit(__doc__)
folder, steps = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300
NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def read(name):
    """The numbers of one of its files, which begins with four bytes for each of its sizes, and four more."""
    content = gzip.decompress((folder / name).read_bytes())
    sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sizes)


def garments(name, first, last):
    """Images of one of the two files, a quarter of their pixels, with the names of their classes."""
    pixels, labels = read(f"{name}-images-idx3-ubyte.gz")[first:last], read(f"{name}-labels-idx1-ubyte.gz")[first:last]
    halved = pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4)).round().astype(np.uint8)
    return data.Examples.of(halved, name=f"{name}{first}", label=[NAMES[label] for label in labels])


splits = data.Splits("fashion", garments("train", 0, 1000), garments("train", 1000, 2000), garments("t10k", 0, 2000))

# %%
# A small U-Net learns to carry noise into garments. A low learning rate keeps it predictable for longer.

system = systems.build("matching", {"fashion": splits}, {"width": 8, "lr": 1e-3})
settings = {"steps": steps, "batch_size": 50, "optimizers": system.optimizers, "ema": 0.99, "seed": 0}
run = training.train(system.new_game(0), splits.train, **settings)
fid = system.judges("fid", latents=500)
print(f"{fid.test.name} after {steps} steps: {fid.test.value(run):.1f}; of as many real images {fid.test.floor:.1f}")

# %%
# Scores look back over the last third of training. The fifty most harmful images are removed from it, and so are fifty others by chance.

horizon = steps // 3
scores = influence.itd(run, fid.validation, horizon)
before, tested = fid.validation.value(run), fid.test.value(run)
chance = np.random.default_rng(0).choice(splits.train.ids, 50, replace=False).tolist()
for name, ids in (("most harmful", scores.harmful(50).ids), ("most helpful", scores.helpful(50).ids), ("by chance", chance)):
    predicted = sum(scores.values[scores.ids.index(one)] for one in ids)
    without = cleansing.retrain(run, remove=ids, horizon=horizon)
    print(
        f"without the 50 {name}: validation FID {predicted:+.2f} predicted, {fid.validation.value(without) - before:+.2f} true; "
        f"test FID {fid.test.value(without) - tested:+.2f}"
    )

# %%
# What are they? The mean score of each class, harmful ones first: the change of FID if an average one of them is removed.

labels = splits.train.labels
means = {name: float(scores.values[(labels == row).numpy()].mean()) for row, name in enumerate(splits.train.class_names)}
for name, mean in sorted(means.items(), key=lambda pair: pair[1]):
    print(f"  {name:<10} {mean:+.4f}")
