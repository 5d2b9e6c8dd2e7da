"""The site's own code: links of the repository become links of the site, and scripts become pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip("mkdocs")

import gallery  # noqa: E402
import site_pages  # noqa: E402
from doctests import fenced  # noqa: E402

SCRIPTS = sorted((ROOT / "examples").glob("gallery_*.py"))


def test_links_between_folders_become_links_of_the_site():
    places = {"README.md": "index.md", "docs/data.md": "data.md", "examples/mine.py": "examples/mine.md"}
    text = "[a](../README.md#x) [b](../examples/mine.py) [c](https://a.b/c.md) [d](#e) [f](missing.md)"
    there = site_pages.linked(text, "docs/data.md", places)
    assert there == "[a](index.md#x) [b](examples/mine.md) [c](https://a.b/c.md) [d](#e) [f](missing.md)"
    assert site_pages.linked("[a](docs/data.md)", "README.md", places) == "[a](data.md)"
    assert site_pages.linked("[a](../docs/data.md#b)", "examples/mine.py", places) == "[a](../data.md#b)"


def test_every_package_with_public_names_has_a_page():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    packages = {
        path.parent.name for path in (ROOT / "src/gansift").glob("*/__init__.py") if "__all__" in path.read_text()
    }
    assert packages == set(site_pages.PACKAGES)
    assert all(f"api/{name}.md" in nav for name in packages)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_the_gallery_is_a_title_and_cells_and_nothing_gets_lost(script):
    text = script.read_text(encoding="utf-8")
    introduction, cells = gallery.split(text)
    assert introduction == ast.get_docstring(ast.parse(text))
    assert len(cells) >= 4
    code = "\n".join(code for _, code in cells)
    assert ast.dump(ast.parse(code)) == ast.dump(ast.Module(ast.parse(text).body[1:], []))
    assert f"gallery/{script.stem.removeprefix('gallery_')}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_a_script_becomes_a_page_with_what_it_printed_and_drew(tmp_path):
    script = tmp_path / "sums.py"
    script.write_text('"""A sum.\n\nOf two.\n"""\n\n# %%\n# Adds\n# numbers.\n\nx = 1 + 1\nprint(x)\n\n# %%\n\n'
                      "import matplotlib.pyplot as plt\n\nplt.plot([x, 3])\n")  # fmt: skip
    (page,) = gallery.executed([script])
    head = "# A sum.\n\nOf two.\n\nAdds\nnumbers.\n\n```python\nx = 1 + 1\nprint(x)\n```\n\n"
    assert page.markdown.startswith(f'{head}```text title="Output"\n2\n```\n\n```python\nimport matplotlib')
    assert page.markdown.endswith("```\n\n![What the code above draws](sums-1.svg)\n")
    assert "<svg" in page.pictures["sums-1.svg"]


def test_a_script_that_fails_stops_the_build_by_name(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text('"""A title."""\n\n# %%\n\nprint(1 / 0)\n')
    with pytest.raises(RuntimeError, match=r"broken\.py failed:[\s\S]*ZeroDivisionError"):
        gallery.executed([script])


def test_doctests_in_the_text_are_code_and_those_of_sections_stay():
    text = "Adds.\n\n>>> 1 + 1\n2\n\nExamples:\n    >>> 2 + 2\n    4"
    assert fenced(text) == "Adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nExamples:\n    >>> 2 + 2\n    4"


def test_the_site_asks_no_other_host_for_anything():
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in settings
    assert not re.search(r"https?://", settings)
