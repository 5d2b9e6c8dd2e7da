"""A table: which patients mislead a prediction?

The built-in table `diabetes` has 442 patients: ten measurements, and whether their disease progressed fast or slowly in the year after. A small network predicts that.
One metric asks how wrong it is, another one whether it is equally wrong for both sexes.
"""

# %%
# Numbers are standardised as fitted on the training rows. The label and the group stand beside them, not among them.

import torch
from torch.nn.functional import cross_entropy

from gansift import data, games, influence, metrics, models, training

splits = data.load("diabetes", seed=0)
print({name: column.names for name, column in splits.train.columns.items()})
print(splits.encoding.describe(splits.train.x[0]))

# %%
# A game of one player. Its loss is a mean over the batch, weighted by what is left of each example.


class Classifier(games.Game):
    def network_loss(self, net, batch, draw):
        return games.weighted_mean(self.losses(net, batch), batch.weight)

    def losses(self, net, batch):
        return cross_entropy(net.network(batch.x), batch.label, reduction="none")


torch.manual_seed(0)
game = Classifier(network=models.Head(splits.train.x.shape[1], 16, 2))
adam = training.Adam(lr=0.003, betas=(0.5, 0.99), eps=1e-3, eps_inside=True)
run = training.train(game, splits.train, steps=100, batch_size=50, optimizers=adam, seed=0)

# %%
# A metric is any differentiable function of the trained network and of held-out rows: here the mean loss, and the square of its
# difference between the sexes.


def mean_loss(game, net, batch):
    return game.losses(net, batch).mean()


def squared_gap(game, net, batch):
    losses, sex = game.losses(net, batch), batch.columns["sex"]
    return (losses[sex == 0].mean() - losses[sex == 1].mean()).square()


loss = metrics.NetMetric(mean_loss, name="loss", direction="lower", examples=splits.valid)
gap = metrics.NetMetric(squared_gap, name="gap", direction="lower", examples=splits.valid, scale=0.01)
print(f"loss {loss.value(run):.3f}, squared gap {gap.value(run):.4f}")

# %%
# One sweep through the training differentiates both. The patient who misleads the prediction most:

by_loss, by_gap = (found[run.steps] for found in influence.itd_metrics(run, [loss, gap], [run.steps]))
worst = by_loss.rows[by_loss.harmful(1).ids[0]]
label = splits.train.columns["label"]
print(f"{label.names[label.values[worst]]}: {splits.encoding.describe(splits.train.x[worst])}")

# %%
# Who raises the loss need not widen the gap.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 4))
sex = splits.train.columns["sex"]
for number, name in enumerate(sex.names):
    rows = sex.values.numpy() == number
    axes.scatter(by_loss.values[rows], by_gap.values[rows], s=8, label=f"sex {name}")
axes.set(xlabel="change of the loss if removed", ylabel="change of the squared gap if removed")
axes.legend()
