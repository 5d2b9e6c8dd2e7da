"""Synthetic data: are samples copies, and are they of any use?

A GAN that is told the class is trained on 90 digits. Samples that look right could still be copies of the training
images, and could still teach a classifier nothing. Two audits ask. From the command line they are
`gansift audit copies RUN` and `gansift audit usefulness RUN`;
[Is my synthetic data any good?](../docs/synthetic-data.md) tells what they can say.
"""

# %%
# Ninety images of handwritten threes, fives and eights to train on, and all others of these classes to test with.

import torch

from gansift import audit, data, systems, training
from gansift.report import answer_text

digits = data.load("digits", seed=0)
labels = torch.cat([digits.train.labels, digits.valid.labels, digits.test.labels])
x = torch.cat([digits.train.x, digits.valid.x, digits.test.x])
rows = torch.cat([(labels == digit).nonzero().flatten() for digit in (3, 5, 8)])
rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
parts = {"train": rows[:90], "valid": rows[90:310], "test": rows[310:]}
splits = data.Splits(
    "threes, fives and eights",
    **{name: data.Examples.of(x[part].numpy(), name=name, label=labels[part].tolist()) for name, part in parts.items()},
)
print({name: len(part) for name, part in parts.items()})

# %%
# The GAN, for a short time.

system = systems.build("acgan", {"data": splits}, {})
run = training.train(system.new_game(0), splits.train, steps=600, batch_size=30, optimizers=system.optimizers, ema=0.98)
subject = audit.Subject("a GAN on 90 digits", {"data": splits}, [run.trained()])

# %%
# Does a classifier get better with its samples than with classical augmentation? Any classifier with the interface of
# scikit-learn can be asked.

answer = audit.run_audit(
    "usefulness", subject, classifier="sklearn.linear_model:LogisticRegression", samples=300, rounds=4
)
print(answer_text(answer))

# %%
# How the sensitivity goes with the number of synthetic images, and of augmented ones.

import matplotlib.pyplot as plt

curves = answer.curves["Over the number of synthetic examples"]
figure, axis = plt.subplots(figsize=(7, 3.2))
for name, (counts, sensitivity) in curves.lines.items():
    axis.plot(counts, sensitivity, "o-", label=name)
axis.set(xlabel=curves.x, ylabel=curves.y)
axis.legend(frameon=False)

# %%
# Are they copies? The share of samples that are nearer to a training image than to any of as many held-out ones is 0.5 by chance.

answer = audit.run_audit("copies", subject, samples=500)
print(answer.verdict)
for name, number in answer.numbers.items():
    print(f"{name:22} {number.value:6.2f}  95 % interval {number.ci95[0]:.2f} to {number.ci95[1]:.2f}")

# %%
# A generator that does copy, for comparison: it emits training images with some noise.


class Thief:
    dtype, device = torch.float32, torch.device("cpu")

    def sample(self, count, draw):
        chosen = (draw.uniform(count) * len(splits.train)).long()
        return splits.train.x[chosen] + 0.1 * draw.normal(count, *splits.train.shape)


stolen = audit.run_audit("copies", audit.Subject("a thief", {"data": splits}, [Thief()]), samples=500)
print(stolen.verdict)
print(f"nearer to a training image: {stolen.numbers['nearer_share_pixels'].value:.0%} of the samples")

# %%
# The closest pairs of the GAN (above) and of the thief (below): each sample, and the training image nearest to it.

figure, axes = plt.subplots(2, 12, figsize=(11, 2.2))
for line, found in zip(axes, (answer, stolen), strict=True):
    pairs = found.pictures["Samples that come closest"].x[:6]
    for axis, image in zip(line, pairs.reshape(-1, *pairs.shape[2:]), strict=True):
        axis.imshow(image[0], cmap="gray_r", vmin=-1, vmax=1)
        axis.axis("off")
