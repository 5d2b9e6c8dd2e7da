import made_up_report as made_up
import pytest
from page_reader import Page, written

from gansift.report.sections.verification import card, ranking
from gansift.report.summary import Statistic

pytestmark = pytest.mark.usefixtures("without_charts")
MINUS = "\N{MINUS SIGN}"
NAN = float("nan")


def told(**changes) -> str:
    """The sentences of one verification."""
    return " ".join(card(made_up.verified(**changes), made_up.summary(), 0)["sentences"])


def page(tmp_path, *rows, **changes) -> str:
    return Page(written(tmp_path, made_up.summary(verification=list(rows), **changes), made_up.points(2))).text


@pytest.mark.parametrize(
    ("spearman", "word", "tone"),
    [
        (made_up.statistic(0.97, 0.93, 0.99), "ranks well", "good"),
        (made_up.statistic(0.97, 0.79, 0.99), "ranks somewhat", ""),
        (made_up.statistic(0.89, 0.85, 0.99), "ranks somewhat", ""),
        (made_up.statistic(0.3, 0.1, 0.5), "ranks somewhat", ""),
        (made_up.statistic(0.3, -0.1, 0.6), "could be chance", ""),
        (made_up.statistic(-0.5, -0.8, -0.1), "ranks the wrong way", "bad"),
        (made_up.statistic(0.99), "too few to tell", ""),
        (made_up.statistic(None), "cannot be told", ""),
        (made_up.statistic(NAN, -1, 1), "cannot be told", ""),
    ],
)
def test_a_ranking_is_good_only_if_its_interval_is(spearman, word, tone):
    assert ranking(Statistic(**spearman)) == (word, tone)


def test_without_verification_the_page_says_so_and_how_to_verify(tmp_path):
    text = page(tmp_path)
    assert "Not verified." in text
    assert "gansift verify RUN_DIR" in text
    assert "Scores against retraining not verified" in text


def test_verification_of_other_scores_does_not_count_for_these(tmp_path):
    text = page(tmp_path, made_up.verification(estimator="<b>mine</b>"))
    assert "Not verified." in text
    assert "<b>mine</b>: Last 320 steps" in text


def test_a_verification_is_told_in_plain_words(tmp_path):
    text = page(tmp_path, made_up.verification())
    assert "Not verified" not in text
    assert "Scores against retraining 0.97 rank correlation ranks well" in text
    assert (
        "Over 30 random removals of 16 examples, redone from step 960 on, predictions and truth had rank correlation "
        "0.97 (95 % interval 0.93 to 0.99)."
    ) in text
    assert "Sizes are right: slope 1.02 (95 % interval 0.95 to 1.10)." in text
    assert "retraining with the same seeds" in text
    assert "rank correlation (Kendall) 0.88 0.80 to 0.95" in text


def test_the_verification_of_the_chosen_horizon_comes_first_in_the_headline(tmp_path):
    other = made_up.verification(horizon=160, epochs=10.0, spearman=made_up.statistic(0.55, 0.4, 0.7))
    assert "Scores against retraining 0.97" in page(tmp_path, other, made_up.verification())
    assert "Scores against retraining 0.55" in page(tmp_path, other, made_up.verification(), chosen=None, removed=0)


def test_the_kind_of_removal_the_start_and_the_truth_are_named():
    assert "Over 120 examples left out one at a time" in told(kind="leave-one-out", removed=1, count=120)
    assert "redone from the start" in told(horizon=1280)
    averaged = told(truth="expected", seeds=5, ceiling=made_up.statistic(0.83))
    assert "mean over 5 training seeds" in averaged
    assert "that of as many other seeds would show a rank correlation of 0.83" in averaged
    assert "above" not in told(truth="expected", seeds=5, ceiling=made_up.statistic(NAN))


def test_the_overlap_of_the_extremes_is_told_where_it_is_known():
    assert "overlap by 0.41 (Jaccard; 95 % interval 0.22 to 0.60)" in told(jaccard=made_up.statistic(0.41, 0.22, 0.6))
    assert "extremes" not in told(jaccard=None)
    assert "extremes" not in told(jaccard=made_up.statistic(NAN))


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (0.8, "Sizes are right: slope 0.80."),
        (0.4, "Sizes are off: slope 0.40; true changes are smaller than predicted, 0.40 times"),
        (3.0, "Sizes are off: slope 3.00; true changes are larger than predicted, 3.00 times"),
        (2e-5, "predicted, 2.0 \N{MULTIPLICATION SIGN} 10⁻⁵ times"),
        (-0.3, f"Sizes are wrong: slope {MINUS}0.30; true changes do not grow"),
    ],
)
def test_a_slope_far_from_one_is_said(slope, words):
    assert words in told(slope=made_up.statistic(slope))


def test_a_ranking_is_not_judged_by_its_sizes():
    assert "These scores only rank" in told(slope=None)
    assert "Sizes are" not in told(slope=None)


def test_sizes_with_a_wide_interval_are_uncertain_unless_it_leaves_out_one():
    assert "Sizes are uncertain: slope 1.02 (95 % interval 0.20 to 1.90)" in told(
        slope=made_up.statistic(1.02, 0.2, 1.9)
    )
    assert "Sizes are uncertain" in told(slope=made_up.statistic(-0.1, -1.5, 1.2))
    assert "Sizes are off" in told(slope=made_up.statistic(0.5, 0.1, 0.9))
    assert "Sizes are right" in told(slope=made_up.statistic(0.9, 0.6, 1.1))


def test_nobody_is_sent_to_an_order_that_could_be_chance():
    slope, chance = made_up.statistic(0.4, 0.3, 0.5), made_up.statistic(0.2, -0.1, 0.5)
    assert "Go by the order" in told(slope=slope)
    assert "Go by the order" not in told(slope=slope, spearman=chance)


def test_points_off_the_scale_are_counted_and_said():
    predicted, true = [0.1, 0.2, 90.0, -9e3], [0.1, -0.2, 0.0, 0.1]
    text = told(predicted=predicted, true=true, count=4)
    assert (
        f"Off the scale: 2 removals, for which a change of up to {MINUS}9.00 \N{MULTIPLICATION SIGN} 10³ was " in text
    )
    assert "was predicted although none larger than 0.200 was measured" in text
    assert "a change of up to +90.0 was measured" in told(predicted=[0.1, 0.2, 0.1], true=[0.1, -0.2, 90.0], count=3)
    assert "Off the scale" not in told()


@pytest.mark.parametrize("missing", [None, NAN])
def test_correlations_that_are_not_defined_are_said_not_shown(tmp_path, missing):
    none = dict.fromkeys(("spearman", "kendall", "pearson", "slope"), made_up.statistic(missing))
    row = made_up.verification(true=[0.0] * 30, **none)
    text = page(tmp_path, row, growth=[], trust=None)
    assert "no correlation is defined" in text
    assert "cannot be told" in text
    assert "Sizes" not in text
    assert "rank correlation (Kendall) \N{EN DASH} \N{EN DASH}" in text
    assert "nan" not in text


def test_removals_without_a_number_are_counted():
    row = made_up.verification()
    row["true"][3:5] = [None, NAN]
    assert "2 removals gave no number" in told(true=row["true"])
    assert "gave no number" not in told()
