"""The gallery: example scripts are executed, and become pages that show what they really printed and drew."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

CELL = re.compile(r"^# %%\n", re.MULTILINE)


class Page(NamedTuple):
    """A page of the gallery.

    Attributes:
        markdown: the text, with pictures named ``<script>-<number>.svg``.
        pictures: the pictures by name.
    """

    markdown: str
    pictures: dict[str, bytes]


def split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """A script's docstring, and its cells: the comment that a cell begins with, and its code.

    >>> split('\"\"\"A title.\"\"\"\\n\\n# %%\\n# Adds.\\n\\n1 + 1\\n')
    ('A title.', [('Adds.', '1 + 1')])
    """
    head, *cells = CELL.split(text)
    return head.strip().strip('"').strip(), [_cell(cell) for cell in cells]


def _cell(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    count = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:count]), "\n".join(lines[count:]).strip("\n")


def executed(script: Path) -> Page:
    """Run a script cell by cell, in this process, as ``python script`` would.

    Args:
        script: a Python file with a docstring, a title and an introduction, and cells that begin with ``# %%``.
    """
    mpl.use("svg")
    import matplotlib.pyplot as plt

    introduction, cells = split(script.read_text(encoding="utf-8"))
    title, _, rest = introduction.partition("\n")
    parts, pictures = [f"# {title}", rest.strip()], {}
    names: dict[str, object] = {"__name__": "__main__", "__file__": str(script)}
    sys.path.insert(0, str(script.parent))
    try:
        for prose, code in cells:
            printed = _printed(code, names, script)
            parts += [prose, f"```python\n{code}\n```"]
            parts += [f"```text title=\"Output\"\n{printed.rstrip()}\n```"] if printed else []
            for number in plt.get_fignums():
                name = f"{script.stem}-{len(pictures) + 1}.svg"
                pictures[name] = _drawn(plt.figure(number))
                parts.append(f"![What the code above draws]({name})")
            plt.close("all")
    finally:
        sys.path.remove(str(script.parent))
    return Page("\n\n".join(part for part in parts if part) + "\n", pictures)


def _printed(code: str, names: dict[str, object], script: Path) -> str:
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile(code, str(script), "exec"), names)
    return output.getvalue()


def _drawn(figure: mpl.figure.Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
    return content.getvalue()
