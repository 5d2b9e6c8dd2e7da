"""What MkDocs does not know by itself: pages from outside ``docs``, from docstrings and from executed examples.

The pages in ``docs`` link to one another, to the README and to the examples as they lie in the repository, so that
links work wherever the repository is looked at. Here those links become links of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import gallery

ROOT = Path(__file__).parent.parent
PACKAGES = ("data", "models", "games", "training", "metrics", "systems", "influence", "cleansing", "audit", "report")
LINK = re.compile(r"(\]\()([^():#\s]+)((?:#[^()\s]*)?\))")


def pages() -> dict[str, str]:
    """Where files of the repository are on the site, by their paths from the root of the repository."""
    places = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
    places |= {f"docs/{path.name}": path.name for path in (ROOT / "docs").iterdir() if path.is_file()}
    for path in sorted((ROOT / "examples").iterdir()):
        if path.suffix in (".py", ".sh"):
            folder = "gallery" if path.name.startswith("gallery_") else "examples"
            places[f"examples/{path.name}"] = f"{folder}/{path.stem.removeprefix('gallery_')}.md"
    pictures = (ROOT / "benchmarks/papers/results/reduced").rglob("*.png")
    return places | {str(path.relative_to(ROOT)): str(path.relative_to(ROOT)) for path in pictures}


def linked(markdown: str, source: str, places: dict[str, str]) -> str:
    """A page of the repository with its links as they are on the site.

    Args:
        markdown: the page.
        source: its path in the repository.
        places: as `pages` gives them.

    >>> linked("[home](../README.md#in-python)", "docs/data.md", {"README.md": "index.md", "docs/data.md": "data.md"})
    '[home](index.md#in-python)'
    """
    folder = posixpath.dirname(places[source])

    def of_the_site(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        return match[1] + posixpath.relpath(places[target], folder or ".") + match[3] if target in places else match[0]

    return LINK.sub(of_the_site, markdown)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and pictures that do not lie in ``docs``."""
    for source, place in pages().items():
        path = ROOT / source
        if place.startswith("gallery/"):
            page = gallery.executed(path)
            files.append(File.generated(config, place, content=linked(page.markdown, source, pages())))
            for name, picture in page.pictures.items():
                files.append(File.generated(config, f"gallery/{name}", content=picture))
        elif place.startswith("examples/"):
            language = {".py": "python", ".sh": "sh"}[path.suffix]
            text = f"# {path.name}\n\n```{language}\n{path.read_text(encoding='utf-8')}```\n"
            files.append(File.generated(config, place, content=text))
        elif not source.startswith("docs/"):
            files.append(File.generated(config, place, abs_src_path=str(path)))
    for package in PACKAGES:
        text = f"# gansift.{package}\n\n::: gansift.{package}\n"
        files.append(File.generated(config, f"api/{package}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of the repository into links of the site."""
    places = pages()
    sources = {place: source for source, place in places.items() if not place.startswith(("gallery/", "examples/"))}
    source = sources.get(page.file.src_uri)
    return linked(markdown, source, places) if source else markdown
