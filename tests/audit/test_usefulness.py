from dataclasses import replace

import made_up_audit
import made_up_classes as made_up
import numpy as np
import pytest
import torch

from gansift.audit import run_audit
from gansift.audit.arms import ARMS, Case, predictions
from gansift.errors import UsageError
from gansift.report import answer_text, read_answers, write_answer

REGRESSION = "sklearn.linear_model:LogisticRegression"


def audited(*subjects, **settings):
    return run_audit("usefulness", *subjects, **{"classifier": REGRESSION, "samples": 200, "rounds": 4} | settings)


@pytest.fixture(scope="module")
def helped():
    # Two examples of each class say little of it, and classical augmentation adds nothing to them.
    return audited(*(made_up.subject(seed, train=6) for seed in range(6)), rounds=6)


def test_samples_of_the_true_distribution_help_over_several_splits(helped):
    assert (helped.badge, helped.finding) == ("helps", False)
    assert helped.verdict.startswith("The synthetic data help: ")
    assert helped.numbers["synthetic_over_classical"].ci95[0] > 0
    assert "1 round of each of 6 splits" in helped.shown[0]
    assert len(helped.not_shown) == 1


def test_samples_of_other_classes_than_asked_for_do_not_help():
    answer = audited(made_up.subject(0, made_up.mistaken))
    assert (answer.badge, answer.finding) == ("does not help", True)
    for number in ("synthetic_over_classical", "all_over_classical"):
        assert answer.numbers[number].ci95[1] < 0
    assert "--split-seed" in answer.not_shown[0]


def test_samples_that_add_nothing_are_said_to_help_no_more_often_than_chance_allows():
    """Training points with noise, as many as classical augmentation gives, say no more than it does."""

    def verdict(seed):
        plain = made_up.subject(seed, train=30, held=120)
        train = plain.data["data"].train

        def copies(labels, rng):
            rows = np.array([rng.choice(np.flatnonzero(train.labels.numpy() == label)) for label in labels])
            return train.x.numpy()[rows] + 0.1 * rng.normal(size=(len(rows), 2))

        return audited(
            replace(plain, players=[made_up.Player(copies)]),
            samples=60,
            rounds=3,
            classifier="sklearn.neighbors:NearestCentroid",
        ).badge

    # At a rate of 5 %, more than 4 of 20 are less likely than 0.3 %.
    assert [verdict(seed) for seed in range(20)].count("helps") <= 4


def test_the_numbers_are_differences_of_the_sets_mean_sensitivities(helped):
    table = helped.tables["Training sets"]
    sensitivity = {row[0]: row[2] for row in table.rows}
    assert list(sensitivity) == list(ARMS)
    assert helped.numbers["synthetic_over_classical"].value == pytest.approx(
        sensitivity["real + synthetic"] - sensitivity["real + classical"]
    )
    assert helped.numbers["classical_over_real"].value == pytest.approx(
        sensitivity["real + classical"] - sensitivity["real"]
    )
    assert [row[1] for row in table.rows] == [6, 206, 206, 406, 200]
    by_class = helped.tables["By class"]
    assert [row[0] for row in by_class.rows] == list(made_up.NAMES)
    means = [np.mean([float(row[place].split(" / ")[0]) for row in by_class.rows]) for place in range(1, 6)]
    assert means == pytest.approx(list(sensitivity.values()), abs=1e-3)


def test_the_curves_end_at_what_the_sets_have(helped):
    real = helped.curves["Over the number of real examples"]
    assert all(x == (2.0, 3.0, 6.0) for x, _ in real.lines.values())
    synthetic = helped.curves["Over the number of synthetic examples"]
    assert all(x == (12.0, 50.0, 200.0) for x, _ in synthetic.lines.values())
    for arm in ("real + classical", "real + synthetic", "all three"):
        assert real.lines[arm][1][-1] == synthetic.lines[arm][1][-1]


def test_it_is_stored_and_told_like_any_answer_and_repeats(helped, tmp_path):
    write_answer(tmp_path, helped)
    (read,) = read_answers(tmp_path)
    assert read == helped
    assert answer_text(read).startswith("usefulness: The synthetic data help")
    one, other = (audited(made_up.subject(3), rounds=2).to_json() for _ in range(2))
    assert one == other


def test_the_sets_of_a_round_are_made_of_what_their_names_say():
    seen = {}

    def classifier(x, labels, seed):
        seen[len(seen)] = (x, labels, seed)
        return lambda tested: np.zeros(len(tested), int)

    random = torch.Generator().manual_seed(0)
    x, labels = torch.randn(12, 2, generator=random), torch.arange(12) % 2
    case = Case(x, labels, x, labels, lambda wanted, number: torch.full((len(wanted), 2), 99.0) + wanted[:, None])
    predictions(case, classifier, 5, samples=40)
    by_arm = dict(zip(ARMS, seen.values(), strict=True))
    for arm, (of_arm, of_labels, seed) in by_arm.items():
        synthetic = of_arm[:, 0] >= 90
        assert seed == 5
        assert int(synthetic.sum()) == (40 if "synthetic" in arm or arm == "all three" else 0)
        assert torch.equal(of_arm[synthetic][:, 0] - 99, of_labels[synthetic].float())
        assert len(of_arm) == 12 * (arm != "synthetic only") + 40 * len({"classical", "synthetic"} & set(ARMS[arm]))
    assert torch.equal(by_arm["real"][0], x)
    assert torch.equal(by_arm["real + classical"][1][12:], by_arm["real + synthetic"][1][12:])
    predictions(case, classifier, 5, samples=40, real=6, arms=["real"])
    fewer = seen[len(seen) - 1]
    assert fewer[1].bincount().tolist() == [3, 3]
    assert {tuple(row) for row in fewer[0].tolist()} <= {tuple(row) for row in x.tolist()}


def test_what_cannot_be_audited_is_refused_or_left_undecided():
    answer = audited(made_up.subject(0, held=12))
    assert answer.finding is None
    assert "4 held-out examples of the class a" in answer.verdict
    with pytest.raises(UsageError, match="no labels of two classes"):
        audited(made_up_audit.subject(0))
    with pytest.raises(UsageError, match="toy has no trained generator"):
        audited(replace(made_up.subject(0), players=[]))
    with pytest.raises(UsageError, match="two rounds and a training step; got 0, 8 and 200"):
        run_audit("usefulness", made_up.subject(0), samples=0)
    with pytest.raises(UsageError, match="copies looks at one run, and 2 were given"):
        run_audit("copies", made_up.subject(0), made_up.subject(1))
