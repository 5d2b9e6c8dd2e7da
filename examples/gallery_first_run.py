"""A first run: which digits hurt a GAN?

A small GAN is trained on 8 × 8 handwritten digits, every training image is scored, and the end of the training is repeated
without the images that hurt most. `gansift run digits --for-this-model` does the same for several training seeds, chooses how many to
remove and writes a report. `gansift run digits` asks what helps *new* models, trained from scratch with other seeds.
"""

# %%
# A data set comes in three parts. The GAN sees the training images alone; validation images decide, and test images judge.

from gansift import cleansing, data, games, influence, metrics, models, training

splits = data.load("digits", seed=0)
print(len(splits.train), len(splits.valid), len(splits.test))

# %%
# A game is what is trained: its players and their losses. The run is recorded, so that any step of it can be done again.

game = games.GAN(
    generator=models.MLPGenerator(latent=16, width=64, shape=(1, 8, 8)),
    discriminator=models.MLPDiscriminator(width=64, shape=(1, 8, 8)),
    loss="non-saturating",
    r1=1.0,
)
adam = training.Adam(lr=1e-3, betas=(0.0, 0.99), eps=1e-3, eps_inside=True)
run = training.train(game, splits.train, steps=1000, batch_size=50, optimizers=adam, ema=0.98, seed=0)

# %%
# The metric is the Fréchet distance (FID) between generated and validation images, in the features of a small classifier.
# Lower is better.

features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
fid = metrics.FID(features, reference=splits.valid, latents=500, seed=1)
print(f"FID on validation images: {fid.value(run):.2f}")

# %%
# One backward sweep through the last ten epochs (170 steps) scores every image: the predicted change of FID if these were
# redone without that image. A negative score is harmful.

scores = influence.itd(run, fid, horizon=170)
worst = scores.harmful(44)
print(f"the most harmful image: {worst.values[0]:.4f}, the most helpful: {scores.helpful(1).values[0]:+.4f}")

# %%
# These are the 44 images that hurt most.

import matplotlib.pyplot as plt
import torch

figure, axes = plt.subplots(4, 11, figsize=(8, 3))
for axis, name in zip(axes.flat, worst.ids, strict=True):
    axis.imshow(splits.train.x[scores.rows[name], 0], cmap="gray_r")
    axis.axis("off")

# %%
# The last ten epochs are redone without them, and without 44 images drawn at random, and judged by test images and other latents. A single
# training seed proves little: `gansift run --for-this-model` takes several, and gives an interval.

test_fid = metrics.FID(features, reference=splits.test, latents=500, seed=2)
before = test_fid.value(run)
random = [splits.train.ids[row] for row in torch.randperm(len(splits.train), generator=torch.manual_seed(0))[:44]]
for what, ids in (("the most harmful", worst.ids), ("random images", random)):
    change = test_fid.value(cleansing.retrain(run, remove=ids, horizon=170)) - before
    print(f"without 44 of {what}: test FID {before:.2f} {change:+.2f}")
