"""The key under which everything about a metric is kept is another one once the file behind the metric is edited."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from gansift.workflow import plan
from gansift.workflow.request import Request
from gansift.workflow.stages import resolved

CONFIG = resolved(Request(("normal-1d",))).config


@pytest.mark.parametrize("spec", ["{folder}/my_metric.py:Gap", "my_metric:Gap"])
@pytest.mark.parametrize("name", ["metric", "features"])
def test_an_edited_file_or_module_is_another_metric(spec, name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_metric", raising=False)  # another test's
    asked = replace(CONFIG, **{name: spec.format(folder=tmp_path)})
    keys = []
    for text in ("a = 1", "a = 2", "a = 2"):
        (tmp_path / "my_metric.py").write_text(text)
        plan._content.cache_clear()  # every command reads it once
        keys.append(plan.metric_key(asked, asked.metric))
    assert keys[0] != keys[1] == keys[2]
