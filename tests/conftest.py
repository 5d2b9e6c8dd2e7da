"""The order of all tests, and a place of their own for what a person has confirmed."""

import os
import tempfile

# Also for the processes that tests start. Nothing that a test names is to be remembered on the machine.
_state = tempfile.TemporaryDirectory(prefix="gansift-tests-")
os.environ["XDG_STATE_HOME"] = _state.name


def pytest_collection_modifyitems(items):
    """The slow ones first, so that no processor is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
