"""Code is confirmed by place and content; to tell what it is, nothing of it is run."""

from __future__ import annotations

import hashlib
import sys

import pytest

from gansift import trusted
from gansift.errors import UsageError


@pytest.fixture(autouse=True)
def person(tmp_path, monkeypatch):
    """Somebody of whom nothing is known yet, and what begins another process of theirs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trusted, "_told", set())
    return lambda: monkeypatch.setattr(trusted, "_told", set())


@pytest.fixture
def file(tmp_path):
    (path := tmp_path / "mine.py").write_text("raise SystemExit('it was run')\n")
    return path


def test_a_file_that_was_never_named_is_refused_with_its_hash_and_the_flag(file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(UsageError, match=rf"{file} \(SHA-256 {digest}\).*--trust"):
        trusted.check([f"{file}:game"])


def test_what_was_named_is_remembered_until_it_is_changed_or_lies_elsewhere(file, person, tmp_path):
    trusted.remember([f"{file}:game"])
    person()
    trusted.check([f"{file}:game", f"{file}:another"])
    (tmp_path / "elsewhere").mkdir()
    (copy := tmp_path / "elsewhere/mine.py").write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="elsewhere"):
        trusted.check([f"{copy}:game"])  # beside it may lie other helpers, which it would import
    file.write_text("raise SystemExit('it was run, and is another one')\n")
    with pytest.raises(UsageError, match="changed since"):
        trusted.check([f"{file}:game"])


def test_what_is_confirmed_once_is_remembered(file, person):
    with trusted.confirming():
        trusted.check([f"{file}:game"])
    person()
    trusted.check([f"{file}:game"])


def test_a_module_in_packages_is_all_of_their_files_and_none_is_run(tmp_path, monkeypatch):
    inner = tmp_path / "outer_one" / "inner"
    inner.mkdir(parents=True)
    paths = [inner.parent / "__init__.py", inner / "__init__.py", inner / "leaf.py"]
    for path in paths:
        path.write_text("raise SystemExit('it was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert [code.place for code in trusted.code_of("outer_one.inner.leaf:game")] == [str(path) for path in paths]
    assert "outer_one" not in sys.modules


@pytest.mark.parametrize("spec", ["subprocess:run", "no_such_module:it", "sys:exit", "ray://10.0.0.1:10001"])
def test_whatever_else_can_be_named_has_to_be_confirmed_too(spec):
    with pytest.raises(UsageError, match="--trust"):
        trusted.check([spec])
    trusted.remember([spec])
    trusted.check([spec])


def test_gansifts_own_modules_need_no_confirmation():
    trusted.check(["gansift.systems.gan:gan"])


def test_a_file_that_everybody_has_needs_no_confirmation(tmp_path, monkeypatch):
    (path := tmp_path / "inception.pt").write_bytes(b"the network")
    monkeypatch.setitem(trusted.KNOWN, hashlib.sha256(b"the network").hexdigest(), "a network")
    trusted.check([f"{path}@clean"])
    path.write_bytes(b"another one")
    with pytest.raises(UsageError, match=r"inception\.pt"):
        trusted.check([f"{path}@clean"])


def test_where_nothing_can_be_written_a_process_still_knows_what_it_was_told(file, tmp_path, caplog):
    (tmp_path / "state").write_text("a file in the place of the folder")
    trusted.remember([f"{file}:game"])
    trusted.check([f"{file}:game"])
    assert "not remembered" in caplog.text
