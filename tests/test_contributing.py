"""The examples of CONTRIBUTING.md are run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_what_contributing_shows_runs_in_the_order_of_the_page():
    pieces = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {}
    for piece in pieces:
        exec(compile(piece, "CONTRIBUTING.md", "exec"), names)
    assert {"line", "squared_error", "far_out", "size"} <= set(names)


def test_every_file_that_contributing_names_is_there():
    root = Path(__file__).parent.parent
    named = re.findall(r"`((?:tests|tools|src|examples)/[\w/.]+)`", PAGE)
    named += [f"src/gansift/{path}" for path in re.findall(r"`((?:influence|catalogue)[\w/]*\.py)`", PAGE)]
    assert len(named) >= 8
    assert [path for path in named if not (root / path).exists()] == []
