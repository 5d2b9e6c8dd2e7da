"""A run on a Ray cluster gives the bytes of one process, also when its workers are killed. Skipped without Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

SMALL = [
    "--for-this-model",
    "--steps", "300", "--seeds", "2", "--horizons", "1,2", "--remove", "5%", "--latents", "50", "--width", "8",
    "--verify", "6",
]  # fmt: skip


def _command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "gansift.cli", "run", "normal-1d", "--outdir", str(folder), *SMALL, *arguments]


def _files(root: Path) -> dict[str, bytes]:
    """Everything but the times that files and the report state."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in ("seeds", "scores", "verify", "weights")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and path.name not in ("seconds.json", ".lock")
    }


@pytest.fixture(scope="module")
def ray():
    return pytest.importorskip("ray", reason="Ray, the extra `cluster`, is not installed")


@pytest.fixture(scope="module")
def alone(ray, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run(_command(folder, "--jobs", "1"), check=True, capture_output=True, timeout=300)
    return _files(folder)


def _workers(parent: int) -> list[int]:
    """Processes of Ray that work on a job, among those that came from ``parent``."""
    parents, working = {}, []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid = int(status.parent.name)
            parents[pid] = int(status.read_text().rpartition(")")[2].split()[1])
            if status.with_name("cmdline").read_bytes().startswith(b"ray::gansift"):
                working.append(pid)
    return [pid for pid in working if parent in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found = set()
    while pid in parents:
        pid = parents[pid]
        found.add(pid)
    return found


def test_a_cluster_gives_the_bytes_of_one_process(ray, alone, tmp_path):
    done = subprocess.run(
        _command(tmp_path, "--cluster", "local", "--json"), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    assert " %, about " in done.stderr
    assert _files(tmp_path) == alone


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers in /proc")
def test_killed_workers_cost_nothing_but_time(ray, alone, tmp_path):
    process = subprocess.Popen(
        _command(tmp_path, "--cluster", "local"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    kills = 0
    while process.poll() is None and kills < 2:
        landed = len(list(tmp_path.glob("seeds/*/checkpoints/*")))
        for pid in _workers(process.pid)[:1] if landed > 4 * (kills + 1) else []:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        time.sleep(0.05)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert kills == 2
    assert said.count("its worker died") == 2
    assert _files(tmp_path) == alone


def test_an_interrupt_leaves_no_worker_behind(ray, tmp_path):
    process = subprocess.Popen(
        _command(tmp_path, "--cluster", "local", "--steps", "100000"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not _workers(process.pid) or not list(tmp_path.glob("seeds/*/checkpoints/*")):
        assert process.poll() is None
        time.sleep(0.05)
    workers = _workers(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("stopped; the same command goes on from here\n")
    assert "Traceback" not in said
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_what_a_worker_of_the_cluster_logs_is_logged_here(ray, alone, tmp_path):
    subprocess.run(_command(tmp_path, "--jobs", "1"), check=True, capture_output=True, timeout=300)
    for results in (*tmp_path.glob("seeds/*/scores/*"), sorted(tmp_path.glob("seeds/1/checkpoints/step-*"))[-1]):
        results.unlink()
    again = subprocess.run(
        _command(tmp_path, "--cluster", "local"), check=True, capture_output=True, text=True, timeout=300
    )
    for told in (again.stderr, (tmp_path / "log.txt").read_text()):
        assert told.count("step-00000300.safetensors is missing; it is computed again") == 1
    assert _files(tmp_path) == alone


def test_without_ray_the_command_that_installs_it_is_named(tmp_path):
    hidden = "import sys\nsys.modules['ray'] = None\nimport gansift.cli\ngansift.cli.main()\n"
    command = [sys.executable, "-c", hidden, *_command(tmp_path, "--cluster", "local")[3:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "pip install 'ray[client]>=2.40'" in done.stderr
    assert "Traceback" not in done.stderr
