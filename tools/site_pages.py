"""What MkDocs does not know by itself: pages from outside ``docs``, from docstrings and from executed examples.

The pages in ``docs`` link to one another, to the README and to the examples as they lie in the repository, so that
links work wherever the repository is looked at. Here those links become links of the site.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

import gallery
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PACKAGES = ("data", "models", "games", "training", "metrics", "systems", "influence", "cleansing", "audit", "report")
FETCHED = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=[\"']?https?://[^>]*>")
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
    places = pages()
    added = _gallery(places) | _listings(places) | {f"api/{name}.md": _api(name) for name in PACKAGES}
    for place, content in added.items():
        files.append(File.generated(config, place, content=content))
    for source, place in places.items():
        if place not in added and not source.startswith("docs/"):
            files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def _gallery(places: dict[str, str]) -> dict[str, str]:
    """The executed scripts, and their pictures."""
    sources = [source for source, place in places.items() if place.startswith("gallery/")]
    found = {}
    for source, page in zip(sources, gallery.executed([ROOT / source for source in sources]), strict=True):
        found[places[source]] = linked(page.markdown, source, places)
        found |= {f"gallery/{name}": picture for name, picture in page.pictures.items()}
    return found


def _listings(places: dict[str, str]) -> dict[str, str]:
    """The other examples as they are."""
    languages = {".py": "python", ".sh": "sh"}
    paths = {place: ROOT / source for source, place in places.items() if place.startswith("examples/")}
    return {
        place: f"# {path.name}\n\n```{languages[path.suffix]}\n{path.read_text(encoding='utf-8')}```\n"
        for place, path in paths.items()
    }


def _api(package: str) -> str:
    """The page of a package: what it says of itself, and its public names where they are defined.

    Asked for by the package alone, a function would give way to the file that is named after it.
    """
    tree = ast.parse((ROOT / f"src/gansift/{package}/__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = sorted((name.name, node.module) for node in imports for name in node.names)
    parts = [f"# gansift.{package}", ast.get_docstring(tree), *(f"::: {module}.{name}" for name, module in names)]
    return "\n\n".join(str(part) for part in parts) + "\n"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of the repository into links of the site."""
    places = pages()
    sources = {place: source for source, place in places.items() if not place.startswith(("gallery/", "examples/"))}
    source = sources.get(page.file.src_uri)
    return linked(markdown, source, places) if source else markdown


def on_post_page(output: str, page: Any, **_: Any) -> None:
    """Refuse a page that a browser would complete from another host."""
    if match := FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri} fetches something from another host: {match[0]}")
