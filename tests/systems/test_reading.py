"""Settings are read from a function's source as they are from the function itself."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from gansift.audit import find as find_audit
from gansift.audit import reads_files
from gansift.catalogue import SAMPLE_METRICS
from gansift.errors import UsageError
from gansift.systems import SYSTEMS, Range, Setting, find, manual, reading, spec_of

SOURCE = '''
from __future__ import annotations
from typing import Annotated, Literal, Optional
from gansift.systems import Range

def mine(
    data,
    share=0.5,
    *,
    count: Annotated[int, Range(1, 9)] = 3,
    open_: Annotated[float | None, Range(0)] = None,
    kind: Literal["soft", "hard"] = "soft",
    sides: Literal[16, 32] | None = None,
    twice: bool = False,
    name: Optional[str] = None,
    rate: float = 1,
):
    """Do something.

    At length.

    Args:
        data: the data.
        share: of it
            all.
        count: how many: as a number

    Returns:
        nothing: of use.
    """
'''
EXPECTED = (
    Setting("share", float, 0.5, "of it all."),
    Setting("count", int, 3, "how many: as a number", range=Range(1, 9)),
    Setting("open_", float, None, optional=True, range=Range(0)),
    Setting("kind", str, "soft", choices=("soft", "hard")),
    Setting("sides", int, None, optional=True, choices=(16, 32)),
    Setting("twice", bool, False),
    Setting("name", str, None, optional=True),
    Setting("rate", float, 1.0),
)


@pytest.fixture
def mine(tmp_path):
    def write(source: str) -> str:
        (tmp_path / "mine.py").write_text(source)
        return f"{tmp_path}/mine.py:mine"

    return write


def test_a_file_is_read_without_being_run(mine):
    found = manual(mine("raise SystemExit('it was run')\n" + SOURCE))
    assert found.settings == EXPECTED
    assert found.text == "Do something.\n\nAt length."


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("share=0.5", "share=1 / 2"),
        lambda text: text.replace("rate: float", "rate: Rate") + "\nRate = float\n",
        lambda text: text.replace("def mine", "def his") + "\nmine = his\n",
        lambda text: text.replace("def mine", "@staticmethod\ndef mine"),
    ],
    ids=["computed default", "own name in an annotation", "assigned", "decorated"],
)
def test_what_only_importing_tells_is_imported_and_gives_the_same(mine, change):
    assert manual(mine(change(SOURCE))).settings == EXPECTED


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_source_of_a_built_in_system_says_what_its_function_does(name):
    function = find(name)
    live = [reading._setting(name, one, "") for one in reading._live_keywords(function)]
    read = manual(spec_of(name))
    assert [(one.name, one.type, one.default, one.optional, one.choices, one.range) for one in read.settings] == [
        (one.name, one.type, one.default, one.optional, one.choices, one.range) for one in live
    ]
    assert all(one.help for one in read.settings), "every setting is explained"
    assert inspect.getdoc(function).startswith(read.text)


def test_a_module_in_the_current_folder_is_found_without_being_run(tmp_path, monkeypatch):
    (tmp_path / "mine_in_this_folder.py").write_text("raise SystemExit('it was run')\n" + SOURCE)
    monkeypatch.chdir(tmp_path)
    assert manual("mine_in_this_folder:mine").settings == EXPECTED


def test_help_of_a_system_imports_no_torch():
    code = (
        "import sys, gansift.systems as systems\n"
        "for name in systems.SYSTEMS: assert systems.manual(systems.spec_of(name)).settings\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def mine(data, *, most): ...", "its setting 'most' needs a default"),
        ("def mine(data, *, most=(1, 2)): ...", "'most' is annotated with .*tuple"),
        ("def mine(data, *, most: list[int] = None): ...", "'most' is annotated with list"),
        ("def mine(data, *, most: int = 1.5): ...", "does not fit its annotation: --most must be a whole number"),
        ("x = 1", "has nothing called 'mine'"),
        ("mine = 3", "is not a function"),
        ("def mine(data: ...", "SyntaxError"),
    ],
)
def test_a_function_that_no_flags_can_be_made_of_is_refused_with_the_reason(mine, code, message):
    with pytest.raises(UsageError, match=message):
        manual(mine(code))


@pytest.mark.parametrize("module", ["settings", "reading", "system", "presets", "dann"])
def test_the_examples_in_the_docstrings_run(module):
    done = doctest.testmod(import_module(f"gansift.systems.{module}"))
    assert done.attempted
    assert not done.failed


@pytest.mark.parametrize("spec", SYSTEMS.values())
def test_a_built_in_system_is_read_from_its_source_alone(spec):
    assert reading._read(spec) is not None, "an annotation or a default that only importing torch would tell"


def test_the_metrics_of_a_system_are_read_from_their_section_and_are_no_part_of_the_text(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        'def f(data, *, most=1):\n    """Mine.\n\n    Args:\n        most: how much\n\n    Metrics:\n'
        "        kid, fid\n        class-loss: loss of labels: those\n            held out\n\n"
        '    Raises:\n        E: so.\n    """\n'
    )
    found = manual(f"{file}:f")
    assert found.text == "Mine."
    assert [setting.name for setting in found.settings] == ["most"]
    assert dict(found.metrics) == {
        "kid": SAMPLE_METRICS["kid"], "fid": SAMPLE_METRICS["fid"], "class-loss": "loss of labels: those held out",
    }  # fmt: skip


@pytest.mark.parametrize("decorator", ["", "@(lambda function: function)\n"])
@pytest.mark.parametrize(
    ("first", "of_files"),
    [("files: Files", True), ("files: 'audit.Files'", True), ("subject: Subject", False), ("f", False)],
)
def test_an_audit_of_files_says_so_in_its_signature(tmp_path, monkeypatch, decorator, first, of_files):
    monkeypatch.chdir(tmp_path)
    imports = "from gansift import audit\nfrom gansift.audit import Files, Subject\n"
    (tmp_path / "mine.py").write_text(f"{imports}{decorator}def check({first}, *, most: int = 3):\n    ...\n")
    assert manual("mine.py:check").reads_files is of_files
    assert reads_files(find_audit("mine.py:check")) is of_files
