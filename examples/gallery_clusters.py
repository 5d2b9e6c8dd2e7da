"""Clusters: what kinds of images are these, wherever they lie?

K-means takes an image that is moved by two pixels for another one. Clusters up to transformations do not: either every shift is tried
(Frey and Jojic 2003), or a network moves and bends the prototypes towards every image (DTI; Monnier et al. 2020). From the
command line it is `gansift run FOLDER --game clustering`, and then `gansift audit clusters runs/FOLDER`.
"""

# %%
# Scikit-learn's digits, each at a place of its own in a frame of 12 x 12 pixels. Their labels are for the audit alone.

import numpy as np
import torch

from gansift import audit, data, systems, training
from gansift.data import Examples, Splits

digits, random = data.load("digits", seed=0), np.random.default_rng(0)


def moved(part):
    x = torch.full((len(part), 1, 12, 12), -1.0)
    for image, picture in zip(x, part.x, strict=True):
        down, right = random.integers(0, 5, 2)
        image[:, down : down + 8, right : right + 8] = picture
    return Examples.of(x.numpy(), label=[str(one) for one in part.labels.tolist()])


splits = Splits("moved digits", *(moved(part) for part in (digits.train, digits.valid, digits.test)))

# %%
# Both kinds of clusters are systems: they are trained, recorded and scored like any other. Only 800 steps each.


def trained(kind):
    system = systems.build("clustering", {"images": splits}, {"kind": kind})
    run = training.train(
        system.new_game(0), splits.train, steps=800, batch_size=64, optimizers=system.optimizers, seed=0
    )
    return run.trained()


subjects = {kind: audit.Subject(kind, {"images": splits}, [trained(kind)]) for kind in ("dti-kmeans", "shifts")}

# %%
# What do clusters of test images tell of their labels, beside scikit-learn's K-means?

answer = audit.run_audit("clusters", *subjects.values())
print(answer.verdict)
for row in answer.tables["Runs"].rows:
    print(f"{row[0]}: accuracy {row[6]}, NMI {row[7]}")

# %%
# Below each prototype one of its images, and the prototype as it is aligned to that.

import matplotlib.pyplot as plt

gallery = answer.pictures["Prototypes and members of dti-kmeans"]
figure, rows = plt.subplots(3, len(gallery.x), figsize=(9, 2.6))
for column, pictures in enumerate(gallery.x):
    for axes, picture in zip(rows[:, column], pictures[:3], strict=True):
        axes.imshow(picture[0], cmap="gray", vmin=-1, vmax=1)
        axes.axis("off")
figure.tight_layout()

# %%
# Without any network: every shift of every prototype is tried, and EM learns how probable each is.

from gansift.audit.enumeration import finite_mixture, matrices
from gansift.metrics.clustering import matched_accuracy

fit = finite_mixture(splits.train.x, 10, matrices(12, 12, 2), starts=2, rounds=30)
print(f"accuracy on training images: {matched_accuracy(fit.clusters.numpy(), splits.train.labels.numpy()):.3f}")
