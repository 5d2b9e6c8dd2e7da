"""The page of a cross-fit: what its folds say together, with links to the page of each."""

from __future__ import annotations

from pathlib import Path

from gansift.report.page import write_sections
from gansift.report.sections import examples, folds, kinds, settings, spread
from gansift.report.shown import Shown
from gansift.report.summary import Summary


def write_crossfit_page(path: Path, summary: Summary, shown: Shown) -> None:
    """Write the page; arguments and errors as for `report.page.write_page`."""
    write_sections(path, summary, shown, (folds, kinds, examples, spread, settings))
