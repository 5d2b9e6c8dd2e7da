"""What is free on a machine: its own word, or that of the control groups around the process."""

from __future__ import annotations

import pytest

from gansift.workflow import machine

GIB = 1024**3


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A made-up /proc and /sys/fs/cgroup; files are written by path."""
    monkeypatch.setattr(machine, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "cgroup")

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)

    return write


def test_without_a_word_of_the_system_memory_is_unknown(system):
    assert machine.available_memory() is None
    assert machine.peak_memory() > 2**20


def test_the_kernel_says_what_is_available(system):
    system(files={"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {8 * 2**20} kB\n"})
    assert machine.available_memory() == 8 * GIB


@pytest.mark.parametrize(
    ("group", "folder", "limit", "used", "cached"),
    [
        ("0::/box/inner", "cgroup/box", "memory.max", "memory.current", "inactive_file"),
        ("0::/not/seen/from/here", "cgroup", "memory.max", "memory.current", "inactive_file"),
        (
            "4:cpu,memory:/box", "cgroup/memory/box", "memory.limit_in_bytes", "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ],
)  # fmt: skip
def test_a_container_leaves_its_limit_less_what_is_taken_but_for_cached_files(
    system, group, folder, limit, used, cached
):
    system(
        files={
            "proc/meminfo": f"MemAvailable: {8 * 2**20} kB\n",
            "proc/self/cgroup": f"5:pids:/x\n{group}\n",
            f"{folder}/{limit}": str(4 * GIB),
            f"{folder}/{used}": str(3 * GIB),
            f"{folder}/memory.stat": f"anon 5\n{cached} {GIB}\n",
        }
    )
    assert machine.available_memory() == 2 * GIB


def test_a_group_without_a_limit_limits_nothing(system):
    files = {"memory.max": "max\n", "memory.current": "5", "memory.stat": ""}
    system(files={f"cgroup/{name}": text for name, text in files.items()} | {"proc/self/cgroup": "0::/\n"})
    assert machine.available_memory() is None


def test_the_disk_of_a_folder_to_be_made_is_that_of_the_folder_around_it(tmp_path):
    assert machine.free_disk(tmp_path / "not/there/yet") == pytest.approx(machine.free_disk(tmp_path), rel=0.01)
