import pytest


@pytest.fixture
def without_charts(monkeypatch):
    """Charts take most of the time and are not what the tests that ask for this look at."""
    for module in ("figures", "trust_figures"):
        monkeypatch.setattr(f"gansift.report.{module}.svg", lambda name, alt, height, paint: "<svg></svg>")
