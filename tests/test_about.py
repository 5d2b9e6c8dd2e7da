"""What `gansift about` lists and tells is what there is."""

from __future__ import annotations

import json

import pytest

from gansift.about import everything, one
from gansift.audit import AUDITS
from gansift.catalogue import SAMPLE_METRICS
from gansift.data.builtin import BUILTINS
from gansift.errors import UsageError
from gansift.influence.estimators import ESTIMATORS
from gansift.systems import SYSTEMS, find
from tiny_run import gansift


def test_everything_there_is_is_listed_under_its_kind_with_a_few_words():
    found = json.loads(gansift("about", "--json").stdout)
    assert found == everything()
    there_is = {"systems": SYSTEMS, "estimators": ESTIMATORS, "audits": AUDITS, "data": BUILTINS}
    assert {kind: set(found[kind]) for kind in there_is} == {kind: set(names) for kind, names in there_is.items()}
    assert all(len(text) > 5 for names in found.values() for text in names.values())


def test_the_list_names_everything_in_words():
    text = gansift("about").stdout
    assert all(name in text for names in everything().values() for name in names)
    assert [line for line in text.splitlines() if line and not line.startswith(" ")] == [
        "Systems", "Metrics", "Estimators", "Audits", "Data",
    ]  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_told_with_its_text_and_all_its_settings(name):
    found = json.loads(gansift("about", name, "--json").stdout)
    keywords = find(name).__kwdefaults__
    assert found["kind"] == "system"
    assert {setting["flag"]: setting["default"] for setting in found["settings"]} == {
        f"--{keyword.replace('_', '-')}": default for keyword, default in keywords.items()
    }
    assert all(setting["help"] and setting["wanted"] for setting in found["settings"])
    text = gansift("about", name).stdout
    assert found["text"] in text
    assert all(setting["flag"] in text for setting in found["settings"])
    assert found["metrics"]
    assert all(f"  {metric} " in text for metric in found["metrics"])


def test_every_metric_of_every_system_is_listed_and_told_with_who_brings_it():
    metrics = everything()["metrics"]
    assert set(metrics) == {name for system in SYSTEMS for name in one(system)["metrics"]}
    assert set(SAMPLE_METRICS) < set(metrics)
    for name, text in metrics.items():
        systems = [system for system in SYSTEMS if name in one(system)["metrics"]]
        assert one(name) == {"name": name, "kind": "metric", "text": text, "systems": systems, "settings": []}
        assert all(one(system)["metrics"][name] in text and system in text for system in systems)


@pytest.mark.parametrize("name", AUDITS)
def test_an_audit_is_told_like_a_system(name):
    found = one(name)
    assert found["kind"] == "audit"
    assert found["text"]


@pytest.mark.parametrize(("name", "kind"), [("kid", "metric"), ("aid", "estimator"), ("mnist", "data")])
def test_other_names_are_told_in_a_line(name, kind):
    found = json.loads(gansift("about", name, "--json").stdout)
    assert found["kind"] == kind
    assert found["text"] == next(names[name] for names in everything().values() if name in names)
    assert found["text"] in gansift("about", name).stdout


def test_a_file_of_ones_own_is_told_without_being_run(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        '1 / 0\ndef f(data, *, most: float = 0.5):\n    """Mine.\n\n    Args:\n        most: how much\n    """\n'
    )
    found = json.loads(gansift("about", f"{file}:f", "--json").stdout)
    assert found["text"] == "Mine."
    assert [(setting["flag"], setting["default"], setting["help"]) for setting in found["settings"]] == [
        ("--most", 0.5, "how much")
    ]


@pytest.mark.parametrize(("name", "hint"), [("copeis", "did you mean copies"), ("xyzzy", "lists all names")])
def test_a_name_of_nothing_is_refused_with_a_hint(name, hint):
    with pytest.raises(UsageError, match=f"nothing called '{name}'.*{hint}"):
        gansift("about", name)
