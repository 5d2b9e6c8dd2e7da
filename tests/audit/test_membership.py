"""Attacks on players whose leaks are known: which way each looks, what is found, and that nothing is where none is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import made_up_audit as made_up
import numpy as np
import pytest
import torch

from gansift import data, games, models, training
from gansift.audit import Subject, run_audit
from gansift.audit.attacks import WITH_MODEL, Attacked, attacks_of, density_ratio
from gansift.audit.membership import membership
from gansift.audit.roc import area
from gansift.audit.shadows import SHADOW_ATTACKS
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.report import answer_text
from gansift.systems import build
from toys import Perceptron


class Sampling(made_up.Player):
    """Players with samples and nothing else."""

    game = SimpleNamespace(players={}, offers=lambda name: name == "sample")


def _subject(seed, copied, noise=0.02, train=100, held=200):
    rng = np.random.default_rng(seed)
    x = made_up.drawn(train, rng)

    def sampler(count, rng):
        copies = x[rng.integers(train, size=count)] + noise * rng.normal(size=(count, made_up.DIM))
        return np.where(rng.random((count, 1)) < copied, copies, made_up.drawn(count, rng))

    sides = (x, made_up.drawn(held // 2, rng), made_up.drawn(held // 2, rng))
    parts = [made_up.examples(part, name) for part, name in zip(sides, ("train", "valid", "test"), strict=True)]
    return Subject("toy", {"data": Splits("toy", *parts)}, players=[Sampling(sampler, seed)])


@pytest.fixture(scope="module")
def leaking():
    return membership(_subject(0, copied=1.0, noise=0.1), samples=1000)


def test_those_who_are_removed_are_safe_afterwards_and_the_rest_is_attacked_again():
    subject = _subject(0, copied=1.0, noise=0.1)
    train = subject.data["data"].train
    gone, rest = train.ids[:40], train.x[40:].numpy()

    def without(count, rng):
        return rest[rng.integers(len(rest), size=count)] + 0.1 * rng.normal(size=(count, made_up.DIM))

    cleansed = replace(subject, removed=frozenset(gone), cleansed=Sampling(without, 0))
    table = membership(cleansed, samples=1000).tables["Before and after cleansing"]
    area = {row[:2]: float(row[table.columns.index("nearest sample")].split()[0]) for row in table.rows}
    assert min(area["members that are kept", "before"], area["members that are kept", "after"]) >= 0.95
    assert area["members that are removed", "before"] >= 0.95
    assert abs(area["members that are removed", "after"] - 0.5) <= 0.15
    assert "without the 40 examples that the run removes" in table.note
    few = replace(cleansed, removed=frozenset(gone[:5]))
    rows = membership(few, samples=1000).tables["Before and after cleansing"].rows
    assert {row[0] for row in rows} == {"members that are kept"}


def test_who_emits_members_with_noise_is_found_by_samples_alone(leaking):
    assert leaking.finding is True
    areas = {name: number.value for name, number in leaking.numbers.items()}
    assert areas["area: nearest sample"] >= 0.95
    assert areas["area: nearest sample, calibrated"] >= 0.8
    assert areas["area: share of near samples"] >= 0.9
    assert leaking.numbers["area: detector of samples"].ci95[0] > 0.5
    assert areas["area: density ratio"] >= 0.8
    assert "with samples alone" in leaking.verdict
    assert leaking.badge == "members can be told"


def test_the_table_has_every_attack_with_intervals_and_the_surest_examples_are_members(leaking):
    rows = leaking.tables["Attacks"].rows
    assert [row[0] for row in rows] == [name.removeprefix("area: ") for name in leaking.numbers]
    assert all(row[2] > 0.6 for row in rows)
    assert rows[0][4] is None  # a thousandth of 100 others
    (surest,) = (table for title, table in leaking.tables.items() if title.startswith("Training"))
    assert all(identity.startswith("train/") for identity, _ in surest.rows)
    text = answer_text(leaking)
    assert "nearest sample" in text


def test_the_density_ratio_is_that_of_normal_kernels_around_samples_and_around_reference_data():
    rng = np.random.default_rng(4)
    samples, reference, x = (rng.normal(size=(count, 3)) * [3, 1, 0.2] for count in (50, 30, 7))
    attacked = Attacked(None, made_up.examples(x, "x"), made_up.examples(reference, "r"), torch.from_numpy(samples), 0)
    both = np.concatenate([samples, reference])
    # Distances of whitened components are Mahalanobis', whatever the axes.
    inverse = np.linalg.inv(np.cov(both.T))

    def density(centres, place):
        apart = centres - place
        squares = np.einsum("nd,de,ne->n", apart, inverse, apart)
        width = len(centres) ** (-1 / (3 + 4))
        return np.mean(np.exp(-squares / (2 * width**2))) / width**3

    expected = [np.log(density(samples, place) / density(reference, place)) for place in x]
    np.testing.assert_allclose(density_ratio(attacked), expected, rtol=1e-5)


def test_honest_samples_are_not_flagged():
    found = [membership(_subject(seed, copied=0.0), samples=300) for seed in range(12)]
    assert sum(answer.finding for answer in found) <= 2  # each at 2.5 %
    assert any(answer.verdict.startswith("No attack tells") for answer in found)


def test_the_discriminator_is_taken_to_call_members_real():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    train, valid, test = (
        Examples.of((rng.normal(size=(80, 2)) + shift).astype(np.float32)) for shift in ((2, 0), (0, 0), (0, 0))
    )

    class First(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return self.scale * x[:, 0]

    game = games.GAN(Perceptron(3, 2), First())
    trained = games.Trained(game, {name: _flat(net) for name, net in game.players.items()})
    attacked = Attacked(trained, Examples.joined([train, test]), valid, None, 0)
    scores = attacks_of(trained, train)["discriminator"](attacked)
    np.testing.assert_allclose(scores, torch.cat([train.x, test.x])[:, 0].numpy(), rtol=1e-6)
    answer = membership(Subject("gan", {"data": Splits("gan", train, valid, test)}, players=[trained]), samples=200)
    assert answer.numbers["area: discriminator"].value > 0.85


@pytest.mark.parametrize("conditioning", ["classifier", "projection"])
def test_a_discriminator_that_is_told_the_class_is_asked_with_it(conditioning):
    digits = data.load("digits", seed=0)
    few = replace(digits, train=digits.train.subset(range(60)))
    system = build("acgan", {"data": few}, {"conditioning": conditioning, "width": 8})
    run = training.train(system.new_game(0), few.train, steps=2, batch_size=20, optimizers=system.optimizers, seed=0)
    trained = run.trained()
    scores = attacks_of(trained, few.train)["discriminator"](Attacked(trained, few.train, few.valid, None, 0))
    net, label = trained.net(), few.train.labels
    expected = trained.game.source(net.discriminator(few.train.x), label)
    np.testing.assert_allclose(scores, expected.detach().numpy(), rtol=1e-5)


def _flat(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.fixture(scope="module")
def classifier():
    """A network that learnt 60 digits by heart."""
    digits = data.load("digits", seed=0)
    few = replace(digits, train=digits.train.subset(range(60)))
    system = build("classifier", {"data": few})
    settings = {"steps": 150, "batch_size": 30, "optimizers": system.optimizers}
    runs = [training.train(system.new_game(seed), few.train, seed=seed, **settings) for seed in range(2)]
    return Subject("digits", {"data": few}, players=[run.trained() for run in runs])


def test_an_overfitted_classifier_is_sure_of_its_members(classifier):
    answer = run_audit("membership", classifier)
    assert list(answer.numbers) == ["area: confidence", "area: true label", "area: gap"]
    assert answer.finding is True
    assert answer.numbers["area: true label"].value >= 0.65
    assert "with the model" in answer.verdict
    assert set(name.removeprefix("area: ") for name in answer.numbers) <= set(WITH_MODEL)


def test_the_gap_attack_is_as_good_as_the_difference_of_accuracies(classifier):
    """Its balanced accuracy, which is its area, is 1/2 + (right of members - right of others) / 2."""
    (splits,) = classifier.data.values()
    trained = classifier.players[0]
    both = Examples.joined([splits.train, splits.test])
    scores = attacks_of(trained, both)["gap"](Attacked(trained, both, splits.valid, None, 0))
    members, others = np.split(scores, [60])
    for part, found in ((splits.train, members), (splits.test, others)):
        predicted = trained.game.predict(trained.net(), part.x).argmax(1)
        assert found.mean() == pytest.approx((predicted == part.labels).double().mean().item())
    assert area(members[None], others[None]) == pytest.approx(0.5 + (members.mean() - others.mean()) / 2)


@pytest.fixture(scope="module")
def attacked_by_shadows(classifier):
    """The audit with eight shadow models, and what these were trained on."""
    system, calls = build("classifier", classifier.data), []

    def train(examples, seeds, weights):
        calls.append((examples, list(seeds), np.array(weights)))
        return training.players_of_seeds(
            system.new_game, examples, seeds, weights=weights, steps=150, batch_size=60, renormalise=True,
            optimizers=system.optimizers,
        )  # fmt: skip

    return membership(replace(classifier, train=train), shadows=8), calls


def test_shadow_models_have_as_many_examples_as_the_run_half_of_them_members(classifier, attacked_by_shadows):
    (splits,) = classifier.data.values()
    ((pool, seeds, weights),) = attacked_by_shadows[1]
    assert weights.shape == (8, 120)
    assert set(weights.sum(1).tolist()) == {60}
    assert set(splits.train.ids) <= set(pool.ids) <= {*splits.train.ids, *splits.test.ids}
    assert len(set(seeds)) == 8
    assert min(seeds) > 1000  # not the run's own, which nobody knows who attacks
    assert (weights[:, :60].sum(0) == 4).all()


def test_shadow_models_find_members_and_name_the_exposed(classifier, attacked_by_shadows):
    answer, _ = attacked_by_shadows
    areas = {name.removeprefix("area: "): number.value for name, number in answer.numbers.items()}
    assert list(areas)[-len(SHADOW_ATTACKS) :] == list(SHADOW_ATTACKS)
    assert all(areas[name] > 0.65 for name in SHADOW_ATTACKS)
    assert "8 shadow models were trained" in answer.shown[1]
    assert not any("--shadows" in sentence for sentence in answer.not_shown)
    exposed = answer.tables["Training examples that training exposes most"].rows
    (splits,) = classifier.data.values()
    assert set(dict(exposed)) <= set(splits.train.ids)
    assert float(exposed[0][1]) > float(exposed[-1][1]) > 0


def test_training_examples_beside_members_are_in_every_shadow_model(classifier):
    (splits,) = classifier.data.values()
    few = replace(splits, test=splits.test.subset(range(40)))
    subject = replace(classifier, data={"data": few})
    calls = []

    def train(examples, seeds, weights):
        calls.append((examples, np.array(weights)))
        return list(classifier.players) * 4

    membership(replace(subject, train=train), shadows=8)
    ((pool, weights),) = calls
    always = [identity for identity, own in zip(pool.ids, weights.T, strict=True) if own.all()]
    assert len(always) > 20
    assert set(always) < set(few.train.ids)
    assert set(weights.sum(1).tolist()) == {60}


@pytest.mark.parametrize("shadows", [2, 7])
def test_another_number_of_shadow_models_than_pairs_is_refused(classifier, shadows):
    with pytest.raises(UsageError, match=rf"come in pairs.*: {shadows} is no even number from 4 on \(--shadows\)"):
        membership(classifier, shadows=shadows)


def test_what_cannot_be_trained_anew_has_no_shadow_models(classifier):
    with pytest.raises(UsageError, match="leave out --shadows"):
        membership(classifier, shadows=8)
    sampling = replace(_subject(0, copied=0.0), train=lambda *arguments: [])
    with pytest.raises(UsageError, match="label examples or have a discriminator"):
        membership(sampling, shadows=8)


def test_members_and_others_are_as_many_of_each_class(classifier):
    answer = run_audit("membership", classifier)
    assert "60 training examples and 60 test examples, as many of each class" in answer.shown[0]


def test_what_cannot_be_attacked_is_refused_or_said():
    points = data.load("normal-2d", seed=0)
    with pytest.raises(UsageError, match="attacks a run; give a run directory"):
        membership(Subject("points", {"data": points}))
    answer = membership(_subject(0, copied=0.0, train=10))
    assert answer.finding is None
    silent = SimpleNamespace(game=SimpleNamespace(players={}, offers=lambda name: False))
    with pytest.raises(UsageError, match="knows no attack"):
        membership(Subject("points", {"data": points}, players=[silent]))


def test_an_own_gan_is_said_where_it_was_left_out_and_leaves_random_numbers_alone(leaking):
    assert any("--own-gan 3000" in sentence for sentence in leaking.not_shown)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    answer = membership(_subject(0, copied=1.0, train=30, held=60), samples=100, own_gan=2)
    assert torch.equal(torch.rand(2), expected)
    assert not any("--own-gan" in sentence for sentence in answer.not_shown)


@pytest.mark.parametrize("kind", [games.FlowMatching, games.Diffusion])
def test_who_has_learnt_images_by_heart_undoes_noise_in_them_better(kind):
    whole = data.load("digits", seed=0)
    splits = Splits("few", whole.train.subset(range(40)), whole.valid, whole.test)

    def attacked(steps):
        torch.manual_seed(0)
        run = training.train(
            kind(models.PerceptronDenoiser(48, (1, 8, 8))), splits.train, steps=steps, batch_size=40, seed=0,
            optimizers=training.Adam(lr=5e-3, betas=(0.9, 0.99), eps=1e-3, eps_inside=True),
        )  # fmt: skip
        scores = attacks_of(run.trained(), splits.train)["own score"]
        sides = (splits.train, whole.test.subset(range(100)))
        return area(*(scores(Attacked(run.trained(), part, whole.valid, None, 0))[None] for part in sides))

    assert attacked(600) > 0.9
    assert 0.35 < attacked(1) < 0.65
