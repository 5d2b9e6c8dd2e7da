"""The script for SLURM in docs/many-machines.md goes on after a time limit, and ends as the run does.

There is no SLURM here: its command `scontrol`, gansift and the waiting are stand-ins that write down their calls.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs/many-machines.md"


@pytest.fixture
def script(tmp_path):
    """Starts the page's script, with a gansift that does this."""
    (text,) = re.findall(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "job.sh").write_text(text)

    def start(gansift):
        for name, does in {"gansift": gansift, "scontrol": "", "sleep": ""}.items():
            path = tmp_path / name
            path.write_text(f'#!/bin/bash\necho "{name} $*" >> {tmp_path}/called\n{does}\n')
            path.chmod(0o755)
        own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_JOB_ID": "71", "SLURM_ARRAY_TASK_ID": "3"}
        return subprocess.Popen(["bash", tmp_path / "job.sh"], env=os.environ | own, cwd=tmp_path)

    return start


def _called(folder):
    path = folder / "called"
    return path.read_text().splitlines() if path.exists() else []


RUN = "gansift run my-images --outdir /shared/run --share 3/8 --quiet"
AGAIN = "scontrol requeue 71_3"


def test_a_share_that_waits_for_others_is_looked_at_again_later(script, tmp_path):
    assert script("exit 4").wait(30) == 0
    assert _called(tmp_path) == [RUN, "sleep 120", AGAIN]


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_run_that_ended_is_not_given_again_and_its_job_ends_as_it_did(script, tmp_path, code):
    assert script(f"exit {code}").wait(30) == code
    assert _called(tmp_path) == [RUN]


def test_two_minutes_before_the_time_limit_the_job_is_given_again(script, tmp_path):
    process = script("exec /bin/sleep 60")
    while not _called(tmp_path):
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) == 0
    assert _called(tmp_path) == [RUN, AGAIN]
