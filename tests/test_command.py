"""The program as it is started: what happens before the command line is read in, and where nothing can be printed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

START = "import sys; sys.stderr.write('on'); sys.stderr.flush(); from gansift.command import main; main()"


@contextmanager
def started(*arguments, **options):
    """The program, gone afterwards whatever it did; it hears Ctrl-C also where tests run in the background."""
    command = [sys.executable, "-c", START, *arguments]
    hearing = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)} if os.name == "posix" else {}
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **hearing, **options)
    try:
        yield program
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
@pytest.mark.parametrize("wait", [0.02, 0.06, 0.12, 0.25])
def test_ctrl_c_in_the_first_moments_is_answered_in_a_sentence(tmp_path, wait):
    with started("run", "digits", "--outdir", str(tmp_path / "run"), stdout=subprocess.DEVNULL) as program:
        assert program.stderr.read(2) == "on"
        time.sleep(wait)
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=60)[1]
    assert (program.returncode, "Traceback" in said) == (130, False), said
    assert "stopped; the same command goes on from here" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["about"]])
def test_what_cannot_be_printed_is_said_in_a_sentence(arguments, unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full, started(*arguments, stdout=full, env=environment) as program:
        said = program.communicate(timeout=60)[1]
    assert program.returncode == 1
    assert "No space left on device" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_has_read_enough_is_told_nothing(unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with started("run", "--help-all", stdout=subprocess.PIPE, env=environment) as program:
        program.stdout.close()
        said = program.communicate(timeout=60)[1]
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_python_m_gansift_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "gansift", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
