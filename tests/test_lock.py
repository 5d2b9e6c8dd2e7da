"""One process at a time writes into a directory, and the next one can as soon as it has ended in whatever way."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys

import pytest

from gansift import lock
from gansift.errors import GansiftError

HOLD = """
import sys, time
from pathlib import Path
from gansift.lock import only_writer

with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_by_name(tmp_path, other, impatient):
    refusal = f"{tmp_path} is in use: process {other.pid} on .* writes into it. Wait until it has ended, or stop it"
    with pytest.raises(GansiftError, match=refusal), lock.only_writer(tmp_path):
        pytest.fail("two processes were let in")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_is_let_in_after_the_first_was_killed(tmp_path, other, end, impatient):
    other.send_signal(end)
    other.wait()
    with lock.only_writer(tmp_path):
        assert lock.lock_path(tmp_path).read_text().startswith(f"process {os.getpid()} on ")


def test_whoever_ends_within_moments_is_waited_for(tmp_path, other):
    other.send_signal(signal.SIGSTOP)
    subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -KILL {other.pid}"])
    with lock.only_writer(tmp_path):
        pass


def test_one_process_writes_twice_one_after_the_other_but_not_at_once(tmp_path, impatient):
    for _ in range(2):
        with lock.only_writer(tmp_path):
            pass
    with lock.only_writer(tmp_path), pytest.raises(GansiftError, match="in use"), lock.only_writer(tmp_path):
        pytest.fail("let in twice at once")


def test_a_failure_inside_gives_the_lock_back(tmp_path, impatient):
    with pytest.raises(KeyError), lock.only_writer(tmp_path):
        raise KeyError
    with lock.only_writer(tmp_path):
        pass


def test_where_there_are_no_locks_work_goes_on_with_a_warning(tmp_path, monkeypatch, caplog):
    def unsupported(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with caplog.at_level(logging.WARNING), lock.only_writer(tmp_path):
        entered = True
    assert entered
    assert f"cannot lock {tmp_path}" in caplog.text


def test_a_folder_that_cannot_be_made_is_no_error_yet(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING), lock.only_writer(tmp_path / "file" / "run"):
        pass
    assert "cannot lock" in caplog.text
