import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift.data import SPLITS, Encoding, Roles, encode_like, load, open_records
from gansift.data.records import listed_columns, parse_columns
from gansift.data.splits import assign
from gansift.errors import DataError, UsageError

ROWS = 120


def people(count=ROWS, seed=0):
    """Rows of age, job, sex, hours and income."""
    draw = np.random.default_rng(seed)
    jobs = np.array(["cook", "nurse", "clerk", "smith"])[draw.integers(0, 4, count)]
    sex = np.array(["f", "m"])[draw.integers(0, 2, count)]
    ages, hours = draw.integers(17, 90, count), draw.normal(40, 5, count).round(2)
    income = np.where(hours > 40, ">50K", "<=50K")
    return [list(map(str, row)) for row in zip(ages, jobs, sex, hours, income, strict=True)]


HEADER = ["age", "job", "sex", "hours", "income"]


def write(path, rows, header=HEADER, separator=","):
    path.write_text("\n".join(separator.join(row) for row in [header, *rows]) + "\n")
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "people.csv", people())


def parts(splits):
    return [getattr(splits, part) for part in SPLITS]


def all_ids(splits):
    return [identity for part in parts(splits) for identity in part.ids]


def test_a_table_becomes_examples_with_a_label_and_groups_beside_x(path):
    splits = load(path, label="income", group=["sex"])
    assert splits.name == "people.csv"
    assert sum(map(len, parts(splits))) == ROWS
    by_row = {row: values for row, values in enumerate(people())}
    for part in parts(splits):
        assert (part.shape, part.class_names, part.columns["sex"].names) == ((6,), ("<=50K", ">50K"), ("f", "m"))
        for position, (identity, record) in enumerate(zip(part.ids, splits.encoding.decode(part.x), strict=True)):
            age, job, sex, hours, income = by_row[int(identity.split("/")[1].split("#")[0])]
            assert (str(record["age"]), record["job"]) == (age, job)
            assert record["hours"] == pytest.approx(float(hours), abs=1e-5)
            assert part.class_names[part.labels[position]] == income
            assert part.columns["sex"].names[part.columns["sex"].values[position]] == sex


def test_x_is_fitted_on_training_rows_alone(path, tmp_path):
    splits = load(path, label="income")
    assert splits.encoding.slices.keys() == {"age", "job", "sex", "hours"}
    for column in ("age", "hours"):
        of_train = splits.train.x[:, splits.encoding.slices[column]].double()
        assert float(of_train.mean()) == pytest.approx(0, abs=1e-6)
        assert float(of_train.std(correction=0)) == pytest.approx(1, abs=1e-6)
    # Every fourth row or so is held out: what fits all rows would fit these less well.
    assert splits.test.x[:, 0].double().mean().abs() > 1e-3


def test_the_split_is_that_of_the_content_and_the_seed(path):
    for seed in (0, 3):
        splits = load(path, seed=seed)
        for name, part in zip(SPLITS, parts(splits), strict=True):
            assert {assign(content, seed) for content in part.hashes} == {name}
    assert load(path).train.digest() == load(path).train.digest() != load(path, seed=3).train.digest()


def test_ids_are_of_the_content_whatever_the_dialect_and_the_order_of_columns(path, tmp_path):
    ids = all_ids(load(path))
    assert ids[0].startswith("people.csv/")
    (tmp_path / "other").mkdir()
    reordered = [[row[k] for k in (4, 2, 0, 1, 3)] for row in people()]
    other = write(tmp_path / "other" / "people.csv", reordered, [HEADER[k] for k in (4, 2, 0, 1, 3)], "; ")
    assert all_ids(load(other)) == ids
    # But x has its numbers in another order, so that it is another run.
    assert load(other).train.digest() != load(path).train.digest()


def test_ids_and_splits_are_of_the_columns_that_x_is_made_of(path):
    plain = load(path, label="income")
    assert all_ids(load(path, label="income", ignore=["sex"])) == all_ids(load(path, label="income", group=["sex"]))
    assert all_ids(load(path, label="income", group=["sex"])) != all_ids(plain)
    assert all_ids(load(path, label="income", group=["sex"], include=["sex"])) == all_ids(plain)
    assert all_ids(load(path)) != all_ids(plain)  # the label is content where nobody says that it is one


