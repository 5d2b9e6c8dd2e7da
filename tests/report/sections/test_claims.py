import made_up_report as made_up
import pytest

from gansift.report.sections.claims import points_not_shown, points_shown, removal


def open_points(*rows, **changes) -> str:
    return " ".join(points_not_shown(made_up.summary(verification=list(rows), **changes)))


def test_scores_that_were_not_verified_are_called_predictions():
    for rows in ((), (made_up.verification(estimator="other"),)):
        text = open_points(*rows)
        assert "not verified example by example" in text
        assert "(2, 4, 8 at a time)" in text
        assert "compared with retraining" not in " ".join(points_shown(made_up.summary(verification=list(rows))))


def test_groups_that_were_verified_do_not_count_as_examples():
    text = open_points(made_up.verification())
    assert "verified for random groups, not example by example" in text
    assert "not verified example by example" not in text
    points = points_shown(made_up.summary())
    assert "Scores of the last 320 steps (20 epochs) were compared with retraining: 30 random removals" in points[-1]


@pytest.mark.parametrize(("count", "words"), [(40, "40 single examples of 60"), (60, "Every example was left out")])
def test_single_examples_that_were_verified_are_counted(count, words):
    one = made_up.verification(kind="leave-one-out", removed=1, count=count)
    assert words in open_points(made_up.verification(), one)


def test_a_chosen_horizon_that_was_not_verified_is_named():
    other = made_up.verification(horizon=160, epochs=10.0)
    assert "chosen horizon (320 steps) were not verified, only those of 160." in open_points(other)
    assert "were not verified" not in open_points(other, made_up.verification())
    assert "were not verified" not in open_points(other, chosen=None, removed=0)


@pytest.mark.parametrize(
    "spearman",
    [made_up.statistic(0.3, -0.1, 0.6), made_up.statistic(None), made_up.statistic(-0.5, -0.8, -0.1)],
)
def test_a_verification_that_failed_is_not_taken_for_a_proof(spearman):
    assert "did not show it" in open_points(made_up.verification(spearman=spearman))
    assert "did not show it" not in open_points(made_up.verification())


def test_an_unknown_convention_of_removal_is_shown_as_it_is():
    assert "full batch size" in removal("fixed-denominator")
    assert removal("other") == "other"
