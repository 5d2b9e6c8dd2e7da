"""What makes one data set differ from another? A flow that transfers images between them

Two data sets of the same kind differ in something: a camera, a country, a share. A flow between data sets (Esser, Rombach and Ommer 2020,
net2net) says in what: an autoencoder is fitted to both, and a flow on its latents is told of which data set each image is, so that the rest
tells nothing of it. Then an image of one set is made one of the other. Here both sets are digits of MNIST; in `thick`, 80 % have
thick strokes, in `thin` 20 %, and nobody tells the flow so. From the command line it is `gansift run thick=DIR thin=DIR --game flow`,
and then `gansift audit transfer RUN`.
"""

# %%
# MNIST at 14 × 14 pixels. A stroke is as thick as twice its ink over the length of its edge.

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from gansift import audit, data, influence, systems, training
from gansift.data import Examples

mnist = data.load("mnist", seed=0)
whole = Examples.joined([mnist.train, mnist.valid, mnist.test])
ink = (whole.x[:, 0] + 1) / 2
thickness = 2 * ink.sum((1, 2)) / (ink.diff(dim=1).abs().sum((1, 2)) + ink.diff(dim=2).abs().sum((1, 2)))
order = thickness.argsort().numpy()
thin, thick = (np.random.default_rng(0).permutation(rows) for rows in (order[:5000], order[5000:]))
rows = {"thick": np.r_[thick[:4000], thin[4000:]], "thin": np.r_[thick[4000:], thin[:4000]]}

splits = {}
for name, chosen in rows.items():
    stroke = np.where(np.isin(chosen, thick), "thick", "thin")
    digit = [whole.class_names[label] for label in whole.labels[torch.from_numpy(chosen)]]
    small = avg_pool2d(whole.x[torch.from_numpy(chosen)], 2)
    splits[name] = data.split(Examples.of(small, name=name, label=digit, stroke=stroke), name)
train = {name: part.train for name, part in splits.items()}
print({name: len(part) for name, part in train.items()})

# %%
# Encoder, decoder and flow are trained together; the first two come to rest in the middle of training.

system = systems.build("flow", splits)
run = training.train(system.new_game(0), train, steps=1000, batch_size=64, optimizers=system.optimizers, seed=0)

# %%
# Below each test image is what it becomes as one of either data set. As one of its own data set it is merely reconstructed.

import matplotlib.pyplot as plt

players = run.trained()
answer = audit.run_audit("transfer", audit.Subject("strokes", splits, [players]), steps=500)
gallery = answer.pictures["Transfers"]


def draw(groups, headings, title=""):
    figure, axes = plt.subplots(len(headings), len(groups), figsize=(0.75 * len(groups), 0.85 * len(headings)))
    for place, heading in enumerate(headings):
        for column, group in enumerate(groups):
            axes[place, column].imshow(group[place, 0], cmap="gray_r", vmin=-1, vmax=1)
            axes[place, column].set(xticks=[], yticks=[])
        axes[place, 0].set_ylabel(heading, rotation=0, ha="right", va="center")
    figure.suptitle(title)


draw(gallery.x, gallery.headings)

# %%
# What is shown so nicely may be made up: a flow that turns every 3 of one set into an 8 of the other may be as likely. So the audit lets
# classifiers of real images judge whether a digit is still the same, and how many strokes are thick.

print(answer.verdict)
for name, number in answer.numbers.items():
    print(f"{name}: {number.told('.2f')}" + ("" if number.expected is None else f", expected {number.expected:.2f}"))

# %%
# What is typical of each data set: the images whose latents are much more likely in their own set than in the mean of both, and below them the
# least typical ones.

draw(answer.pictures["Most typical of each data set"].x, ("thick", "thin"), "most typical")
draw(answer.pictures["Least typical of each data set"].x, ("thick", "thin"), "least typical")

# %%
# Which images carry the bias? The metric is how far the share of thick strokes moves in a transfer. Scores say what becomes of it when an image
# is removed, here through the last quarter of training, in which the flow alone still learns.

shift = system.judges("transfer-shift").validation
scores = influence.itd(run, shift, horizon=150)
print(f"shift: {shift.value(run):.3f}")
for name, part in train.items():
    own = scores.of(name)
    worst = own.harmful(len(own) // 10)
    share = np.mean([part.columns["stroke"].values[own.rows[one]] == 0 for one in worst.ids])
    print(
        f"{name}: without the tenth that carries most of it {worst.sum():+.3f}; {share:.0%} of them have thick strokes"
    )