def test_rows_that_differ_in_their_group_alone_stay_together_so_that_no_auditor_is_told_the_other_one(tmp_path):
    rows = people()
    sexes = sorted({row[2] for row in rows})
    other = dict(zip(sexes, reversed(sexes), strict=True))
    twins = [[*row[:2], other[row[2]], *row[3:]] for row in rows]
    splits = load(write(tmp_path / "t.csv", rows + twins), label="income", group=["sex"])
    seen = [{tuple(row) for row in part.x.tolist()} for part in parts(splits)]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_copies_stay_together_even_with_other_labels_and_have_ids_of_their_own(tmp_path):
    rows = people()
    twins = [[*row[:4], "<=50K" if row[4] == ">50K" else ">50K"] for row in rows]
    splits = load(write(tmp_path / "t.csv", rows + twins), label="income")
    for part in parts(splits):
        assert len(set(part.hashes)) * 2 <= len(part)
    assert len(set(all_ids(splits))) == 2 * ROWS


def test_label_and_groups_are_part_of_x_only_if_asked_for(path):
    splits = load(path, label="income", group=["sex", "job"], include=["sex", "income"])
    assert [feature.name for feature in splits.encoding.features] == ["age", "sex", "hours", "income"]
    record = splits.encoding.decode(splits.valid.x)[0]
    assert splits.valid.class_names[splits.valid.labels[0]] == record["income"]
    assert set(splits.valid.columns) == {"label", "sex", "job"}


def test_integers_as_labels_are_classes_and_fractions_are_numbers(path):
    by_age = load(path, label="age")
    assert by_age.train.class_names == tuple(sorted({row[0] for row in people()}, key=int))
    by_hours = load(path, label="hours").train
    assert (by_hours.class_names, by_hours.labels.dtype) == (None, torch.float32)
    hours = {float(row[3]) for row in people()}
    assert all(min(abs(value - other) for other in hours) < 1e-5 for value in by_hours.labels.tolist())


def test_many_integers_as_labels_are_numbers_but_any_number_of_them_are_groups(tmp_path):
    path = write(tmp_path / "t.csv", [[str(row), str(row * row % 97)] for row in range(300)], ["person", "a"])
    assert load(path, label="person").train.labels.dtype == torch.float32
    assert len(load(path, group=["person"]).train.columns["person"].names) == 300


def test_the_digest_changes_with_what_stands_for_missing_numbers(tmp_path):
    rows = people()
    rows[7][3] = ""
    path = write(tmp_path / "t.csv", rows)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [
        "t.csv cannot be used as it is:",
        "  hours: 1 numbers in 120 rows are missing",
        "--ignore hours goes on without such columns.",
        "--impute median lets the median of the training rows stand for missing numbers.",
    ]
    mean, median = (load(path, impute=way) for way in ("mean", "median"))
    assert all_ids(mean) == all_ids(median)
    assert mean.train.digest() != median.train.digest()
    hours = torch.tensor(
        [float(people()[int(i.split("/")[1].split("#")[0])][3]) for i in median.train.ids if "/7#" not in i]
    )
    assert median.encoding.features[3].fill == pytest.approx(float(np.median(hours)), abs=1e-5)


def test_categories_that_no_training_row_has_are_said_and_are_zeros(path, caplog):
    with caplog.at_level(logging.WARNING, "gansift"):
        splits = load(path, ignore=["sex", "income"], fractions=(0.02, 0.49, 0.49))
    one_hot = splits.encoding.slices["job"]
    assert splits.train.x[:, one_hot].sum(1).eq(1).all()
    lacking = [int((part.x[:, one_hot] == 0).all(1).sum()) for part in (splits.valid, splits.test)]
    assert sum(lacking) > 0
    said = [record.getMessage() for record in caplog.records]
    assert [int(line.split()[1]) for line in said] == [count for count in lacking if count]
    assert all("have a job that no training row has" in line for line in said)


