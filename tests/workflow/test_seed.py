"""One seed: every metric has files of its own, and every kind of retraining gives the numbers that it always gave."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gansift import games
from gansift.cleansing import retrained_players
from gansift.cleansing.retraining import Harmful, Ids, Random, ScoresOf
from gansift.cleansing.trial import Cell, Trial, random_ids
from gansift.data import Splits
from gansift.errors import UsageError
from gansift.influence import itd_metrics
from gansift.influence.scores import Scores
from gansift.metrics import ALL
from gansift.systems import Judges
from gansift.training import SGD, train
from gansift.workflow import seed as seed_file
from gansift.workflow import stages
from gansift.workflow.choosing import read_trials
from gansift.workflow.directory import RunDirectory
from gansift.workflow.job_tasks import doing
from gansift.workflow.jobs import Retrain, Score, Train, trial
from gansift.workflow.place import place_of
from gansift.workflow.seed import Seed
from tiny_run import request
from toys import Critic, Perceptron, examples

SETTINGS = {
    "for_this_model": True,
    "source": "normal-1d", "steps": 8, "seeds": 2, "horizons": "0.05,all", "remove": "5,10", "latents": 50, "width": 4,
    "batch": 20, "jobs": 1, "verify": 0, "baselines": "none",
}  # fmt: skip
ONE, OTHER = "all@50", "all@40"
HORIZONS = (4, 8)

# What retraining these settings gave, in float64 and at a higher rate, before all of it was one kind of job.
RATE = {"dtype": "float64", "warmup": 0, "lr": 0.02}
RECORDED = [
    Trial(0, 4, 5, 4.03427725e-05, 2.45428052e-05, 1.16447311e-05, -1.06500119e-05, -5.32811185e-06),
    Trial(0, 4, 10, 5.16799427e-05, 3.00043979e-05, 1.38227354e-05, 0.0, -4.4408921e-16),
    Trial(0, 8, 5, 0.00138267036, 0.0020893486, 0.0009061185, 0.0, -4.4408921e-16),
    Trial(0, 8, 10, 0.002262743, 0.00136053202, 0.000514117933, 7.90349629e-06, 2.51445349e-06),
    Trial(1, 4, 5, 0.000486674117, 0.000488231466, 0.000169912565, 0.0, 0.0),
    Trial(1, 4, 10, 0.000729712492, 0.000713930123, 0.000327323729, -3.08691718e-05, -3.15005404e-05),
    Trial(1, 8, 5, 0.00201476339, 0.000840418269, 0.00109677107, -1.97405119e-05, -2.36656757e-05),
    Trial(1, 8, 10, 0.00280155467, 0.00136467974, 0.00126920228, -3.39832354e-05, -1.05364044e-05),
]


@pytest.fixture
def place(tmp_path):
    """A run that is asked about one metric, and knows another one."""
    directory, config = stages.prepare(request(SETTINGS), tmp_path)
    one = place_of(config, directory.cache)
    pair = tuple(ALL(part, latents=40, seed=seed) for seed, part in ((3, one.data.only.valid), (4, one.data.only.test)))
    one._made[OTHER] = Judges(*pair)  # as if the configuration asked about it, too
    return one


@pytest.fixture
def seed(place, tmp_path):
    return Seed(RunDirectory(tmp_path), place, 0)


def _do(place, root, jobs):
    """The jobs, one after the other, in a workplace that no configuration makes yet."""
    directory = RunDirectory(root)
    for job in jobs:
        if not job.done(directory):
            job.run(directory, place, lambda amount: None)


def _files(root):
    return {path.relative_to(root): path.read_bytes() for path in root.glob("seeds/*/[vsr]*/*")}


def _of(root, metric):
    return {path: content for path, content in _files(root).items() if path.name.startswith(metric)}


def test_trials_are_those_recorded_before_and_bit_for_bit_one_stack_of_retrainings(tmp_path):
    directory, config = stages.prepare(request(SETTINGS | RATE), tmp_path)
    stages.work(directory, config, "cleanse", config.way, True)
    place = place_of(config, directory.cache)
    plan = place.plan()
    trials = read_trials(directory, plan)
    for found, recorded in zip(trials, RECORDED, strict=True):
        assert vars(found) == pytest.approx(vars(recorded), rel=1e-6, abs=1e-11)
    main = Seed.main(directory, place)
    scores = main.scores_at(plan.metric, "itd", 8)
    harmful = [scores.harmful(count).ids for count in (5, 10)]
    control = [random_ids(main.run, Cell(8, len(ids)), ids) for ids in harmful]
    players = retrained_players(main.run, harmful + control, 8)
    before = main.values(plan.metric)["trained"]
    changes = [
        [metric.value(trained) - before[split] for trained in players]
        for split, metric in (("validation", place.validation), ("test", place.test))
    ]
    for row, found in enumerate(trials[2:4]):
        assert (found.validation, found.random_validation) == (changes[0][row], changes[0][row + 2])
        assert (found.test, found.random_test) == (changes[1][row], changes[1][row + 2])
        assert found.predicted == scores.harmful(found.removed).sum()


def test_nothing_of_one_metric_is_read_for_another(place, tmp_path):
    plan = place.plan()
    jobs = [Train(0, (ONE,)), Score(0, (ONE,), "itd", HORIZONS), trial(plan, 0, 8)]
    _do(place, tmp_path, jobs)
    first = _of(tmp_path, ONE)
    assert len(first) == 2 * (1 + 2 + 1 + 1)  # values, scores of two horizons, growth, one trial; and their checksums
    by = ScoresOf(OTHER, "itd", 8, (0,))
    harmful = [Harmful(by, 5), Harmful(by, 10)]
    again = [
        Train(0, (OTHER,)), Score(0, (OTHER,), "itd", HORIZONS),
        Retrain(0, (OTHER,), 8, (*harmful, *(Random(one, 8) for one in harmful))),
    ]  # fmt: skip
    assert not any(job.done(RunDirectory(tmp_path)) for job in again)
    for path in first:  # whoever reads a file of the first metric for the second stumbles
        (tmp_path / path).write_text("of the other metric")
    _do(place, tmp_path, again)
    assert {path.name for path in _of(tmp_path, OTHER)} >= {f"{OTHER}.json", f"{OTHER}-itd-8.csv"}
    seed = Seed(RunDirectory(tmp_path), place, 0)
    rows = again[-1].rows(RunDirectory(tmp_path), OTHER)
    own = itd_metrics(seed.run, [place.judges(OTHER).validation], [8])[0][8]
    assert [row["predicted"] for row in rows[:2]] == [own.harmful(5).sum(), own.harmful(10).sum()]
    (trained,) = retrained_players(seed.run, [own.harmful(5).ids], 8)
    before = place.judges(OTHER).validation.value(seed.run)
    assert rows[0]["validation"] == pytest.approx(place.judges(OTHER).validation.value(trained) - before, rel=1e-4)


def test_the_same_removals_under_a_new_metric_are_measured_and_the_first_metrics_file_stays(place, tmp_path):
    directory = RunDirectory(tmp_path)
    given = (Ids(tuple(place.data.only.train.ids[:5])), Ids(tuple(place.data.only.train.ids[7:9])))
    _do(place, tmp_path, [Retrain(0, (ONE,), 8, given)])
    first = _of(tmp_path, ONE)
    both = Retrain(0, (ONE, OTHER), 8, given)
    assert not both.done(directory)
    _do(place, tmp_path, [both])
    assert _of(tmp_path, ONE) == first
    assert both.rows(directory, OTHER) != both.rows(directory, ONE)
    assert [row["removed"] for row in both.rows(directory, OTHER)] == [5, 2]
    alone = tmp_path / "alone"
    _do(place, alone, [Retrain(0, (OTHER,), 8, given)])
    assert _of(alone, OTHER) == _of(tmp_path, OTHER)


def test_two_metrics_are_scored_in_one_sweep_and_resumed_to_the_same_bytes(place, tmp_path, monkeypatch):
    sweeps = []
    real = seed_file.estimate_metrics
    monkeypatch.setattr(seed_file, "estimate_metrics", lambda *given: sweeps.append(given[2]) or real(*given))
    both = Score(0, (ONE, OTHER), "itd", HORIZONS)
    _do(place, tmp_path, [both])
    whole = _files(tmp_path)
    for path in (f"{OTHER}-itd-growth.json", f"{OTHER}-itd-8.csv"):
        (tmp_path / "seeds/0/scores" / path).unlink()
    assert not both.done(RunDirectory(tmp_path))
    _do(place, tmp_path, [both])
    assert _files(tmp_path) == whole
    assert [len(metrics) for metrics in sweeps] == [2, 2]
    joint = itd_metrics(Seed(RunDirectory(tmp_path), place, 0).run, list(sweeps[0]), [8])
    for name, of_metric in zip((ONE, OTHER), joint, strict=True):
        kept = Scores.read(tmp_path / f"seeds/0/scores/{name}-itd-8.csv")
        assert np.array_equal(kept.values, of_metric[8].values)


def test_a_seed_that_is_never_scored_judges_what_the_mean_over_others_calls_harmful(place, tmp_path):
    by = ScoresOf(ONE, "itd", 8, (0, 1))
    judging = Retrain(7, (ONE,), 8, (Harmful(by, 5), Random(Harmful(by, 5), 8)))
    _do(place, tmp_path, [Train(0, (ONE,)), Train(1, (ONE,)), *judging.needs, judging])
    directory = RunDirectory(tmp_path)
    mean = np.mean([Seed(directory, place, number).scores_at(ONE, "itd", 8).values for number in (0, 1)], axis=0)
    judge = Seed(directory, place, 7)
    (removed, control) = judge.removed(judging.removals)
    most = np.argsort(mean if place.validation.direction == "lower" else -mean, kind="stable")[:5]
    assert removed.ids == tuple(judge.run.ids[row] for row in most)
    assert removed.predicted == pytest.approx(mean[most].sum())
    assert control.ids == random_ids(judge.run, Cell(8, 5), removed.ids)
    (trained, _) = retrained_players(judge.run, [removed.ids, control.ids], 8)
    row = judging.rows(directory, ONE)[0]
    assert row["validation"] == place.validation.value(trained) - judge.values(ONE)["trained"]["validation"]
    assert not (tmp_path / "seeds/7/scores").exists()


def test_an_optional_removal_that_does_not_fit_is_left_out_of_the_stack_and_said(seed, caplog, monkeypatch):
    def of_few(name, *given):
        if name == "density":
            raise UsageError("needs features")
        return real(name, *given)

    real = seed_file.estimate
    monkeypatch.setattr(seed_file, "estimate", of_few)
    names = ("isolation-forest", "density", "random")
    removals = [Harmful(ScoresOf(ONE, name, 8, (0,)), 5, optional=True) for name in names]
    rows = seed.retrain(8, removals, [ONE])[ONE]
    assert [row["validation"] is None for row in rows] == [False, True, False]
    assert seed.retrain(8, removals[::2], [ONE])[ONE] == rows[::2]
    assert "nothing is retrained without the 5 most harmful examples" in caplog.text
    with pytest.raises(UsageError, match="needs features"):
        seed.retrain(8, [replace(removals[1], optional=False)], [ONE])


def test_a_retraining_that_breaks_down_is_none_under_every_metric_and_said(seed, caplog, monkeypatch):
    def first_breaks(*given):
        found = real(*given)
        return [[math.nan] * len(row) if number == 0 else row for number, row in enumerate(found)]

    real = seed_file.changes
    monkeypatch.setattr(seed_file, "changes", first_breaks)
    found = seed.retrain(8, [Ids(seed.run.ids[:2]), Ids(seed.run.ids[2:4])], [ONE, OTHER])
    for rows in found.values():
        assert (rows[0]["validation"], rows[0]["test"]) == (None, None)
        assert None not in (rows[1]["validation"], rows[1]["test"])
    assert "seed 0: retraining the last 8 steps without 2 given examples broke down" in caplog.text
    json.dumps(found, allow_nan=False)


def test_a_trial_whose_control_broke_down_is_left_out(place, tmp_path):
    plan = place.plan()
    directory, job = RunDirectory(tmp_path), trial(plan, 0, 8)
    with doing(directory, plan, 1, quiet=True) as do:
        do([Train(0, (ONE,)), Score(0, (ONE,), "itd", HORIZONS), job], "cleanse")
    (path,) = job.paths(directory)
    rows = json.loads(path.read_text())
    rows[3]["test"] = None
    path.write_text(json.dumps(rows))
    assert [found.removed for found in read_trials(directory, plan)] == [5]


class Drawing(games.GAN):
    """A game that shows its examples turned upside down, or fails to."""

    fails = False

    def show(self, net, data):
        if self.fails:
            raise ValueError("no paint left")
        return {f"{name} upside down": x.flip(1) for name, x in data.items()}


def test_a_game_that_fails_to_show_anything_loses_nothing_but_its_pictures(caplog):
    run = train(Drawing(Perceptron(2, 2), Critic(2)), examples(), steps=2, batch_size=4, optimizers=SGD(lr=0.1))
    part = examples()
    seed = SimpleNamespace(place=SimpleNamespace(data={"x": Splits("x", part, part, part)}))
    made = seed_file.made_by(seed, run.trained(), 3)
    assert list(made) == ["x upside down"]
    np.testing.assert_allclose(made["x upside down"], part.x[:3].flip(1).float())
    run.step.game.fails = True
    assert seed_file.made_by(seed, run.trained(), 3) == {}
    assert "the page has no pictures of Drawing.show: ValueError('no paint left')" in caplog.text
