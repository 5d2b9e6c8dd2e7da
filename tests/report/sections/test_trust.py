import re

import made_up_report as made_up
import pytest
from page_reader import Page, written

pytestmark = pytest.mark.usefixtures("without_charts")
MINUS = "\N{MINUS SIGN}"


def section(tmp_path, **changes) -> str:
    """The visible text of the page's section on trust."""
    text = Page(written(tmp_path, made_up.summary(**changes), made_up.points(2))).text
    return text.split("Can the scores be trusted?")[1].split("What this shows")[0]


def growth(state, horizon, epochs=None, factor=91.0):
    return {
        "horizon": horizon, "epochs": epochs, "accumulated": factor, "limit": 500.0, "effect": 0.0123,
        "effect_limit": 0.025, "state": state,
    }  # fmt: skip


def check(horizon, spearman, holds):
    return {"horizon": horizon, "count": 12, "removed": 17, "spearman": spearman, "holds": holds}


def test_a_smooth_run_is_believable_as_far_back_as_scores_go(tmp_path):
    whole = section(tmp_path, trust=growth("smooth", 1280, 80.0))
    assert "Scores can be believed over the whole run." in whole
    assert "the derivative adds up to 91 times its size at the end" in whole
    assert "a random 2 % would change FID by 1.2 %; up to 500 times and 2.5 % were found believable" in whole
    assert "noise" not in whole
    part = section(tmp_path, trust=growth("smooth", 640, 40.0))
    assert "believed over the last 640 steps (40 epochs), as far back as they were computed." in part


def test_a_partly_smooth_run_names_the_longest_believable_horizon_and_what_to_change(tmp_path):
    text = section(tmp_path, trust=growth("partly", 320, 20.0, 1234.0))
    assert "over the last 320 steps (20 epochs); scores of longer horizons may be noise." in text
    assert "adds up to 1,234 times its size" in text
    assert "--eps" in text
    assert "in doubt" not in text


def test_what_retraining_said_of_horizons_is_told_the_longest_first(tmp_path):
    checks = [check(640, 0.21, False), check(320, 0.93, True)]
    text = section(tmp_path, trust=growth("partly", 320, 20.0) | {"checks": checks})
    assert "Scores can be believed over the last 320 steps (20 epochs)" in text
    assert (
        "Retraining the last 640 steps (40 epochs) without a random 17 examples, 12 times, gave changes of FID with a "
        "rank correlation of 0.21 with what scores predicted: not enough to believe them."
    ) in text
    assert text.index("Retraining the last 640") < text.index("Retraining the last 320 steps (20 epochs)")
    assert "0.93 with what scores predicted: enough to believe them." in text


def test_a_run_whose_shortest_horizon_does_not_hold_is_chaotic(tmp_path):
    checks = [check(20, None, False)]
    text = section(tmp_path, trust=growth("chaotic", 20, 1.0) | {"checks": checks})
    assert "Retraining does not bear out even the scores of the shortest horizon that was tried." in text
    assert "with nothing that could be ranked" in text


def test_a_chosen_horizon_beyond_the_believable_one_is_said(tmp_path):
    text = section(tmp_path, trust=growth("partly", 160, 10.0))
    assert "The chosen horizon, 320 steps, is longer than that." in text


def test_what_makes_training_smoother_are_settings_that_the_run_has(tmp_path):
    flow = {"batch": 64, "system": {"lr": 0.1, "blocks": 6}}
    text = section(tmp_path, trust=growth("partly", 320, 20.0), settings=flow)
    assert "To train more smoothly, use a lower --lr or a larger --batch ." in text
    text = section(tmp_path, trust=growth("partly", 320, 20.0), settings={"system": {"r1": 0.1, "eps": 1.0}})
    assert "use a larger --eps (inside Adam's root) or R1 ( --r1 )." in text
    assert "use a lower learning rate." in section(tmp_path, trust=growth("partly", 320, 20.0), settings={})