def test_another_table_is_encoded_as_the_training_rows_of_the_first(path, tmp_path):
    splits = load(path, label="income", group=["sex"])
    some = [row for row in people() if row[4] == ">50K" and row[2] == "m"][:5]
    others = open_records(write(tmp_path / "test.csv", some), Roles("income", ("sex",)))
    examples = encode_like(others, splits.encoding)
    assert examples.ids[0].startswith("test.csv/0#")
    assert [str(record["age"]) for record in splits.encoding.decode(examples.x)] == [row[0] for row in some]
    # There is one class and one sex there, which have the numbers of the first table.
    assert examples.labels.tolist() == [1] * 5
    assert examples.columns["sex"].values.tolist() == [1] * 5
    assert examples.class_names == splits.train.class_names
    same = {content: row for part in parts(splits) for content, row in zip(part.hashes, part.x, strict=True)}
    for content, row in zip(examples.hashes, examples.x, strict=True):
        assert torch.equal(row, same[content])


@pytest.mark.parametrize(
    ("rows", "roles", "message"),
    [
        ([["20", "cook", "f", "1", "none"]], {}, "'label' of test.csv has values that the training data lack: none"),
        ([["20", "cook", "x", "1", ">50K"]], {}, "'sex' of test.csv has values that the training data lack: x"),
        ([["20", "cook", "f", "1", ">50K"]], {"group": ()}, "test.csv has no column for 'sex'"),
        ([["20", "cook", "f", "1", "0.5"]], {}, "'label' of test.csv is of another kind"),
        ([["old", "cook", "f", "1", ">50K"]], {}, "column 'age' holds numbers in the training data"),
        ([["20", "cook", "f", "", ">50K"], ["20", "cook", "f", "1", ">50K"]], {}, "column 'hours' has 1 missing"),
    ],
)
def test_another_table_that_does_not_fit_is_refused(path, tmp_path, rows, roles, message):
    encoding = load(path, label="income", group=["sex"]).encoding
    others = open_records(write(tmp_path / "test.csv", rows), replace(Roles("income", ("sex",)), **roles))
    with pytest.raises(DataError, match=message):
        encode_like(others, encoding)


def test_the_encoding_saved_and_read_encodes_the_same(path, tmp_path):
    splits = load(path, label="income")
    (tmp_path / "e.json").write_text(splits.encoding.to_json())
    again = encode_like(open_records(path, Roles("income")), Encoding.read(tmp_path / "e.json"))
    rows = {identity: row for identity, row in zip(again.ids, again.x, strict=True)}
    assert all(torch.equal(row, rows[i]) for part in parts(splits) for i, row in zip(part.ids, part.x, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"label": "incone"},
            r"--label incone: people.csv has no such column \(did you mean income\?\). It has age, job",
        ),
        (
            {"group": ["sex", "race"]},
            "--group race: people.csv has no such column. It has age, job, sex, hours, income.",
        ),
        ({"ignore": ["Age"]}, r"--ignore Age: .* \(did you mean age\?\)"),
        ({"label": "sex", "group": ["sex"]}, "column 'sex' is named twice among --label, --group and --ignore"),
        ({"ignore": ["sex", "sex"]}, "column 'sex' is named twice"),
        ({"include": ["age"]}, "'age' is neither"),
        ({"impute": "zero"}, "--impute 'zero' is unknown; give mean or median"),
        ({"group": ["hours"]}, "--group hours: it holds fractions, and groups are categories"),
        ({"size": 8}, "--size goes with image files only, and .*people.csv is none"),
        ({"labels": "x.csv"}, "--labels goes with image files only"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_the_option(path, arguments, message):
    with pytest.raises(UsageError, match=message):
        load(path, **arguments)


def test_a_group_called_label_cannot_stand_beside_a_label(tmp_path):
    path = write(tmp_path / "t.csv", people(), ["age", "label", "sex", "hours", "income"])
    assert set(load(path, group=["label"]).train.columns) == {"label"}
    with pytest.raises(UsageError, match="a group cannot be called 'label' beside a label: rename that column"):
        load(path, label="income", group=["label"])


@pytest.mark.parametrize("option", [{"label": "a"}, {"group": ["a"]}, {"ignore": ["a"]}, {"impute": "mean"}])
def test_columns_are_refused_where_there_is_no_table(faces, option):
    with pytest.raises(UsageError, match="name columns of a table, and digits is none"):
        load("digits", **option)
    # Of images a group is a column of their label file.
    refused = DataError if "group" in option else UsageError
    with pytest.raises(refused, match="no label file" if "group" in option else f"of a table, and {faces} is none"):
        load(faces, **option)
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        load("gone.csv", **option)


def column(values, tmp_path, **roles):
    return load(write(tmp_path / "t.csv", [[value, str(row)] for row, value in enumerate(values)], ["a", "b"]), **roles)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1e999", *map(str, range(60))], "a: 1 numbers in 61 rows are infinite or too large"),
        (["inf", "-inf", *map(str, range(60))], "a: 2 numbers in 62 rows are infinite or too large"),
        (["1e200", *map(str, range(60))], "a: 1 numbers in 61 rows are infinite or too large"),
        (["nan", *map(str, range(60))], "a: 1 numbers in 61 rows are missing"),
        (
            [f"name {row}" for row in range(60)],
            "a: 60 different values in 60 rows, such as 'name 0' in line 2; too many",
        ),
        (
            [f"zip {row % 10_000}" for row in range(30_000)],
            "a: 10,000 different values in 30,000 rows, such as 'zip 0'",
        ),
        ([*map(str, range(60)), "n.d."], "a: 61 different values in 61 rows, such as 'n.d.' in line 62; too many"),
    ],
)
def test_columns_that_cannot_be_trained_on_are_refused_with_advice(tmp_path, values, message):
    with pytest.raises(DataError) as caught:
        column(values, tmp_path)
    assert message in str(caught.value)
    assert "--ignore a goes on without such columns." in str(caught.value)
    assert column(values, tmp_path, ignore=["a"]).train.shape == (1,)


