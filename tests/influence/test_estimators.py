"""The registry: every estimator by its name, several horizons at once, and ready to be cleansed with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gansift import cleansing, training
from gansift.catalogue import ESTIMATOR_LABELS
from gansift.errors import UsageError
from gansift.influence.estimators import ESTIMATORS, estimate, estimate_metrics, ranks_only, sweeps
from gansift.metrics import ALL
from toys import acgan, examples, labelled

STEPS = 6
METRIC = ALL(labelled(examples(10, seed=3)), latents=20)
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(scope="module")
def run():
    return training.train(
        acgan(),
        labelled(examples(12)),
        steps=STEPS,
        batch_size=4,
        optimizers=training.SGD(lr=0.1),
        ema=0.5,
        dtype="float64",
    )


def test_the_exact_ones_come_first_and_every_baseline_goes_by_the_name_of_its_file():
    files = sorted((Path(__file__).parents[2] / "src/gansift/influence/baselines").glob("*.py"))
    named = [path.stem.replace("_", "-") for path in files if "\nESTIMATOR = " in path.read_text()]
    assert list(ESTIMATORS) == ["itd", "itd-first-order", "itd-repeated", "aid", *named]
    assert {"density", "own-loss", "random"} <= set(named)


def test_some_sweep():
    assert {name for name in ESTIMATORS if sweeps(name)} == {
        "itd",
        "itd-first-order",
        "itd-repeated",
        "without-propagation",
        "discriminator-loss",
        "self-influence",
    }


@every_estimator
def test_the_name_is_noted_in_the_scores(name, run):
    assert ESTIMATORS[name](run, METRIC).estimator == name


@every_estimator
def test_several_metrics_together_are_those_of_one_call_each(name, run):
    metrics, steps = [METRIC, ALL(labelled(examples(10, seed=4)), latents=30)], []
    together = estimate_metrics(name, run, metrics, [2, STEPS], steps.append)
    for metric, found in zip(metrics, together, strict=True):
        for horizon, alone in estimate(name, run, metric, [2, STEPS]).items():
            np.testing.assert_allclose(found[horizon].values, alone.values, rtol=1e-9, atol=1e-15)
            assert found[horizon].metric == metric.name
    if sweeps(name):  # others may count steps of their own
        assert len(steps) == (1 if ESTIMATORS[name].joint else 2) * ESTIMATORS[name].steps_swept([2, STEPS])


@every_estimator
def test_several_horizons_at_once_are_those_of_one_call_each(name, run):
    together = estimate(name, run, METRIC, [2, 5, STEPS])
    assert list(together) == [2, 5, STEPS]
    for horizon, scores in together.items():
        alone = ESTIMATORS[name](run, METRIC, horizon)
        assert np.array_equal(scores.values, alone.values)
        assert replace(scores, values=alone.values) == alone
        assert scores.horizon == horizon


@every_estimator
def test_only_estimators_that_sweep_depend_on_the_horizon(name, run):
    scores = estimate(name, run, METRIC, [2, STEPS])
    assert np.array_equal(scores[2].values, scores[STEPS].values) != sweeps(name)


@every_estimator
def test_several_horizons_are_no_more_work_than_the_longest_and_its_repetitions(name, run):
    of_all, of_longest = [], []
    estimate(name, run, METRIC, [2, 3, 5], of_all.append)
    estimate(name, run, METRIC, [5], of_longest.append)
    if name != "itd-repeated":
        assert of_all == of_longest
    if sweeps(name):
        assert len(of_all) == ESTIMATORS[name].steps_swept([2, 3, 5])
        assert of_all[:5] == list(range(STEPS - 1, 0, -1))


@every_estimator
def test_the_most_harmful_of_every_estimator_can_be_removed_at_its_horizon(name, run):
    harmful = estimate(name, run, METRIC, [3])[3].harmful(2)
    again = cleansing.retrain(run, harmful)
    assert again.start == STEPS - 3
    assert [row for row, weight in enumerate(again.weights.tolist()) if weight == 0] == sorted(
        run.ids.index(identity) for identity in harmful.ids
    )


@every_estimator
@pytest.mark.parametrize("horizon", [0, STEPS + 1])
def test_a_horizon_outside_the_run_is_refused(name, run, horizon):
    with pytest.raises(UsageError, match=f"horizon {horizon} is not between 1 and"):
        estimate(name, run, METRIC, [1, horizon])


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(run):
    with pytest.raises(
        UsageError,
        match=r"'idt'; choose one of itd, itd-first-order, itd-repeated, aid, .*, without-propagation",
    ):
        estimate("idt", run, METRIC, [1])


def test_every_estimator_has_a_label_of_its_own():
    assert {name: estimator.label for name, estimator in ESTIMATORS.items()} == ESTIMATOR_LABELS
    assert all(ESTIMATOR_LABELS.values())
    assert len({estimator.label for estimator in ESTIMATORS.values()}) == len(ESTIMATORS)


def test_names_and_labels_are_known_without_torch():
    code = "import sys; from gansift.catalogue import ESTIMATOR_LABELS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_estimator_of_another_tool_neither_sweeps_nor_only_ranks():
    assert not sweeps("their-own")
    assert not ranks_only("their-own")
