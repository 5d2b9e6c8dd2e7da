"""Does a run that is killed at random moments end with the same bytes? Prints kills and files that agree, by stage.

    python benchmarks/kills.py [--kills 60] [--seed 0]

`gansift train`, `score` and `cleanse` work on one tiny run, in one process and in two, and are killed (SIGKILL, the
parent alone) at random moments of their work, then started again. Whenever a stage has come to its end its files are
compared byte by byte with those of a run that nobody disturbed, and it begins anew until it was killed often enough.
A start that is refused, or fails in any other way, is a difference too. Exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gansift.lock import lock_path

GANSIFT = (sys.executable, "-m", "gansift.cli")
SOURCE = "normal-1d"
TINY = (
    "--steps", "60", "--seeds", "2", "--horizons", "1,2", "--remove", "5%,10%", "--latents", "200", "--width", "16",
    "--batch", "50", "--verify", "6", "--quiet",
)  # fmt: skip
# What each stage leaves behind.
FILES = {
    "train": ("seeds/*/checkpoints/*", "seeds/*/values.json"),
    "score": ("seeds/*/scores/*",),
    "cleanse": ("seeds/*/cleanse/*", "verify/*"),
}


def results(folder: Path, *stages: str) -> dict[str, bytes]:
    """Checkpoints, scores and trials by name, of all stages if none is named."""
    paths = [path for stage in stages or FILES for pattern in FILES[stage] for path in folder.glob(pattern)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}


def written(folder: Path) -> dict[str, int]:
    """When each file of the training and what follows was written."""
    times = {}
    for path in folder.glob("seeds/**/*"):
        with suppress(FileNotFoundError):
            times[str(path)] = path.stat().st_mtime_ns
    return times


def begun(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Whether a process has locked the run directory, which is the first that it does after it was loaded."""
    with suppress(FileNotFoundError):
        return lock_path(folder).read_text().startswith(f"process {process.pid} ")
    return False


def kill_at(command: Sequence[str], folder: Path, moment: Callable[[], float]) -> bool:
    """Start a command on a run directory and kill it at a moment of its work.

    Args:
        command: that writes into ``folder``.
        folder: the run directory.
        moment: seconds from when the work begins; asked then.

    Returns:
        Whether it was killed; False if it had come to its end before.

    Raises:
        RuntimeError: if it ended with an error instead.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not begun(process, folder):
        time.sleep(0.01)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment())
    process.kill()
    _, said = process.communicate()
    if process.returncode > 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.decode()}")
    return process.returncode < 0


class Stage:
    """One verb on a run directory that is killed again and again, beside the files of one that was not."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, whole: Path) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.expected = results(whole, name)
        self.kills = self.ends = self.equal = self.different = 0

    def kill(self, kills: int, moments: random.Random) -> None:
        """Kill it so many times, then let it come to its end."""
        lasts = self._to_the_end()
        self._forget()
        while self.kills < kills:
            if kill_at(self.command, self.folder, lambda: moments.uniform(0, lasts)):
                self.kills += 1
            else:
                self._compare()
                self._forget()
        self._to_the_end()
        self._compare()

    def _to_the_end(self) -> float:
        start = time.monotonic()

        def never() -> float:
            nonlocal start
            start = time.monotonic()
            return 600.0

        if kill_at(self.command, self.folder, never):
            raise RuntimeError(f"{' '.join(self.command)} took more than ten minutes")
        return time.monotonic() - start

    def _compare(self) -> None:
        found = results(self.folder, self.name)
        self.ends += 1
        for name in self.expected.keys() | found.keys():
            if self.expected.get(name) == found.get(name):
                self.equal += 1
            else:
                self.different += 1
                print(f"DIFFERENT: {self.name} {name}")
        for path in self.folder.rglob("*.tmp"):
            self.different += 1
            print(f"LEFT OVER: {self.name} {path}")

    def _forget(self) -> None:
        for name in results(self.folder, self.name):
            (self.folder / name).unlink()


def main() -> None:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments, total, different = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        subprocess.run([*GANSIFT, "run", SOURCE, "--outdir", str(whole), *TINY, "--jobs", "1"], check=True)
        for jobs in ("1", "2"):
            folder = Path(scratch) / "killed"
            train = (*GANSIFT, "train", SOURCE, "--outdir", str(folder), *TINY, "--jobs", jobs)
            verbs = {name: (*GANSIFT, name, str(folder), "--quiet") for name in ("score", "cleanse")}
            for name, command in {"train": train, **verbs}.items():
                stage = Stage(name, command, folder, whole)
                stage.kill(arguments.kills // 6, moments)
                print(
                    f"{name:8} --jobs {jobs}: {stage.kills} kills, {stage.ends} times to the end; "
                    f"{stage.equal} files equal, {stage.different} different",
                    flush=True,
                )
                total, different = total + stage.kills, different + stage.different
            shutil.rmtree(folder)
    print(f"{total} kills, {different} differences")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
