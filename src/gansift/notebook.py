"""How results show themselves in a notebook: small tables of plain HTML, without scripts, that fetch nothing."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """A table under a title, for ``_repr_html_``; every text is escaped, and floats are shortened.

    >>> table("Scores", ("id", "score"), [("<a>", 0.123456)])
    '<div><b>Scores</b><table><thead><tr><th>id</th><th>score</th></tr></thead>\
<tbody><tr><td>&lt;a&gt;</td><td>0.1235</td></tr></tbody></table></div>'
    """
    body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
    below = f"<p>{html.escape(note)}</p>" if note else ""
    return (
        f"<div><b>{html.escape(title)}</b><table><thead><tr>{_cells(columns, 'th')}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}</div>"
    )


def _cells(row: Iterable[Any], tag: str) -> str:
    return "".join(f"<{tag}>{html.escape(_text(value))}</{tag}>" for value in row)


def _text(value: Any) -> str:
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
