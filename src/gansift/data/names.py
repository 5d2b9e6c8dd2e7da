"""Names that can be printed: what others called their files cannot steer a terminal or break a list."""

from __future__ import annotations

from gansift.files import is_utf8, shown

__all__ = ["refusal", "shown"]


def refusal(name: str) -> str | None:
    """Why an example cannot be called that, or None: ids are written one a line, in UTF-8."""
    if name.splitlines() != [name]:
        return "has a line break in its name; rename it"
    return None if is_utf8(name) else "has a name that is not UTF-8; rename it"
