"""What a section of the page is."""

from __future__ import annotations

from typing import Any, Protocol

from gansift.report.shown import Shown
from gansift.report.summary import Summary


class Section(Protocol):
    """A module of this package.

    Attributes:
        TEMPLATE: the template of this part of the page.
    """

    TEMPLATE: str

    def content(self, summary: Summary, shown: Shown) -> dict[str, Any] | None:
        """What the template names; None leaves the section out."""
        ...
