"""A custom game: your training script, scored

[own_game.py](own_game.py) turns the networks of [a plain PyTorch script](plain_gan.py) into a game of some twenty lines. Here it is
trained and scored in Python, and the scores are compared with real retraining. From the command line it is
`gansift run digits --game examples/own_game.py:build`.
"""

# %%
# `build` gets the data sets by name and makes the game.

from own_game import build

from gansift import cleansing, data, influence, metrics, training

splits = data.load("digits", seed=0)
adam = training.Adam(lr=1e-3, betas=(0.0, 0.99), eps=1e-2)
run = training.train(build({"data": splits}), splits.train, steps=150, batch_size=50, optimizers=adam, ema=0.98, seed=0)

features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
fid = metrics.FID(features, reference=splits.valid, latents=300, seed=1)
scores = influence.itd(run, fid)
print(f"FID {fid.value(run):.2f}; scores from {scores.values.min():.4f} to {scores.values.max():.4f}")

# %%
# Are the scores right? Ten random sets of 18 images are removed, one set at a time, and the training is redone each time. The
# sum of the scores is what was predicted.

verified = cleansing.verify(run, scores, fid, count=10, removed=18)
print(f"rank correlation of predicted and true changes: {verified.agreement.spearman.value:.2f}")

# %%

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(4, 4))
axes.scatter(verified.predicted, verified.true[0])
axes.axline((0, 0), slope=1, color="gray", linewidth=1)
axes.set(xlabel="predicted change of FID", ylabel="change of FID by retraining")

# %%
# A game may have more than networks. [history_gan.py](history_gan.py) adds a buffer of earlier generated images and the running
# brightness of the real ones. Both are recorded and differentiated like parameters; nothing else changes.

from history_gan import build as build_with_history

run = training.train(
    build_with_history({"data": splits}), splits.train, steps=40, batch_size=50, optimizers=adam, seed=0
)
scores = influence.itd(run, fid)
verified = cleansing.verify(run, scores, fid, count=8, removed=18)
print(f"with a history: rank correlation {verified.agreement.spearman.value:.2f}")
