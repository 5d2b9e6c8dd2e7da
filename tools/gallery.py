"""The gallery: example scripts are executed, and become pages that show what they really printed and drew."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

CELL = re.compile(r"^# %%\n", re.MULTILINE)


class Page(NamedTuple):
    """A page of the gallery.

    Attributes:
        markdown: the text, with pictures named ``<script>-<number>.svg``.
        pictures: the pictures by name, as SVG.
    """

    markdown: str
    pictures: dict[str, str]


def split(text: str) -> tuple[str, list[tuple[str, str]]]:
    r"""A script's docstring, and its cells: the comment that a cell begins with, and its code.

    >>> split("'A title.'\n\n# %%\n# Adds.\n\n1 + 1\n")
    ('A title.', [('Adds.', '1 + 1')])
    """
    head, *cells = CELL.split(text)
    return ast.literal_eval(head.strip()).strip(), [_cell(cell) for cell in cells]


def _cell(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    count = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:count]), "\n".join(lines[count:]).strip("\n")


def executed(scripts: Sequence[Path]) -> list[Page]:
    """Run scripts, each in a process of its own and as many at a time as there are processors.

    Args:
        scripts: Python files with a docstring, a title and an introduction, and cells that begin with ``# %%``.

    Raises:
        RuntimeError: naming the script that failed or took longer than five minutes, with what it printed.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_in_a_process, scripts))


def _in_a_process(script: Path) -> Page:
    command = [sys.executable, __file__, str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # what the scripts print depends on it in the last digits
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{script} takes longer than five minutes") from error
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stdout}{done.stderr}")
    return Page(**json.loads(done.stdout))


def page_of(script: Path) -> Page:
    """Run one script cell by cell in this process, and write down what it prints and draws."""
    mpl.use("svg")
    import matplotlib.pyplot as plt

    introduction, cells = split(script.read_text(encoding="utf-8"))
    title, _, rest = introduction.partition("\n")
    page = Page("", {})
    parts = [f"# {title}", rest.strip()]
    names: dict[str, object] = {"__name__": "__main__", "__file__": str(script)}
    sys.path.insert(0, str(script.parent))
    for prose, code in cells:
        printed = _printed(code, names, script)
        parts += [prose, f"```python\n{code}\n```"]
        parts += [f'```text title="Output"\n{printed.rstrip()}\n```'] if printed else []
        for number in plt.get_fignums():
            name = f"{script.stem}-{len(page.pictures) + 1}.svg"
            page.pictures[name] = _drawn(plt.figure(number))
            parts.append(f"![What the code above draws]({name})")
        plt.close("all")
    return page._replace(markdown="\n\n".join(part for part in parts if part) + "\n")


def _printed(code: str, names: dict[str, object], script: Path) -> str:
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile(code, str(script), "exec"), names)
    return output.getvalue()


def _drawn(figure: mpl.figure.Figure) -> str:
    content = io.StringIO()
    figure.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
    return content.getvalue()


if __name__ == "__main__":
    print(json.dumps(page_of(Path(sys.argv[1]))._asdict()))
