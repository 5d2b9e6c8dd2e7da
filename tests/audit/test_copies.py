import json
from dataclasses import replace

import made_up_audit as made_up
import numpy as np
import pytest

from gansift import data, games, training
from gansift.audit import Subject, run_audit
from gansift.audit.copies import copies
from gansift.errors import UsageError
from gansift.report import answer_text, read_answers, write_answer
from toys import Critic, Perceptron

CASES = 20


def found(**changes) -> int:
    """In how many of the cases copies are found."""
    return sum(bool(copies(made_up.subject(seed, **changes), samples=300).finding) for seed in range(CASES))


def test_planted_copies_are_found():
    assert found(copied=0.25) >= 19


def test_honest_samples_are_not_flagged():
    # At a rate of 5 %, more than 4 of 20 are less likely than 0.3 %.
    assert found() <= 4


def test_samples_that_are_only_smooth_are_not_flagged_although_they_come_closer():
    assert found(spread=0.3) <= 4
    answer = copies(made_up.subject(0, spread=0.3), samples=300)
    assert answer.numbers["c_t_values"].ci95[1] < 0
    assert "not closer to training examples than to held-out ones" in answer.verdict


def test_a_generator_collapsed_onto_a_few_points_is_not_flagged():
    def flagged(seed):
        modes = made_up.drawn(3, np.random.default_rng(100 + seed))
        player = made_up.Player(lambda count, rng: modes[rng.integers(3, size=count)], seed)
        return bool(copies(replace(made_up.subject(seed), players=[player]), samples=300).finding)

    assert sum(map(flagged, range(CASES))) <= 4


@pytest.fixture(scope="module")
def answer():
    return copies(made_up.subject(1, copied=0.25, players=2, features=lambda x: 2 * x[:, :4]), samples=401)


def test_the_answer_tells_what_was_measured_in_numbers_and_features(answer):
    assert answer.finding is True
    assert answer.numbers.keys() == {
        f"{key}_{space}"
        for key in ("c_t", "close_share", "nearer_share", "training_share", "likelihood_gap")
        for space in ("values", "features")
    }
    for number in answer.numbers.values():
        assert number.ci95[0] <= number.value <= number.ci95[1]
    assert answer.badge == "copies"
    share = answer.numbers["close_share_values"]
    assert share.value == pytest.approx(0.25 + 0.05 * 0.75, abs=0.08)
    assert f"{100 * share.value:.1f} % (95 % interval" in answer.verdict
    assert "400 samples of 2 training seeds were compared with 120 held-out examples" in answer.shown[0]


def test_the_copied_examples_and_the_seeds_are_listed(answer):
    table = answer.tables["Training examples that most samples come close to"]
    assert all(name.startswith("train/") for name, _ in table.rows)
    counts = [count for _, count in table.rows]
    assert counts == sorted(counts, reverse=True)
    assert [row[0] for row in answer.tables["By training seed"].rows] == [0, 1]
    shares = [row[2] for row in answer.tables["By training seed"].rows]
    assert np.mean(shares) == pytest.approx(answer.numbers["close_share_values"].value)


def test_regions_add_up_to_c_t_and_a_second_opinion_is_told(answer):
    rows = [row for row in answer.tables["By region"].rows if row[2] is not None]
    assert sum(row[1] for row in answer.tables["By region"].rows) == 120
    mean = np.average([z for _, _, z in rows], weights=[held for _, held, _ in rows])
    assert mean == pytest.approx(answer.numbers["c_t_values"].value)
    assert answer.numbers["likelihood_gap_values"].ci95[0] > 0
    assert "in values and features training examples are more likely" in answer.shown[-1]
    assert answer.shown[-1].endswith("it agrees.")


def test_what_was_trained_without_the_copied_examples_is_audited_beside_it():
    honest = made_up.Player(made_up.drawn, 5)
    plain = made_up.subject(2, copied=0.5)
    found = copies(replace(plain, cleansed=honest, removed=frozenset({"train/1", "train/2"})), samples=300)
    table = found.tables["Before and after cleansing"]
    (before, after), column = table.rows, table.columns.index("nearer_share, values")
    assert float(before[column].split()[0]) > 0.7 > float(after[column].split()[0])
    assert "2 examples" in table.note
    assert "Before and after cleansing" not in copies(plain, samples=300).tables


def test_the_closest_pairs_are_different_training_examples_nearest_first(answer):
    gallery = answer.pictures["Samples that come closest"]
    names = [caption.partition(":")[0] for caption in gallery.captions]
    assert len(set(names)) == len(names) == 10
    apart = np.linalg.norm(gallery.x[:, 0] - gallery.x[:, 1], axis=1)
    assert (np.diff(apart) >= 0).all()
    assert all(f"distance {value:.3g}," in caption for value, caption in zip(apart, gallery.captions, strict=True))


def test_the_curves_are_shares_within_each_distance(answer):
    curves = answer.curves["Distance to the nearest training example, in values"]
    for _, shares in curves.lines.values():
        assert (np.diff(shares) >= 0).all()
        assert shares[-1] > 0.9
    assert max(np.subtract(curves.lines["samples"][1], curves.lines["held-out examples"][1])) > 0.15


def test_the_same_subject_gives_the_same_answer():
    one, other = (copies(made_up.subject(3), samples=100).to_json() for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


def test_it_is_stored_and_told_like_any_answer(answer, tmp_path):
    write_answer(tmp_path, answer)
    (read,) = read_answers(tmp_path)
    assert read.to_json() == answer.to_json()
    assert answer_text(read).startswith("copies: Some samples are copies of training examples")


def test_too_few_held_out_examples_tell_nothing():
    answer = copies(made_up.subject(0, held=30), samples=50)
    assert answer.finding is None
    assert "cannot be decided with 30 held-out examples" in answer.verdict


def test_so_few_samples_that_no_region_can_be_compared_are_refused():
    with pytest.raises(UsageError, match=r"4 samples and 120 held-out examples are too few for copies.*--samples"):
        copies(made_up.subject(0), samples=4)


def test_a_seed_with_too_few_samples_to_compare_has_no_c_t_and_the_answer_is_stored(tmp_path):
    answer = copies(replace(made_up.subject(0), players=made_up.subject(0).players * 2), samples=8)
    assert [row[1] for row in answer.tables["By training seed"].rows] == [None, None]
    write_answer(tmp_path, answer)
    assert read_answers(tmp_path)[0].to_json() == answer.to_json()


@pytest.mark.parametrize("settings", [{"samples": 0}, {"quantile": 0.0}, {"quantile": 1.0}])
def test_settings_without_sense_are_refused(settings):
    with pytest.raises(UsageError, match="quantile between 0 and 1"):
        run_audit("copies", made_up.subject(0), **settings)


def test_samples_of_another_shape_than_any_data_are_refused():
    player = made_up.Player(lambda count, rng: np.zeros((count, 3)), 0)
    with pytest.raises(UsageError, match=r"no data set of toy has examples of shape \(3,\).*data \(8,\)"):
        copies(replace(made_up.subject(0), players=[player]), samples=10)


def test_a_real_run_is_audited():
    splits = data.load("normal-1d", seed=0)
    game = games.GAN(Perceptron(2, 1), Critic(1), latent=2)
    run = training.train(game, splits.train, steps=2, batch_size=50, optimizers=training.SGD(lr=0.1))
    subject = Subject("runs/normal", {"data": splits}, [run.trained()])
    answer = run_audit("copies", subject, samples=200)
    assert answer.finding is False
    assert answer.to_json() == run_audit("copies", subject, samples=200).to_json()
