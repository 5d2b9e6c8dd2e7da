import numpy as np
import pytest
from scipy import stats

from gansift.audit.paired import class_interval, mean_over_classes

LABELS = np.repeat([0, 1, 2], [30, 20, 10])


def test_the_mean_sensitivity_weighs_classes_alike():
    from sklearn.metrics import balanced_accuracy_score

    rng = np.random.default_rng(0)
    predicted = rng.integers(0, 3, (4, 60))
    expected = [balanced_accuracy_score(LABELS, one) for one in predicted]
    np.testing.assert_allclose(mean_over_classes((predicted == LABELS).astype(float), LABELS), expected)


def test_of_many_splits_of_many_examples_it_is_student_s_interval():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 20_000)
    means = rng.normal(0.02, 0.05, 8)
    values = [np.full((1, 40_000), mean) for mean in means]
    found = class_interval(values, [labels] * 8)
    theirs = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert found[0] == pytest.approx(means.mean())
    assert found[1] == pytest.approx((theirs.low, theirs.high))


def test_of_rounds_that_agree_it_is_the_interval_of_a_mean_over_the_examples():
    values = np.tile(np.random.default_rng(2).integers(-1, 2, 60).astype(float), (5, 1))
    mean, (low, high) = class_interval([values], [LABELS])
    classes = [values[0][label == LABELS] for label in range(3)]
    error = np.sqrt(sum(one.var(ddof=1) / len(one) for one in classes)) / 3
    assert mean == pytest.approx(np.mean([one.mean() for one in classes]))
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 57) * error)


def test_no_difference_at_all_is_a_point_and_a_higher_level_is_wider():
    assert class_interval([np.zeros((3, 60))], [LABELS]) == (0.0, (0.0, 0.0))
    values = [np.random.default_rng(3).normal(size=(4, 60))]
    (low, high), (lower, higher) = (class_interval(values, [LABELS], level)[1] for level in (0.95, 0.975))
    assert lower < low < high < higher


@pytest.mark.parametrize("splits", [1, 6])
def test_the_interval_covers_the_truth_as_often_as_it_says(splits):
    """Rounds have an effect of their own, examples too, and both vary together."""
    rng, labels, covered = np.random.default_rng(4), np.repeat([0, 1], 60), 0
    for _ in range(300):
        examples = rng.normal(size=120)
        values = [
            0.3 + 0.2 * rng.normal(size=(8 if splits == 1 else 1, 1)) + examples + rng.normal(size=(1, 120))
            for _ in range(splits)
        ]
        low, high = class_interval(values, [labels] * splits)[1]
        covered += low <= 0.3 <= high
    assert covered >= 0.95 * 300 - 10
