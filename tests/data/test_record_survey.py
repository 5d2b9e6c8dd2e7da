import json

import numpy as np
import pytest

from gansift.data import SPLITS, Roles, load
from gansift.data.survey import survey
from gansift.data.survey_text import survey_text
from gansift.errors import UsageError
from tiny_run import invoke

HEADER = "age,job,sex,flag,income\n"


def run(*arguments):
    return invoke(["data", *map(str, arguments)])


@pytest.fixture
def path(tmp_path):
    """80 rows: 2 copies of the first, one of them with another label; 3 jobs missing; a constant flag."""
    draw = np.random.default_rng(0)
    rows = [f"{age},{'cook' if age % 2 else 'nurse'},{'f' if age % 3 else 'm'},1,{'no' if age < 50 else 'yes'}\n"
            for age in draw.permutation(np.arange(17, 95))]  # fmt: skip
    rows[3:6] = [row.replace("cook", "").replace("nurse", "?") for row in rows[3:6]]
    other = rows[0].replace("no", "YES").replace("yes", "no").replace("YES", "yes")
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "".join([*rows, rows[0], other]))
    return path


ROLES = Roles("income", ("sex",))


def test_it_tells_the_columns_and_what_they_hold(path):
    found = survey(path, roles=ROLES)
    assert (found["found"], found["usable"]) == (80, 80)
    assert found["columns"] == [
        {"name": "age", "role": "feature", "missing": 0, "kind": "number", "low": 17, "high": 94, "constant": False},
        {"name": "job", "role": "feature", "missing": 3, "kind": "category", "categories": 3, "constant": False},
        {"name": "sex", "role": "group", "missing": 0, "kind": "category", "categories": 2, "constant": False},
        {"name": "flag", "role": "feature", "missing": 0, "kind": "number", "low": 1, "high": 1, "constant": True},
        {"name": "income", "role": "label", "missing": 0, "kind": "category", "categories": 2, "constant": False},
    ]


def test_it_counts_classes_groups_copies_and_contradictions(path):
    found = survey(path, roles=ROLES)
    rows = [row.split(",") for row in path.read_text().splitlines()[1:]]
    for counts, column in ((found["classes"], 4), (found["groups"]["sex"], 2)):
        assert counts == {name: sum(row[column] == name for row in rows) for name in counts}
        assert sum(counts.values()) == 80
    (copies,) = found["exact"]
    assert [identity.split("#")[0] for identity in copies] == ["people.csv/0", "people.csv/78", "people.csv/79"]
    assert found["conflicts"] == [copies]
    assert any(sentence.startswith("3 rows are copies of another with a different label") for sentence in found["next"])
    assert "The same in all rows, so that nothing can be learnt of it: flag." in found["next"]


def test_what_it_says_of_the_split_is_what_loading_does(path):
    for seed in (0, 5):
        splits = load(path, seed=seed, label="income")
        split = survey(path, seed=seed, roles=Roles("income"))["split"]
        assert split == {part: len(getattr(splits, part)) for part in SPLITS}


def test_a_table_that_cannot_be_used_comes_with_a_command_that_can(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{row},name {row},{row % 9 if row else ''},{'' if row > 9 else row},{row % 2}" for row in range(80)]
    path.write_text("a,who,few,most,label\n" + "\n".join(rows))
    found = survey(path, roles=Roles("label", ignore=("a",)))
    assert found["usable"] == 0
    assert found["next"][:4] == [
        "who: 80 different values in 80 rows, such as 'name 0' in line 2; too many for categories",
        "few: 1 numbers in 80 rows are missing",
        "most: 70 numbers in 80 rows are missing",
        "--ignore who,few,most goes on without such columns.",
    ]
    assert found["command"] == f"gansift run {path} --label label --ignore a,who,most --impute median"
    splits = load(path, label="label", ignore=["a", "who", "most"], impute="median")
    assert splits.train.shape == (1,)
    assert {"name": "a", "role": "ignored"} in found["columns"]


def test_it_reads_well_on_a_terminal(path):
    done = run(path, "--label", "income", "--group", "sex", "--ignore", "flag")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0] == f"{path}: 80 of 80 examples can be used as they are"
    for line in ("  age: number, 17 to 94", "  job: 3 categories, 3 missing", "  sex (group): 2 categories",
                 "  income (label): 2 categories", "  flag (ignored)", "copies but for the label, 3 in 1 groups:",
                 f"Next: gansift run {path} --label income --group sex --ignore flag"):  # fmt: skip
        assert line in lines
    assert not any("look the same" in line for line in lines)
    done = run(path, "--label", "income", "--json")
    told = json.loads(done.output)
    assert told.pop("run")["seconds"] > 0
    assert told == json.loads(json.dumps(survey(path, roles=Roles("income"))))


def test_what_cannot_be_used_is_exit_code_1_and_what_makes_no_sense_is_a_usage_error(path, tmp_path):
    (tmp_path / "t.csv").write_text("a\n" + "\n".join(f"name {row}" for row in range(30)))
    assert run(tmp_path / "t.csv").exit_code == 1
    assert isinstance(run(path, "--label", "incone").exception, UsageError)  # which the program turns into 2
    with pytest.raises(UsageError, match="go with image files only"):
        survey(path, size=8)


def test_one_class_and_empty_splits_are_said(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n")
    found = survey(tmp_path / "t.csv", roles=Roles("b"))
    assert "The label has one class only: give another column, or go without." in found["next"]
    assert any(sentence.startswith("No row falls into") for sentence in found["next"])


def test_many_columns_are_cut_short_for_people_only(tmp_path):
    names = [f"c{number}" for number in range(70)]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join(["1"] * 70) + "\n")
    found = survey(tmp_path / "t.csv")
    assert len(found["columns"]) == 70
    assert "  and 10 more (all of them with --json)" in survey_text(found)