def test_many_faults_are_cut_short(tmp_path):
    names = [f"c{number}" for number in range(9)]
    rows = [[f"{name}-{row}" for name in names] for row in range(30)]
    with pytest.raises(DataError) as caught:
        load(write(tmp_path / "t.csv", rows, names))
    lines = str(caught.value).splitlines()
    assert lines[6:] == ["  and 4 more", f"--ignore {','.join(names)} goes on without such columns."]


def test_one_category_is_one_constant_number(tmp_path):
    splits = column(["same"] * 60, tmp_path)
    assert torch.equal(splits.train.x[:, 0], torch.ones(len(splits.train)))


def test_a_label_may_have_one_class_but_no_missing_one(tmp_path):
    splits = column(["yes"] * 60, tmp_path, label="a")
    assert (splits.train.class_names, splits.train.labels.unique().tolist()) == (("yes",), [0])
    with pytest.raises(DataError, match="a: 2 of 60 rows have no label; label all rows or none"):
        column(["yes", "no", "", "?"] + ["yes"] * 56, tmp_path, label="a")


def test_a_label_of_numbers_is_finite(tmp_path):
    with pytest.raises(DataError, match="a: 1 numbers in 61 rows are infinite or too large"):
        column(["inf", *(f"{row}.5" for row in range(60))], tmp_path, label="a")


def test_a_missing_group_is_one_of_the_groups(tmp_path):
    splits = column(["f", "m", ""] * 20, tmp_path, group=["a"])
    assert splits.train.columns["a"].names == ("(missing)", "f", "m")


def test_nothing_left_to_train_on_is_said(tmp_path):
    with pytest.raises(DataError, match="no column is left to train on"):
        column(["f", "m"] * 30, tmp_path, label="a", ignore=["b"])


@pytest.mark.parametrize("names", [("sex",), ("sex", "race"), ("income, net", 'the "best"'), ()])
def test_lists_of_columns_are_read_as_they_are_written(names):
    assert parse_columns(listed_columns(names)) == names


def test_a_table_in_an_npz_file_is_the_table(path, tmp_path):
    rows = people()
    arrays = {"age": np.array([int(row[0]) for row in rows]), "hours": np.array([float(row[3]) for row in rows])}
    arrays |= {name: np.array([row[k] for row in rows]) for k, name in ((1, "job"), (2, "sex"), (4, "income"))}
    np.savez(tmp_path / "people.npz", **arrays, junk=np.arange(ROWS))
    ours, theirs = load(tmp_path / "people.npz", label="income", ignore=["junk"]), load(path, label="income")
    assert [i.split("#")[1] for i in all_ids(ours)] == [i.split("#")[1] for i in all_ids(theirs)]
    order = [ours.encoding.slices[feature.name] for feature in theirs.encoding.features]
    assert torch.equal(torch.cat([ours.test.x[:, part] for part in order], 1), theirs.test.x)


