"""A custom system: finding wrong labels

A system is a function of the data that gives a game, its optimizers and its metrics. The one in [own_system.py](own_system.py) is a
classifier. Its metric is the loss of held-out examples, so harmful examples are those that teach something wrong. From the command
line it is `gansift run digits --game examples/own_system.py:classifier --hidden 16`.
"""

# %%
# Some labels are made wrong on purpose: every twentieth training image gets the next digit's label.

from dataclasses import replace

from own_system import classifier

from gansift import data, influence, training

splits = data.load("digits", seed=0)
label = splits.train.columns["label"]
values = label.values.clone()
values[::20] = (values[::20] + 1) % 10
train = replace(splits.train, columns={"label": replace(label, values=values)})
wrong = set(train.ids[::20])
print(f"{len(wrong)} of {len(train)} labels are wrong")

# %%
# The system makes everything else. Its metrics come in pairs, one on validation and one on test data.

system = classifier({"data": replace(splits, train=train)}, hidden=32, lr=0.003)
judges = system.judges("class-loss")
run = training.train(system.new_game(0), train, steps=200, batch_size=50, optimizers=system.optimizers, seed=0)
print(f"validation loss {judges.validation.value(run):.3f}, errors {judges.validation.reported.value(run):.1%}")

# %%
# How many of the wrong labels are among the images that the scores call most harmful? Chance would find one in twenty.

scores = influence.itd(run, judges.validation)
found = [name in wrong for name in scores.harmful(len(wrong)).ids]
print(f"{sum(found)} of the {len(wrong)} most harmful images have a wrong label")

# %%

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 10, figsize=(10, 1.5))
for axis, name in zip(axes, scores.harmful(10).ids, strict=True):
    row = scores.rows[name]
    axis.imshow(train.x[row, 0], cmap="gray_r")
    axis.set_title(f"“{train.class_names[values[row]]}”", color="firebrick" if name in wrong else "black")
    axis.axis("off")

# %%
# Training once more without them:

from gansift import cleansing

again = cleansing.retrain(run, remove=scores.harmful(len(wrong)))
for what, one in (("all images", run), ("without the most harmful", again)):
    print(f"{what}: test loss {judges.test.value(one):.3f}, errors {judges.test.reported.value(one):.1%}")
