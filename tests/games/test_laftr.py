"""LAFTR: objectives written down once more, exact scores under every criterion, and what the game refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gansift import games, influence, metrics, training
from gansift.data.columns import Column
from gansift.errors import TrainingError
from gansift.games.batch import Batch
from gansift.games.parameters import Layout, Net
from toys import Perceptron, examples

GROUPS = {"sex": 2, "race": 3}


def game(groups=GROUPS, decoder=False, **arguments) -> games.LAFTR:
    torch.manual_seed(0)
    seen, several = 3 + 2 * (arguments.get("criterion") == "eo"), sum(groups.values())
    made = Perceptron(3 + several, 2) if decoder else None
    return games.LAFTR(
        Perceptron(2, 3), Perceptron(3, 2), Perceptron(seen, several), groups=groups, decoder=made, **arguments
    )


def people(count=16, seed=0, name="x"):
    part = examples(count, seed=seed, name=name)
    row = torch.arange(count)
    columns = {
        "label": Column((row % 5 > 2).long(), ("no", "yes")),
        "sex": Column(row % 2, ("f", "m")),
        "race": Column(row // 2 % 3, ("a", "b", "c")),
    }
    return replace(part, columns=columns)


def bound(laftr, count=16):
    """Players in float64 and a batch of uneven weights, one of which is 0."""
    part = people(count)
    weight = torch.linspace(0, 2, count, dtype=torch.float64)
    columns = {name: column.values for name, column in part.columns.items()}
    batch = Batch(part.x.double(), weight, columns["label"], 0, columns=columns)
    modules = {name: module.double() for name, module in laftr.players.items()}
    layouts = {name: Layout(module) for name, module in modules.items()}
    return modules, Net(modules, layouts, {name: layouts[name].flatten(one) for name, one in modules.items()}), batch


def test_with_two_groups_alfrs_auditor_has_the_loss_of_a_binary_classifier():
    laftr = game({"sex": 2}, gamma=0.7)
    modules, net, batch = bound(laftr)
    logits = modules["auditor"](modules["encoder"](batch.x))
    losses = binary_cross_entropy_with_logits(
        logits[:, 1] - logits[:, 0], batch.columns["sex"].double(), reduction="none"
    )
    expected = (losses * batch.weight).mean().item()
    assert float(laftr.loss("auditor", net, batch, None)) == pytest.approx(expected, rel=1e-12)
    alone = float(laftr.loss("classifier", net, batch, None))
    assert float(laftr.loss("encoder", net, batch, None)) == pytest.approx(alone - 0.7 * expected, rel=1e-12)


@pytest.mark.parametrize("criterion", ["dp", "eo", "eopp"])
def test_the_l1_auditor_has_the_papers_objective_cell_by_cell(criterion):
    laftr = game(criterion=criterion, auditing="l1")
    modules, net, batch = bound(laftr)
    z = modules["encoder"](batch.x)
    if criterion == "eo":
        z = torch.cat([z, torch.nn.functional.one_hot(batch.label, 2)], 1)
    expected, start = 0.0, 0
    for name, count in GROUPS.items():
        shares = modules["auditor"](z)[:, start : start + count].softmax(1)
        start += count
        expected += 1.0
        cells = {"dp": [{0, 1}], "eo": [{0}, {1}], "eopp": [{1}]}[criterion]
        for labels in cells:
            for group in range(count):
                own = [
                    (float(batch.weight[row]), 1 - shares[row, group].item())
                    for row in range(len(batch))
                    if int(batch.columns[name][row]) == group and int(batch.label[row]) in labels
                ]
                total = sum(weight for weight, _ in own)
                expected -= sum(weight * wrong for weight, wrong in own) / total if total else 0.0
    assert float(laftr.loss("auditor", net, batch, None)) == pytest.approx(-expected, rel=1e-12)


def test_equal_opportunity_audits_nobody_else():
    laftr = game(criterion="eopp")
    _, net, batch = bound(laftr)
    before = laftr.loss("auditor", net, batch, None)
    changed = replace(batch, x=torch.where(batch.label[:, None] == 1, batch.x, batch.x + 100))
    assert torch.equal(before, laftr.loss("auditor", net, changed, None))
    assert not torch.equal(before, laftr.loss("auditor", net, replace(batch, x=batch.x + 100), None))


def test_the_decoder_reconstructs_from_the_representation_and_the_groups():
    laftr = game(decoder=True, beta=0.3)
    modules, net, batch = bound(laftr)
    groups = [torch.nn.functional.one_hot(batch.columns[name], count) for name, count in GROUPS.items()]
    made = modules["decoder"](torch.cat([modules["encoder"](batch.x), *groups], 1))
    errors = ((made - batch.x) ** 2).mean(1)
    expected = float((errors * batch.weight).mean())
    assert float(laftr.loss("decoder", net, batch, None)) == pytest.approx(expected, rel=1e-12)
    without = replace_decoder(laftr, net, batch)
    assert float(laftr.loss("encoder", net, batch, None)) == pytest.approx(without + 0.3 * expected, rel=1e-12)


def replace_decoder(laftr, net, batch):
    """The encoder's loss but for the reconstruction."""
    return float(laftr.loss("classifier", net, batch, None) + laftr.gamma * laftr.audited(net, batch))


def train(weights=None, renormalise=False, **arguments):
    return training.train(
        game(**arguments), people(14), steps=6, batch_size=7, renormalise=renormalise, weights=weights,
        optimizers=training.SGD(lr=0.2, momentum=0.9), dtype="float64",
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        {"criterion": "dp", "audits": 2},
        {"criterion": "eo", "auditing": "l1", "audits": 2},
        {"criterion": "eopp", "audits": 1},
        {"decoder": True, "beta": 0.5, "audits": 1, "renormalise": True},
    ],
    ids=["dp", "eo by l1", "eopp", "with a decoder, renormalised"],
)
def test_scores_are_those_of_retraining(arguments):
    metric = metrics.gap(people(30, seed=3, name="h"), "dp", ("sex", "race"))
    run = train(**arguments)
    scores = influence.itd(run, metric)
    expected = []
    for row in range(0, 14, 3):
        values = []
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(weights, **arguments)))
        expected.append((values[0] - values[1]) / 2e-4)
    expected = np.array(expected)
    assert np.abs(expected).max() > 1e-5
    assert np.abs(scores.values[::3] - expected).max() < 1e-6 * np.abs(expected).max()


def test_it_represents_and_predicts_by_the_same_encoder():
    laftr = game()
    _, net, batch = bound(laftr)
    z = laftr.represent(net, batch.x)
    assert z.shape == (16, 3)
    assert torch.equal(laftr.predict(net, batch.x), net.classifier(z))


def test_examples_without_labels_or_groups_are_refused():
    adam = training.SGD(lr=0.1)
    with pytest.raises(TrainingError, match="learns labels, and the data set has none"):
        training.train(game(), examples(8), steps=2, batch_size=2, optimizers=adam)
    part = people(8)
    columns = {name: column for name, column in part.columns.items() if name != "race"}
    with pytest.raises(TrainingError, match="hides protected columns, and the data set has no race"):
        training.train(game(), replace(part, columns=columns), steps=2, batch_size=2, optimizers=adam)
    with pytest.raises(TrainingError, match="not 'ep' and 'ce'"):
        game(criterion="ep")
