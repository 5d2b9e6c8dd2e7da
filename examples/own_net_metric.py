"""A metric that looks at no samples: a classifier's error on held-out examples, and which training examples raise it.

Run it: python examples/own_net_metric.py
"""

from own_system import classifier
from torch.nn.functional import cross_entropy

from gansift import cleansing, data, influence, metrics, training


def held_out_error(game, net, batch):
    return cross_entropy(game.predict(net, batch.x), batch.label)


digits = data.load_sets(["digits"], seed=0)
system = classifier(digits)
run = training.train(system.new_game(0), digits.train, steps=60, batch_size=50, optimizers=system.optimizers)
valid = digits.only.valid

error = metrics.NetMetric(held_out_error, name="error", direction="lower", examples=valid, chunk=500)
scores = influence.itd(run, error)

again = cleansing.retrain(run, remove=scores.harmful(5))
print(error.value(run), error.value(again), scores.harmful(5).sum())
