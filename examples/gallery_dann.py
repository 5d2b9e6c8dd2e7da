"""Two data sets: labels that carry over

DANN (Ganin et al. 2016) learns labels on one data set, from features that cannot tell it from another one whose labels are
unknown. Here the labelled `source` is MNIST at 28 × 28 pixels and the `target` is scikit-learn's digits at 8 × 8. Three players are trained,
nothing is sampled, and examples of both data sets have scores. From the command line it is
`gansift run source=mnist target=digits --game dann`.
"""

# %%
# To keep this short, 2,000 images of MNIST do.

from dataclasses import replace

from gansift import data, influence, systems, training

splits = {"source": data.load("mnist", seed=0), "target": data.load("digits", seed=0)}
splits["source"] = replace(splits["source"], train=splits["source"].train.subset(range(2000)))
train = {name: part.train for name, part in splits.items()}
print({name: (len(part), tuple(part.shape)) for name, part in train.items()})

# %%
# `most` is the weight of the domain loss. With 0 the classifier learns from the source alone. The metric that is differentiated is the
# loss of the target's held-out labels; the one that people read is the share of errors. So short a training of one seed leaves many
# errors, and proves nothing about DANN.

for most in (0.0, 0.1):
    system = systems.build("dann", splits, {"most": most})
    judges = system.judges("target-loss")
    run = training.train(system.new_game(0), train, steps=150, batch_size=64, optimizers=system.optimizers, seed=0)
    loss, errors = judges.validation.value(run), judges.validation.reported.value(run)
    print(f"domain loss weighted {most:g}: target loss {loss:.3f}, errors {errors:.1%}")

# %%
# Scores of both data sets come out of one sweep, here through the last epoch of the source.

scores = influence.itd(run, judges.validation, horizon=31)
for name in train:
    part = scores.of(name)
    print(f"{name}: the 5 % most harmful add up to {part.harmful(len(part) // 20).sum():.3f}")

# %%
# The labelled images that hurt the target most, by their labels, and below them those that help most.

import matplotlib.pyplot as plt

source, part = train["source"], scores.of("source")
figure, axes = plt.subplots(2, 10, figsize=(10, 2.6))
for row, chosen in zip(axes, (part.harmful(10), part.helpful(10)), strict=True):
    for axis, name in zip(row, chosen.ids, strict=True):
        place = part.rows[name]
        axis.imshow(source.x[place, 0], cmap="gray_r")
        axis.set_title(source.class_names[source.labels[place]])
        axis.axis("off")