def test_other_arrays_beside_x_can_be_label_and_groups(tmp_path):
    x = np.arange(60.0)[:, None]
    arrays = {"sex": np.array(["f", "m"] * 30), "age": np.arange(60), "y": np.array([0, 1] * 30)}
    np.savez(tmp_path / "t.npz", x=x, **arrays, other=x[:, 0])
    assert set(load(tmp_path / "t.npz").train.columns) == {"label"}
    train = load(tmp_path / "t.npz", group=["sex"], label="age").train
    assert [int(train.class_names[label]) for label in train.labels] == train.x[:, 0].int().tolist()
    assert train.columns["sex"].values.tolist() == (train.x[:, 0].int() % 2).tolist()
    with pytest.raises(UsageError, match=r"--group race: .*t\.npz has no such column. It has sex, age, y, other"):
        load(tmp_path / "t.npz", group=["race"])
    with pytest.raises(UsageError, match="--ignore, --include and --impute go with columns, and the arrays of"):
        load(tmp_path / "t.npz", ignore=["sex"])
    with pytest.raises(DataError, match=r"`other` in .* is float64 of shape \(60,\); it must be integers or strings"):
        load(tmp_path / "t.npz", group=["other"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3), "b": np.zeros(4)}, "has no array `x`; it holds: a, b"),
        ({"a": np.zeros((3, 2))}, "has no array `x`; it holds: a"),
        ({"a": np.zeros(0)}, "has no array `x`; it holds: a"),
        (
            {"a": np.zeros(3, dtype=complex)},
            "`a` in .* is complex128; a column of a table is numbers, strings or booleans",
        ),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "t.npz")


def test_a_column_of_splits_gives_the_splits_and_is_no_feature(tmp_path):
    own = [("train", "Validation", "test")[row % 3] for row in range(ROWS)]
    rows = [[*row, part] for row, part in zip(people(), own, strict=True)]
    splits = load(write(tmp_path / "people.csv", rows, [*HEADER, "Split"]), label="income")
    assert list(map(len, parts(splits))) == [40, 40, 40]
    for part, name in zip(parts(splits), ("train", "Validation", "test"), strict=True):
        assert all(own[int(identity.split("/")[1].split("#")[0])] == name for identity in part.ids)
        assert {*splits.encoding.decode(part.x)[0]} == {"age", "job", "sex", "hours"}
    ages = [float(row[0]) for row, part in zip(people(), own, strict=True) if part == "train"]
    assert splits.encoding.features[0].mean == pytest.approx(np.mean(ages))  # fitted on the training rows alone


def test_a_column_split_of_another_meaning_is_a_feature_and_a_mixed_one_is_refused(tmp_path):
    rows = [[*row, ("left", "right")[number % 2]] for number, row in enumerate(people())]
    splits = load(write(tmp_path / "people.csv", rows, [*HEADER, "split"]))
    assert "split" in splits.encoding.decode(splits.train.x)[0]
    rows[0][-1] = "train"
    with pytest.raises(DataError, match=r"column split: .*some rows have 'left'.*--ignore split"):
        load(write(tmp_path / "people.csv", rows, [*HEADER, "split"]))


def test_another_table_to_test_with_is_encoded_as_the_training_rows_are(path, tmp_path):
    more = people(9, seed=1)
    more[0] = people()[5]  # a row that is trained on, too
    tested = write(tmp_path / "more.csv", [row[::-1] for row in more], HEADER[::-1])
    splits = load(path, label="income", group=["sex"], test=tested)
    assert len(splits.test) == 9
    assert len(splits.train) + len(splits.valid) == ROWS - 1
    assert "people.csv/5" not in {identity.split("#")[0] for identity in (*splits.train.ids, *splits.valid.ids)}
    ages = [float(people()[int(identity.split("/")[1].split("#")[0])][0]) for identity in splits.train.ids]
    assert splits.encoding.features[0].mean == pytest.approx(np.mean(ages))
    for row, record in zip(more, splits.encoding.decode(splits.test.x), strict=True):
        assert (str(record["age"]), record["job"]) == (row[0], row[1])
        assert record["hours"] == pytest.approx(float(row[3]), abs=1e-4)
    assert [splits.test.class_names[label] for label in splits.test.labels.tolist()] == [row[4] for row in more]
    for source, other, message in ((path, "digits", "digits, to test with, is none"),
                                   ("digits", path, "to test with, is a table, and digits is none")):  # fmt: skip
        with pytest.raises(UsageError, match=message):
            load(source, test=other)
