"""Pages as their readers see them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from gansift.report import write_page

VOID = {"meta", "img", "br", "link", "input", "hr", "source", "wbr"}


class Page(HTMLParser):
    """The page's tags, visible text, and whether every tag is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace("\N{NO-BREAK SPACE}", " ")

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            if self.tags[-1][0] == "wbr" and self.words:  # a word that may break is one word
                data = self.words.pop() + data
            self.words.append(data)


def written(tmp_path: Path, summary, pictures) -> str:
    path = tmp_path / "report.html"
    write_page(path, summary, pictures)
    return path.read_text(encoding="utf-8")
