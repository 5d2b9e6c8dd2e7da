"""The papers' experiments run from one command, and their trainings are the published ones."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from papers import accuracy
from papers import run as command
from papers.networks import PenalisedGAN, SigmoidClassifier, SigmoidDiscriminator, SigmoidGenerator
from papers.settings import LAST_EPOCHS, PAPER, SIZES, Accuracy, setting
from papers.trainings import prepare, trained
from torch import nn

from gansift import cleansing, influence
from gansift.cleansing.replicas import stack_size
from gansift.errors import DataError
from gansift.files import read_json
from gansift.games import Draw, Trained
from gansift.training.order import batch_indices
from gansift.training.train import redo

FASHION = "beyond-cleansing-fashion"


def _parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("papers")
    assert command.main(["--size", "smoke", "--seeds", "1", "--jobs", "1", "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_every_experiment_leaves_a_result_for_each_seed(results: Path) -> None:
    found = {path.parent.name for path in results.glob("*/seed-*.json")}
    assert found == set(PAPER) - {FASHION}


def test_an_experiment_without_its_data_says_which_flag_brings_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([FASHION, "--size", "smoke", "--out", str(tmp_path)]) == 0
    assert "--fashion FILE" in capsys.readouterr().out


@pytest.mark.parametrize(("content", "said"), [(None, "there is no file"), (b"nothing of the kind", "is no .npz with")])
def test_a_wrong_data_file_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "fashion.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        prepare(setting(FASHION, "smoke"), {"fashion": file})
    assert str(file) in str(error.value)


@pytest.mark.parametrize(("asked", "found"), [(None, 2), (1, 1), (3, 3)])
def test_seeds_are_the_papers_as_many_as_asked_for(tmp_path: Path, asked: int | None, found: int) -> None:
    given = Namespace(size="smoke", seeds=asked, out=tmp_path)
    jobs = command._jobs(["iclr-cleansing-mnist"], given, {})
    assert [job.seed for job in jobs] == list(PAPER["iclr-cleansing-mnist"].seeds[:found])


@pytest.mark.slow
def test_what_is_done_is_not_done_again_unless_its_settings_change(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(results.glob("tnnls-accuracy-lqgan/seed-*.json"))
    before = file.stat().st_mtime_ns
    again = ["tnnls-accuracy-lqgan", "--seeds", "1", "--jobs", "1", "--out", str(results)]
    assert command.main([*again, "--size", "smoke"]) == 0
    assert "1 of 1 jobs are done already" in capsys.readouterr().out
    assert file.stat().st_mtime_ns == before
    job = command.Job("tnnls-accuracy-lqgan", "reduced", read_json(file)["seed"], results, ())
    assert not job.is_done()


@pytest.mark.slow
def test_the_truth_is_that_of_retraining_without_the_example(results: Path, tmp_path: Path) -> None:
    found = read_json(next(results.glob("iclr-accuracy-2d/seed-*.json")))
    prepared = prepare(setting("iclr-accuracy-2d", "smoke"), {})
    run = trained(prepared, found["seed"], tmp_path / "run")
    metric = prepared.validation["all"]
    (row,) = (row for row in found["rows"] if row["estimator"] == "itd" and row["epochs"] == 1)
    changes = [
        metric.value(cleansing.retrain(run, [identity], horizon=row["steps"])) - metric.value(run)
        for identity in run.ids[: len(row["true"])]
    ]
    assert row["true"] == pytest.approx(changes, rel=1e-5)
    assert max(map(abs, changes)) > 0


@pytest.mark.slow
def test_a_change_is_that_of_the_test_metric_after_removing_the_most_harmful(results: Path, tmp_path: Path) -> None:
    found = read_json(next(results.glob("tnnls-cleansing-1d/seed-*.json")))
    prepared = prepare(setting("tnnls-cleansing-1d", "smoke"), {})
    run = trained(prepared, found["seed"], tmp_path / "run")
    (row,) = (
        row
        for row in found["rows"]
        if row["scored_by"] == "itd all" and row["retraining"] == "full" and row["removed"] == 20
    )
    harmful = influence.itd(run, prepared.validation["all"]).harmful(20)
    test = prepared.test["all"]
    change = test.value(cleansing.retrain(run, harmful.ids, from_start=True)) - test.value(run)
    assert row["test"]["all"] == pytest.approx(change, rel=1e-5)


@pytest.mark.parametrize(("width", "discriminator", "generator"), [(8, 3_121, 4_785), (32, 46_273, 62_145)])
def test_the_papers_dcgan_has_as_many_parameters_as_published(width: int, discriminator: int, generator: int) -> None:
    # About 3.1k and 4.8k at width 8, 46k and 62k at width 32.
    assert _parameters(SigmoidDiscriminator(width)) == discriminator
    assert _parameters(SigmoidGenerator(width)) == generator


def test_the_papers_classifier_has_as_many_parameters_as_published() -> None:
    assert _parameters(SigmoidClassifier()) == 53_410


def test_images_and_latents_have_the_published_shapes() -> None:
    assert SigmoidGenerator(2)(torch.zeros(3, 32)).shape == (3, 1, 28, 28)
    assert SigmoidDiscriminator(2)(torch.zeros(3, 1, 28, 28)).shape == (3,)


def test_the_penalty_is_on_kernels_alone() -> None:
    decay = 0.5
    game = PenalisedGAN(SigmoidGenerator(2), SigmoidDiscriminator(2), decay=decay, schedule="simultaneous")
    bound = nn.Sequential(SigmoidDiscriminator(2))
    values = {name: value.detach().requires_grad_() for name, value in bound.named_parameters()}

    class Player:
        def parameters(self):
            return values.values()

    penalty = game._penalty(Player())  # type: ignore[arg-type]
    gradients = torch.autograd.grad(penalty, list(values.values()), allow_unused=True)
    for (name, value), gradient in zip(values.items(), gradients, strict=True):
        if value.dim() > 1:
            torch.testing.assert_close(gradient, decay * value)
        else:
            assert gradient is None, name


def test_stacked_retrainings_of_the_papers_dcgan_are_those_of_each_alone(tmp_path: Path) -> None:
    smoke = replace(setting("iclr-cleansing-mnist", "smoke"), dtype="float64", lr=0.01)
    prepared = prepare(smoke, {})
    run = trained(prepared, 3, tmp_path / "run")
    removals = [run.ids[:1], run.ids[5:20]]
    assert stack_size(run.step) > 1

    def images(trained: Trained | None) -> torch.Tensor:
        assert trained is not None
        return trained.sample(2, Draw(0, "images", dtype=torch.float64))

    for ids, stacked in zip(removals, cleansing.retrained_players(run, removals, run.steps), strict=True):
        alone = cleansing.retrain(run, ids, from_start=True).trained()
        torch.testing.assert_close(images(stacked), images(alone), rtol=1e-9, atol=1e-12)
        assert (images(alone) - images(run.trained())).abs().max() > 1e-7


@pytest.mark.parametrize("experiment", PAPER)
@pytest.mark.parametrize("size", SIZES)
def test_every_size_of_every_experiment_fits_together(experiment: str, size: str) -> None:
    chosen = setting(experiment, size)
    assert len(batch_indices(0, "data", 0, chosen.train, chosen.batch)) == chosen.batch
    if isinstance(chosen, Accuracy):
        assert max(chosen.horizons) <= chosen.epochs
        assert chosen.left_out <= chosen.train
    else:
        assert max(LAST_EPOCHS.get(name, 0) for name in chosen.retrainings) <= chosen.epochs


@pytest.mark.parametrize("experiment", [name for name in PAPER if PAPER[name].game != "preset"])
def test_reduced_trainings_get_as_far_as_the_published_ones(experiment: str) -> None:
    paper, reduced = PAPER[experiment], setting(experiment, "reduced")
    # All of the way would take this one twice as long, or a rate with which its scores mean nothing.
    least = 0.5 if experiment == "iclr-cleansing-mnist" else 1.0
    assert least - 1e-9 <= reduced.lr * reduced.steps / (paper.lr * paper.steps) <= 1.0 + 1e-9
    assert reduced.lr <= 2 * paper.lr  # beyond that, steps become unstable where the published ones were not


def test_a_light_truth_is_of_retraining_with_that_share_of_the_weight_gone(tmp_path: Path) -> None:
    light = replace(setting("beyond-accuracy-light", "smoke"), dtype="float64", lr=0.05)
    prepared = prepare(light, {})
    rows = accuracy.measure(prepared, 3, tmp_path / "run", lambda said: None)["rows"]
    run, metric = trained(prepared, 3, tmp_path / "run"), prepared.validation["fid"]
    (row,) = (row for row in rows if row["metric"] == "fid" and row["epochs"] == 2)
    weights = run.weights.clone()
    weights[0] = 0.95
    change = metric.value(redo(run, weights, run.steps)) - metric.value(run)
    assert row["true"][0] == pytest.approx(change, rel=1e-4)
    assert row["predicted"][0] == pytest.approx(0.05 * influence.itd(run, metric).values[0], rel=1e-9)
    assert abs(change) > 1e-9
