"""What the docstrings show is what happens."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import gansift

ROOT = Path(gansift.__file__).parent
SHOWING = sorted(path for path in ROOT.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_the_docstrings_show_is_what_happens(path):
    module = importlib.import_module(".".join(["gansift", *path.relative_to(ROOT).with_suffix("").parts]))
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
