"""Samples are those of the run's networks, of classes as often as they are among the examples, with a card."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from gansift.data.pixels import to_pixels
from gansift.errors import GansiftError, UsageError
from gansift.games import Draw
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import opened
from gansift.workflow.releasing import _apportioned
from gansift.workflow.seed import Seed
from gansift.workflow.weights import keep_weights
from tiny_run import gansift

TINY = [
    "--until",
    "train",
    "--steps",
    3,
    "--seeds",
    1,
    "--batch",
    8,
    "--width",
    4,
    "--latents",
    20,
    "--jobs",
    1,
    "--quiet",
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    root = tmp_path_factory.mktemp("released") / "digits"
    gansift("run", "digits", "--game", "acgan", *TINY, "--outdir", root)
    gansift("audit", "copies", root, "--samples", 50)
    return root


def seed_of(root):
    directory = RunDirectory(root)
    return Seed(directory, opened(directory, load(directory.config)), 0)


def released(root, destination, *flags):
    done = gansift("export", root, destination, "--format", "synthetic", *flags, "--json")
    return json.loads(done.stdout)


def images_of(folder):
    return [np.asarray(Image.open(path)) for path in sorted((folder / "images").iterdir())]


def test_samples_are_of_the_classes_as_they_are_among_the_examples(digits, tmp_path):
    said = released(digits, tmp_path / "out", "--number", 600)
    run = seed_of(digits).run
    labels = run.step.labels["data"].cpu()
    with (tmp_path / "out/metadata.csv").open() as file:
        asked = torch.tensor([int(row["label"]) for row in csv.DictReader(file)])
    counts = torch.bincount(asked, minlength=10)
    assert (counts - torch.bincount(labels, minlength=10) * 600 / len(labels)).abs().max() < 1
    assert said["classes"] == {str(label): int(count) for label, count in enumerate(counts)}
    draw = Draw(0, "release", dtype=run.step.dtype)
    with torch.no_grad():
        expected = torch.cat([run.trained().sample(len(part), draw, label=part) for part in asked.split(500)])
    for image, sample in zip(images_of(tmp_path / "out"), expected.numpy(), strict=True):
        np.testing.assert_array_equal(image, to_pixels(sample))


def test_the_card_has_the_audits_of_the_run_and_names_those_that_were_not_asked(digits, tmp_path):
    said = released(digits, tmp_path / "out", "--number", 5)
    assert [answer["audit"] for answer in said["audits"]] == ["copies"]
    assert "membership" in said["not_audited"]
    assert "linkage" not in said["not_audited"]
    stored = json.loads((digits / "audits/copies.json").read_text())
    assert stored["verdict"] in (tmp_path / "out/README.md").read_text()
    told = gansift("export", digits, tmp_path / "told", "--format", "synthetic", "--number", 5).stdout
    assert f"Leakage, membership: not audited; ask by gansift audit membership {digits}" in told
    assert str(tmp_path) not in (tmp_path / "told/README.md").read_text()


def test_samples_of_the_cleansed_networks_say_that_audits_looked_at_others(digits, tmp_path):
    with pytest.raises(UsageError, match=r"--model cleansed: .* is not cleansed, or nothing was removed"):
        released(digits, tmp_path / "none", "--model", "cleansed")
    root = tmp_path / "run"
    shutil.copytree(digits, root)
    seed = seed_of(root)
    keep_weights(RunDirectory(root), seed.run, {"cleansed": seed.run.trained(0)})
    (root / "removed.txt").write_text("".join(f"{identity}\n" for identity in seed.run.ids[:7]))
    said = released(root, tmp_path / "out", "--number", 4, "--model", "cleansed")
    assert (said["trained_without"], said["audited_networks_made_these"]) == (7, False)
    released(root, tmp_path / "original", "--number", 4)
    both = images_of(tmp_path / "out"), images_of(tmp_path / "original")
    assert not all(np.array_equal(*pair) for pair in zip(*both, strict=True))


def test_a_table_is_released_as_a_table(tmp_path):
    rows = [f"{20 + number % 50},{'ab'[number % 2]}" for number in range(160)]
    (tmp_path / "people.csv").write_text("age,job\n" + "\n".join(rows))
    gansift("run", tmp_path / "people.csv", *TINY, "--outdir", tmp_path / "run")
    said = released(tmp_path / "run", tmp_path / "out")
    with (tmp_path / "out/samples.csv").open() as file:
        read = list(csv.DictReader(file))
    assert (len(read), said["classes"]) == (said["training_examples"]["people.csv"], None)
    assert {row["job"] for row in read} <= {"a", "b"}
    assert all(row["age"].lstrip("-").isdigit() for row in read)


def test_what_cannot_be_released_is_refused(digits, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").touch()
    with pytest.raises(GansiftError, match="is not empty"):
        released(digits, tmp_path / "full")
    with pytest.raises(UsageError, match="--model best: there is no such model; choose one of original, cleansed"):
        released(digits, tmp_path / "out", "--model", "best")
    with pytest.raises(UsageError, match="--number goes with --format synthetic alone; leave it out for weights"):
        gansift("export", digits, tmp_path / "out", "--format", "weights", "--number", 3)
    gansift("run", "digits", "--game", "classifier", *TINY[:8], "--quiet", "--outdir", tmp_path / "run")
    with pytest.raises(UsageError, match="make no samples"):
        released(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("count", [1, 7, 100])
def test_classes_are_apportioned_by_largest_remainders(count):
    shares = np.array([0.5, 0.3, 0.2, 0.0])
    found = _apportioned(shares, count).numpy()
    assert found.sum() == count
    assert (abs(found - shares * count) < 1).all()
    assert _apportioned(np.array([1 / 3, 1 / 3, 1 / 3]), 4).tolist() == [2, 1, 1]


def test_the_card_of_a_private_training_says_what_was_spent_by_all_that_were_made(tmp_path):
    accountant = pytest.importorskip("gansift.training.accountant")
    pytest.importorskip("dp_accounting")
    flags = ["--for-this-model", *TINY, "--seeds", 2, "--dp-epsilon", 2, "--dp-delta", 1e-4]
    gansift("run", "digits", *flags, "--outdir", tmp_path / "run")
    gansift("run", "digits", *flags, "--outdir", tmp_path / "run")  # goes on, and draws nothing anew
    said = released(tmp_path / "run", tmp_path / "out", "--number", 4)["differential_privacy"]
    training = 890
    assert (said["delta"], said["updates"], said["trainings"]) == (1e-4, 3, 2)
    assert said["sampling_rate"] == 8 / training
    spent = [accountant.spent(said["noise_multiplier"], 8 / training, 3 * count, 1e-4) for count in (1, 2)]
    assert (said["epsilon"], said["epsilon_of_all"]) == tuple(spent)
    assert 1.98 < spent[0] <= 2 < spent[1]
    text = (tmp_path / "out/README.md").read_text()
    assert "**epsilon = 2 at delta = 0.0001**" in text
    assert "The run made 2 such trainings." in text
    assert "not differentially private" not in text
    for command in (["score"], ["cleanse"], ["verify"], ["doctor"], ["estimate"]):
        with pytest.raises(UsageError, match=r"give --until train|has no scores"):
            gansift(*command, tmp_path / "run")
    with pytest.raises(UsageError, match="give --until train"):
        gansift("run", "digits", *flags[:1], "--dp-epsilon", 2, "--steps", 3, "--outdir", tmp_path / "other")
