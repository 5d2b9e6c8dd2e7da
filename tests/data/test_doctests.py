import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["columns", "encoding", "examples", "records", "table"])
def test_what_the_docstrings_show_is_what_happens(module):
    failed, tried = doctest.testmod(importlib.import_module(f"gansift.data.{module}"))
    assert (failed, tried > 0) == (0, True)
