"""Texts in the cells of a CSV that a person opens in a spreadsheet, which executes those that look like a formula."""

from __future__ import annotations

import re

# Without the apostrophe, spreadsheets take these for a formula; numbers with a sign they show as what they are.
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_MARKED = re.compile(r"'+[=+\-@\t\r\n]")


def cell(text: str) -> str:
    """A text as it is written into a CSV: with an apostrophe before it if a spreadsheet would take it for a formula.

    Numbers stay as they are. `text_of` gives back what was written, whatever it was.

    >>> [cell(text) for text in ("=1+1", "-2.5", "a.png", "'=1")]
    ["'=1+1", '-2.5', 'a.png', "''=1"]
    """
    formula = _FORMULA.match(text) and len(text) > 1 and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula or _MARKED.match(text) else text


def text_of(cell: str) -> str:
    """The text that a cell stands for.

    >>> text_of("'=1+1"), text_of("'tis"), text_of("-2.5")
    ('=1+1', "'tis", '-2.5')
    """
    return cell[1:] if _MARKED.match(cell) else cell
