"""What is listed without importing anything is what there is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gansift import about, audit, catalogue, data, influence, systems
from gansift.errors import UsageError
from gansift.systems.judges import sample_metrics


def test_the_catalogue_lists_what_there_is():
    assert catalogue.DATA.keys() == data.BUILTINS.keys()
    assert catalogue.SAMPLE_METRICS.keys() == sample_metrics(data.load("normal-1d")).keys()
    assert catalogue.ESTIMATOR_LABELS.keys() == influence.ESTIMATORS.keys()
    assert catalogue.AUDITS == audit.AUDITS
    assert all(callable(systems.find(name)) for name in systems.SYSTEMS)
    assert all(callable(audit.find(name)) for name in audit.AUDITS)


def test_a_function_named_after_its_file_is_found_and_no_other():
    systems_of_files, audits_of_files = map(catalogue.functions_named_after_files, ("systems", "audit"))
    assert {"acgan", "dann", "gan"} <= set(systems_of_files)
    assert {"copies"} <= set(audits_of_files)
    assert not {"system", "plain", "judges", "closeness", "data_copies", "paired"} & {
        *systems_of_files,
        *audits_of_files,
    }


def test_about_says_of_every_name_what_it_is():
    listed = about.everything()
    assert set(listed) == {"systems", "metrics", "estimators", "audits", "data"}
    for names in listed.values():
        assert all(names.values())
        assert all(about.one(name)["text"] for name in names)
    with pytest.raises(UsageError, match="did you mean copies"):
        about.one("copis")


def test_listing_everything_imports_no_torch():
    code = "import sys; from gansift import about; about.everything(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
