"""The page about the two papers' experiments, ours beside what was published, from saved results.

    python benchmarks/papers/page.py RESULTS --page docs/papers.md

RESULTS is the folder that run.py wrote. Figures are saved beside the page. What is to be said about the numbers stands
in RESULTS/comments.md, under headings of `frame.SLOTS`, so that it outlives writing the page anew. The same results
give the same bytes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `papers`, where this file is run as a script

import command_line

from papers.frame import SLOTS, Page
from papers.sections import render
from papers.summary import read, read_pictures


def read_comments(file: Path, known: Sequence[str] = SLOTS) -> dict[str, str]:
    """Prose by slot; nothing if there is no such file.

    Args:
        file: with a heading for each slot.
        known: all slots of the page.

    Raises:
        ValueError: for a heading that no slot has, which would be lost.
    """
    if not file.exists():
        return {}
    _, *parts = re.split(r"^## +(.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    slots = [slot.strip() for slot in parts[::2]]
    if unknown := set(slots) - set(known):
        raise ValueError(f"{file} has the headings {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return dict(zip(slots, (text.strip() for text in parts[1::2]), strict=True))


def write(results: Path, page: Path) -> list[Path]:
    """Write the page and its figures; figures of the same page that are no longer shown are deleted.

    Raises:
        ValueError: for results or comments that do not fit.
    """
    link = Path(os.path.relpath(results.resolve(), page.resolve().parent)).as_posix()
    comments = read_comments(results / "comments.md")
    made = Page(read(results), read_pictures(results), results.as_posix(), link, page.stem, comments)
    files = {page.name: render(made) + "\n", **made.svgs}
    page.parent.mkdir(parents=True, exist_ok=True)
    for old in page.parent.glob(f"{page.stem}-*.svg"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        page.with_name(name).write_text(text, encoding="utf-8")
    return [page.with_name(name) for name in files]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.parser(__doc__, saves=False)
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder with one folder of files per experiment")
    parser.add_argument("--page", type=Path, default=Path("docs/papers.md"), help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    try:
        for file in write(chosen.results, chosen.page):
            print(file)
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
