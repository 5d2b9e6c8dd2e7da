"""Several tables: a number of x means the same in each, or they are refused where one network takes both."""

import numpy as np
import pytest
import torch

from gansift import systems
from gansift.data import Roles, load, load_sets
from gansift.data.table import MISSING
from gansift.errors import DataError, UsageError

COUNT = 60


def write(path, age, jobs, header="age,job,rich"):
    rows = [f"{value},{jobs[row % len(jobs)]},{'yes' if row % 3 else 'no'}" for row, value in enumerate(age)]
    path.write_text("\n".join([header, *rows]))
    return path


@pytest.fixture
def two(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / "a.csv", rng.normal(20, 1, COUNT).round(3), ["cook", "nurse", ""])
    write(tmp_path / "b.csv", rng.normal(70, 3, COUNT).round(3), ["clerk", "nurse"])
    return [f"source={tmp_path / 'a.csv'}", f"target={tmp_path / 'b.csv'}"]


def records(splits):
    """Every record of a set as the encoding reads it back, without the label."""
    parts = (splits.train, splits.valid, splits.test)
    return [row for part in parts for row in splits.encoding.decode(part.x)]


def test_numbers_and_categories_mean_the_same_in_both(two):
    sets = load_sets(two, roles=Roles(label="rich"))
    source, target = sets["source"], sets["target"]
    assert source.encoding.features == target.encoding.features
    _, category = source.encoding.features
    assert category.names == (MISSING, "clerk", "cook", "nurse")
    # By the mean and the deviation of all training rows, not of either table: the domains stay apart.
    pooled = torch.cat([one.train.x[:, 0] for one in (source, target)]).double()
    assert pooled.mean().abs() < 1e-5
    assert abs(pooled.std(correction=0) - 1) < 1e-5
    assert source.train.x[:, 0].max() < target.train.x[:, 0].min()


@pytest.mark.parametrize("name", ["source", "target"])
def test_every_record_is_read_back_as_its_own_table_has_it(two, name):
    made = load_sets(two, roles=Roles(label="rich"))[name]
    path = next(text.partition("=")[2] for text in two if text.startswith(name))
    alone = load(path, label="rich")
    for one, other in zip(records(made), records(alone), strict=True):
        assert one["job"] == other["job"]
        assert one["age"] == pytest.approx(other["age"], abs=1e-3)
    assert made.train.labels.tolist() == alone.train.labels.tolist()
    assert made.train.ids == alone.train.ids


def test_columns_may_stand_in_another_order(two, tmp_path):
    lines = (tmp_path / "b.csv").read_text().splitlines()
    (tmp_path / "b.csv").write_text("\n".join(",".join(line.split(",")[::-1]) for line in lines))
    sets = load_sets(two, roles=Roles(label="rich"))
    assert sets["source"].encoding.features == sets["target"].encoding.features


def test_a_column_of_another_kind_is_named(two, tmp_path):
    write(tmp_path / "b.csv", [f"old{row % 20}" for row in range(COUNT)], ["nurse", "cook", "clerk"])
    with pytest.raises(DataError, match="the column age holds numbers in source, categories in target"):
        load_sets(two, roles=Roles(label="rich"))


@pytest.mark.parametrize("system", ["dann", "flow"])
def test_tables_of_other_columns_are_refused_by_name(two, tmp_path, system):
    write(tmp_path / "b.csv", range(COUNT), ["nurse"], header="weight,job,rich")
    sets = load_sets(two, roles=Roles(label="rich"))
    with pytest.raises(UsageError, match="source lacks weight; target lacks age"):
        systems.build(system, sets)
