"""What this machine has: memory and disk that are free, and what this process has taken at its peak."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def free_disk(path: Path) -> int:
    """Bytes that may still be written to the filesystem on which ``path`` is, or would be made."""
    folder = path.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def available_memory() -> int | None:
    """Bytes that new processes can take before the system swaps or a limit ends them; None where nothing says so.

    On Linux what the kernel calls available, or what is left of a control group's limit (containers) if that is less.
    """
    return min((*_available(), *_left_in_groups()), default=None)


def peak_memory() -> int:
    """The most bytes that this process has had in memory so far (resident set size)."""
    with suppress(OSError):
        for line in (_PROC / "self/status").read_text().splitlines():
            # Unlike ru_maxrss it does not know what the process that started this one had.
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on every system

    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return taken if sys.platform == "darwin" else taken * 1024


def _available() -> Iterator[int]:
    with suppress(OSError):
        for line in (_PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _left_in_groups() -> Iterator[int]:
    """What is left in this process's control group and in those that hold it, of both versions of control groups."""
    with suppress(OSError):
        for line in (_PROC / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _left(_CGROUPS, path, "memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                yield from _left(_CGROUPS / "memory", path, *names)


def _left(root: Path, path: str, limit: str, used: str, cached: str) -> Iterator[int]:
    inside = Path(path.lstrip("/"))
    for folder in (root / inside, *(root / parent for parent in inside.parents)):
        with suppress(OSError, ValueError):  # a group that is not to be seen from in here, or one without a limit
            allowed, taken = int((folder / limit).read_text()), int((folder / used).read_text())
            # Files that the kernel keeps in memory count as taken, but go as soon as the room is needed.
            rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
            yield max(0, allowed - taken + sum(int(count) for name, count in rows if name == cached))
