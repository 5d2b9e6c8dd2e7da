"""Refined images and representations are those of the trained players, with labels and columns beside them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from gansift import data
from gansift.data.pixels import to_pixels
from gansift.errors import DataError, GansiftError, UsageError
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import opened
from gansift.workflow.seed import Seed
from tiny_run import gansift

TINY = ["--until", "train", "--steps", 3, "--seeds", 1, "--batch", 8, "--jobs", 1, "--quiet"]


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "patients"
    gansift("run", "diabetes", "--game", "laftr", "--hidden", 4, *TINY, "--outdir", root)
    return root


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "refined"
    small = ["--width", 2, "--blocks", 1, "--buffer", 8]
    gansift("run", "simulated=digits", "real=digits", "--game", "simgan", *small, *TINY, "--outdir", root)
    return root


def trained(root):
    directory = RunDirectory(root)
    seed = Seed(directory, opened(directory, load(directory.config)), 0)
    return seed.place.data, seed.run.trained()


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_representation_of_every_row_stands_beside_its_columns(patients, tmp_path):
    path = tmp_path / "z.csv"
    found = json.loads(gansift("export", patients, path, "--format", "representation", "--json").stdout)
    rows = table(path)
    sets, players = trained(patients)
    parts = (sets.only.train, sets.only.valid, sets.only.test)
    assert found["count"] == len(rows) == 442
    assert [row["id"] for row in rows] == [one for part in parts for one in part.ids]
    count = len(parts[0])
    assert [row["split"] for row in rows[:count]] == ["train"] * count
    names = parts[0].columns["label"].names
    assert [row["label"] for row in rows[:count]] == [names[one] for one in parts[0].labels.tolist()]
    assert {row["sex"] for row in rows} == {"1", "2"}
    z = np.array([[float(row[f"z{place}"]) for place in range(1, 5)] for row in rows])
    expected = torch.cat([players.game.represent(players.net(), part.x) for part in parts]).detach()
    np.testing.assert_allclose(z, expected, rtol=1e-6)


def test_new_rows_are_represented_as_the_runs_own_are(patients, tmp_path):
    sets, _ = trained(patients)
    own = sets.only.train
    columns = sets.only.encoding.record(own.x[:3].numpy())
    path = tmp_path / "new.csv"
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    gansift("export", patients, tmp_path / "z.csv", "--format", "representation", "--rows", path)
    gansift("export", patients, tmp_path / "all.csv", "--format", "representation")
    for new, known in zip(table(tmp_path / "z.csv"), table(tmp_path / "all.csv")[:3], strict=True):
        for place in range(1, 5):
            assert float(new[f"z{place}"]) == pytest.approx(float(known[f"z{place}"]), rel=1e-4, abs=1e-6)
    (tmp_path / "other.csv").write_text("age,height\n40,1.8\n41,1.7\n")
    with pytest.raises(DataError, match="body mass"):
        gansift("export", patients, tmp_path / "y.csv", "--format", "representation", "--rows", tmp_path / "other.csv")


def test_refined_images_are_a_folder_that_trains_again_with_the_labels_of_the_simulated_ones(refined, tmp_path):
    sets, players = trained(refined)
    train = sets["simulated"].train
    (refined / "removed.txt").write_text("\n".join(train.ids[:5]) + "\n")
    folder = tmp_path / "folder"
    gansift("export", refined, folder, "--format", "refined")
    rows = table(folder / "metadata.csv")
    assert [row["id"] for row in rows] == list(train.ids[5:])
    x = players.game.refine(players.net(), train.x[5:7]).detach().clamp(-1, 1).numpy()
    for row, image in zip(rows[:2], x, strict=True):
        assert (np.asarray(Image.open(folder / row["file_name"])) == to_pixels(image)).all()
    again = data.load(folder, seed=0)
    assert again.train.class_names == train.class_names
    with pytest.raises(GansiftError, match="folder"):
        gansift("export", refined, folder, "--format", "refined")


def test_what_a_game_does_not_make_is_refused(patients, refined, tmp_path):
    with pytest.raises(UsageError, match="refines no images"):
        gansift("export", patients, tmp_path / "a", "--format", "refined")
    with pytest.raises(UsageError, match="makes no representation"):
        gansift("export", refined, tmp_path / "a.csv", "--format", "representation")
    with pytest.raises(UsageError, match="--rows goes with --format representation alone"):
        gansift("export", refined, tmp_path / "a", "--format", "refined", "--rows", tmp_path / "b.csv")
    with pytest.raises(UsageError, match="--model small: there is no such model"):
        gansift("export", refined, tmp_path / "a", "--format", "refined", "--model", "small")
