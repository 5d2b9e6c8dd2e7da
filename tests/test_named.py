"""The user's code by name: from a module, from the current folder, from a file; and what is wrong is said."""

import hashlib
import sys

import pytest

from gansift.errors import UsageError
from gansift.named import absolute_named, fingerprint, import_named, is_named


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine_here.py").write_text("def build(): return 7\n")
    (tmp_path / "broken_here.py").write_text("1 / 0\n")
    yield tmp_path
    sys.modules.pop("mine_here", None)


@pytest.mark.parametrize("spec", ["json:loads", "os.path:join", "mine.py:build", "a/b/mine.py:build"])
def test_names_of_modules_and_files_are_known(spec):
    assert is_named(spec)


@pytest.mark.parametrize("spec", ["fid", "a/b:c", "runs/x.pt", "json:", ":loads", "imagenet:64"])
def test_other_words_are_not_taken_for_names(spec):
    assert not is_named(spec)


def test_a_module_of_the_current_folder_and_a_file_are_found(folder):
    assert import_named("json:loads", "it").__name__ == "loads"
    assert import_named("mine_here:build", "it")() == 7
    assert import_named("mine_here.py:build", "it")() == 7


def test_a_file_is_the_same_module_however_often_it_is_asked_for(folder):
    assert import_named("mine_here.py:build", "it") is import_named(f"{folder}/mine_here.py:build", "it")


def test_a_file_is_found_again_from_another_folder(folder, monkeypatch, tmp_path_factory):
    spec = absolute_named("mine_here.py:build")
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    assert import_named(spec, "it")() == 7
    assert absolute_named("json:loads") == "json:loads"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no_such_module:build", "importing no_such_module failed"),
        ("gone.py:build", "there is no file gone.py"),
        ("broken_here.py:build", "ZeroDivisionError"),
        ("mine_here.py:other", "has nothing called 'other'"),
        ("justaword", "module:name or file.py:name"),
    ],
)
def test_what_cannot_be_loaded_is_named(folder, spec, message):
    with pytest.raises(UsageError, match=message):
        import_named(spec, "the game")
    assert not any(name.startswith("gansift_own_broken") for name in sys.modules)


def test_an_edited_file_has_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge_of_mine.py").write_text("name = 1\n")
    (tmp_path / "script.pt").write_bytes(b"weights")
    specs = ["judge_of_mine:name", f"{tmp_path}/judge_of_mine.py:name", "script.pt", "script.pt@clean"]
    before = [fingerprint(spec) for spec in specs]
    assert before[0] == before[1] == hashlib.sha256(b"name = 1\n").hexdigest()
    assert before[2] == before[3] == hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "judge_of_mine.py").write_text("name = 2\n")
    (tmp_path / "script.pt").write_bytes(b"other weights")
    assert not set(before) & {fingerprint(spec) for spec in specs}


@pytest.mark.parametrize("spec", ["fid", "imagenet:64", "no_such_module:name", "missing.py:name", "math:sin", "gan"])
def test_what_has_no_file_of_its_own_has_no_fingerprint(spec):
    assert fingerprint(spec) is None


def test_a_fingerprint_runs_nothing(tmp_path, monkeypatch):
    (tmp_path / "harmless.py").write_text("raise SystemExit('it was run')")
    monkeypatch.chdir(tmp_path)
    assert fingerprint("harmless:name") == fingerprint("harmless.py:name")
