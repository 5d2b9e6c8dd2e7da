"""The data, the settings and the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansift.report.sections import claims
from gansift.report.shown import Shown
from gansift.report.summary import Summary

TEMPLATE = "sections/settings.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Settings in groups, and the convention of removal."""
    return {"settings": _grouped(summary.settings), "removal": claims.removal(summary.removal)}


def _grouped(settings: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Settings in groups: (title, rows); what is not nested comes first under no title."""
    flat = [(key, value) for key, value in settings.items() if not isinstance(value, Mapping)]
    nested = [(key, list(value.items())) for key, value in settings.items() if isinstance(value, Mapping)]
    return ([("", flat)] if flat else []) + nested
