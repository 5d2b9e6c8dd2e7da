"""Diffusion and flow matching: what a model owes one image to, and which images make all of its samples worse.

Both learn to undo noise, with one network and no adversary, and make samples step by step. Here flow matching learns the
built-in digits. From the command line it is `gansift run digits --game matching`, and `--game diffusion` for the other one.
"""

# %%
# Training takes a few seconds. FID says by its name how samples are made, because that is part of what it measures.

import matplotlib.pyplot as plt
import torch

from gansift import cleansing, data, games, influence, metrics, systems, training

splits = data.load("digits", seed=0)
system = systems.build("matching", {"digits": splits}, {"lr": 5e-3})
run = training.train(
    system.new_game(0), splits.train, steps=500, batch_size=50, optimizers=system.optimizers, ema=0.98, seed=0
)
fid = system.judges("fid")
print(f"{fid.test.name}: {fid.test.value(run):.2f}; of as many real images {fid.test.floor:.2f}")

# %%
# Which images make what the model generates worse? Exact scores of FID look back through training, the averaged network and the eight
# steps of the sampler. The twenty most harmful are removed, and the same training is done again:

scores = influence.itd(run, fid.validation)
worst = scores.harmful(20)
again = cleansing.retrain(run, remove=worst)
print(
    f"validation FID: {worst.sum():+.3f} predicted, {fid.validation.value(again) - fid.validation.value(run):+.3f} true"
)
print(f"test FID, which nothing was chosen by: {fid.test.value(again) - fid.test.value(run):+.3f}")

# %%
# And what does the model owe one of its own samples to? The query's denoising loss would rise most without the images that helped
# most to make it. On the command line: `gansift score RUN --metric query-loss --query sample.png`.

with torch.no_grad():
    sample = run.trained().sample(3, games.Draw(7))[:1].clamp(-1, 1)
query = data.Examples.of(sample, name="sample")
loss = metrics.query_loss(query, name="query-loss-sample", what="a sample")
helped = influence.itd(run, loss).helpful(10)

rows = {identity: row for row, identity in enumerate(splits.train.ids)}
figure, axes = plt.subplots(1, 11, figsize=(8, 1.2))
pictures = [sample[0], *(splits.train.x[rows[identity]] for identity in helped.ids)]
for axis, picture in zip(axes, pictures, strict=True):
    axis.imshow(picture[0], cmap="gray_r")
    axis.axis("off")
axes[0].set_title("sample", fontsize=8)
axes[2].set_title("owes most to", fontsize=8)
without = cleansing.retrain(run, remove=helped)
print(f"its loss without these ten: {helped.sum():+.4f} predicted, {loss.value(without) - loss.value(run):+.4f} true")

# %%
# Are these simply the nearest images in pixels? To do without the nearest ten costs this:

nearest = torch.cdist(sample.flatten(1), splits.train.x.flatten(1))[0].argsort()[:10].tolist()
without = cleansing.retrain(run, remove=[splits.train.ids[row] for row in nearest])
print(f"without the ten nearest images: {loss.value(without) - loss.value(run):+.4f}")
print(f"of them, {len(set(nearest) & {rows[one] for one in helped.ids})} are among those above")
