"""Every command and every flag that a page, an example, a docstring or a message names is one that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from gansift import cli
from gansift.audit import AUDITS
from gansift.systems import SYSTEMS

ROOT = Path(__file__).parent.parent
PAGES = [
    path
    for pattern in (
        "README.md",
        "CHANGELOG.md",
        "docs/*.md",
        "examples/*",
        "src/**/*.py",
        "src/**/*.html",
        "benchmarks/*.py",
        "Makefile",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.is_file()
]
# In code, such as `gansift run RUN --metric kid`, or a line of a shell.
INLINE = re.compile(r"`{1,2}gansift ([a-z][^`]*)`|<code>gansift ([a-z][^<]*)</code>")
LINE = re.compile(r"^(?:PYTHONPATH=\. |\t\S*/|Try it: |Try them: |Run it: )?gansift ([a-z].*)$", re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def _commands() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)) if path.suffix == ".md" else text
        found = [*(first or second for first, second in INLINE.findall(text)), *LINE.findall(shell)]
        for command in found:
            yield str(path.relative_to(ROOT)), " ".join(command.partition(" #")[0].split())


COMMANDS = sorted({(page, command) for page, command in _commands() if not command.startswith("import ")})


@cache
def _flags(verb: str, game: str, audit: str = "all") -> frozenset[str] | None:
    """The flags of a verb with a system or an audit; None if there is no such verb."""
    arguments = [verb, audit] if verb == "audit" else [verb, "--game", game]
    known = typer.main.get_command(cli.application(arguments)).commands
    if verb not in known:
        return None
    return frozenset(flag for one in known[verb].params for flag in (*one.opts, *one.secondary_opts)) | {"--help"}


def test_commands_are_found():
    where = {page for page, _ in COMMANDS}
    assert {"README.md", "docs/trust.md", "docs/data.md", "examples/fine_tune_emoji.sh", "Makefile"} <= where
    assert len(COMMANDS) > 100


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_that_is_named_is_taken(page, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    verb, *words = command.split()
    game = words[words.index("--game") + 1] if "--game" in words else "gan"
    file = game.partition(":")[0]
    audit = words[0] if words and words[0] in AUDITS else "all"
    flags = _flags(verb, game if game in SYSTEMS or Path(file).is_file() else "gan", audit)
    assert flags is not None, f"{page}: there is no verb {verb}"
    assert set(FLAG.findall(command)) <= flags, f"{page}: gansift {command}"


@pytest.mark.parametrize("page", [path for path in PAGES if path.suffix == ".md"], ids=lambda path: path.name)
def test_a_flag_that_a_page_names_exists(page):
    verbs = [verb.__name__ for verb in cli._VERBS]
    known = set().union(*(_flags(verb, game) for verb in verbs for game in SYSTEMS))
    known |= set().union(*(_flags("audit", "gan", audit) for audit in AUDITS))
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    codes = [code for code in re.findall(r"`([^`]*)`", text) if code.partition(" ")[0] in verbs or code[:2] == "--"]
    named = {flag for code in codes for flag in FLAG.findall(code)}
    assert named <= known, f"{page.name}: {sorted(named - known)}"
