"""The order of all tests."""


def pytest_collection_modifyitems(items):
    """The slow ones first, so that no processor is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