@pytest.mark.parametrize(("factor", "shown"), [(2e12, "2.0 \N{MULTIPLICATION SIGN} 10¹² times"), (None, "beyond all"),
                                               (float("inf"), "beyond all"), (float("nan"), "beyond all")])  # fmt: skip
def test_a_chaotic_run_says_so_and_what_to_change(tmp_path, factor, shown):
    text = section(tmp_path, trust=growth("chaotic", None, factor=factor))
    assert "This training is chaotic" in text
    assert f"adds up to {shown}" in text
    for flag in ("--eps", "--r1", "--lr", "--warmup", "--batch"):
        assert flag in text
    assert "can be believed" not in text


def test_growth_without_a_verdict_is_shown_without_one_and_neither_not_at_all(tmp_path):
    title = "How far back the scores can be trusted"
    curve = section(tmp_path, trust=None)
    assert title in curve
    assert "believed" not in curve
    assert title not in section(tmp_path, trust=None, growth=[])
    assert "the last 320 steps" in section(tmp_path, growth=[])


def test_the_promise_stands_beside_its_correction_and_the_measured_change(tmp_path):
    text = section(tmp_path)
    assert (
        f"Scores promised {MINUS}1.60; corrected by what retraining of the other seeds kept of such promises, "
        f"{MINUS}0.44; measured {MINUS}0.40 (validation data)."
    ) in text
    assert "tend to be overestimated" in text


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_promise_without_a_correction_is_not_corrected(tmp_path, missing):
    grid = [row | {"calibrated": missing} for row in made_up.report()["grid"]]
    assert f"Scores promised {MINUS}1.60; measured {MINUS}0.40" in section(tmp_path, grid=grid)


def test_nothing_chosen_was_promised_nothing(tmp_path):
    assert "promised" not in section(tmp_path, chosen=None, removed=0)


def test_predictions_off_the_scale_are_said_and_not_drawn(tmp_path):
    grid = made_up.report((160, 1280))["grid"]
    assert "Not drawn" not in section(tmp_path, grid=grid)
    for row in grid:
        row["predicted"] *= 1000 if row["horizon"] == 1280 else 1
    text = section(tmp_path, grid=grid)
    assert re.search(r"Not drawn: the last 1,280 steps, for which a change of .3.20 .* was predicted", text)


def test_baselines_stand_in_the_order_given_with_both_splits(tmp_path):
    text = section(tmp_path)
    titles = ["most harmful scores", "most unusual features (Isolation <Forest>)", "random"]
    table = text.split("removed are")[-1]
    assert sorted(titles, key=table.index) == titles
    assert f"(Isolation <Forest>) {MINUS}0.132 {MINUS}0.260 to +0.040 {MINUS}0.110 {MINUS}0.260 to +0.040" in table
    assert "No other way" not in text


@pytest.mark.parametrize(
    ("direction", "change", "better"),
    [("lower", -0.5, True), ("lower", 0.5, False), ("higher", 0.5, True), ("higher", -0.5, False)],
)
def test_a_baseline_that_did_better_is_named(tmp_path, direction, change, better):
    own, other, _ = made_up.report()["baselines"]
    text = section(tmp_path, direction=direction, baselines=[own, other | {"test": change}])
    assert ("better than the scores of this report: most unusual features" in text) == better
    assert ("none did better than the scores of this report" in text) != better


def test_baselines_that_were_not_measured_are_dashes(tmp_path):
    empty = {"estimator": "random", "title": "random"} | dict.fromkeys(
        ("validation", "validation_ci95", "test", "test_ci95")
    )
    text = section(tmp_path, baselines=[empty])
    assert "random \N{EN DASH} \N{EN DASH} \N{EN DASH} \N{EN DASH}" in text
    assert "did better" not in text


def test_no_baselines_are_said(tmp_path):
    assert "No other way of choosing was tried." in section(tmp_path, baselines=[])
