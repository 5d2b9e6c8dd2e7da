"""Does a run that is killed at random moments end with the same bytes? Prints kills and files that agree, by stage.

    python benchmarks/kills.py [--kills 84] [--seed 0] [--only QUESTION]

Two tiny runs are done stage by stage: one about its own model (train, score, cleanse), one about new models (train,
score in windows all through the trainings, choose and judge on fresh seeds, audit), in one process and in two. They are
killed (SIGKILL, the parent alone) at random moments of their work, then started again. Whenever a stage has come to its
end its files are compared byte by byte with those of a run that nobody disturbed, and it begins anew until it was
killed often enough.
A start that is refused, or fails in any other way, is a difference too. Exit code 1 if there is any.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import command_line

from gansift import cli
from gansift.lock import lock_path

# Commands are forked from a process that has only loaded what they need, so that every kill hits work, not loading.
LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["gansift.workflow.stages", "gansift.workflow.outcome", "torch._dynamo"])
SOURCE = "normal-1d"
SMALL = (
    "--steps", "60", "--remove", "5%,10%", "--latents", "200", "--width", "16", "--batch", "50", "--quiet",
    "--baselines", "density",
)  # fmt: skip
RUNS = {
    "this model": ("--for-this-model", "--seeds", "2", "--horizons", "1,2", "--verify", "6", *SMALL),
    "new models": (
        "--scoring-seeds", "3", "--choosing-seeds", "3", "--judging-seeds", "3", *SMALL,
    ),
}  # fmt: skip
# The exit code of an audit that found something.
FOUND = 3
# What each stage leaves behind.
FILES = {
    "train": ("seeds/*/checkpoints/*", "seeds/*/values/*"),
    "score": ("seeds/*/scores/*",),
    "cleanse": ("seeds/*/retrained/*", "verify/*"),
    "look": ("seeds/*/scores/*-looks-of-*",),
    "judge": ("seeds/*/from-scratch/*", "seeds/*/scores/*-density-*"),
    "audit": ("audits/*",),
}


def stages(question: str, folder: Path, jobs: str) -> dict[str, Sequence[str]]:
    """The stages of a run, each with the command that does it."""
    run = ("run", SOURCE, "--outdir", str(folder), *RUNS[question], "--jobs", jobs)
    if question == "this model":
        verbs = {name: (name, str(folder), "--quiet") for name in ("score", "cleanse")}
        return {"train": (*run, "--until", "train"), **verbs}
    until = {"train": (*run, "--until", "train"), "look": (*run, "--until", "score")}
    return {**until, "judge": run, "audit": ("audit", "copies", str(folder))}


def results(folder: Path, *stages: str) -> dict[str, bytes]:
    """Checkpoints, scores and trials by name, of all stages if none is named."""
    paths = [path for stage in stages or FILES for pattern in FILES[stage] for path in folder.glob(pattern)]
    whole = [path for path in paths if ".damaged" not in path.suffixes[-1]]  # what was damaged is kept beside
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(whole)}


def written(folder: Path) -> dict[str, int]:
    """When each file of the training and what follows was written."""
    times = {}
    for path in folder.glob("seeds/**/*"):
        with suppress(FileNotFoundError):
            times[str(path)] = path.stat().st_mtime_ns
    return times


def begun(pid: int | None, folder: Path) -> bool:
    """Whether a process has locked the run directory, which is the first that it does."""
    with suppress(FileNotFoundError):
        return lock_path(folder).read_text().startswith(f"process {pid} ")
    return False


def gansift(arguments: Sequence[str], said: str) -> None:
    """The command line, in a process of its own, which writes into a file what it says."""
    with open(said, "w", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["gansift", *arguments]
    cli.main()


class Done(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    said: str


def do(arguments: Sequence[str]) -> Done:
    """Give a command, in a process of its own that begins with everything loaded."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
        process = LOADED.Process(target=gansift, args=(arguments, said.name))
        process.start()
        process.join(600)
        hung = process.is_alive()
        process.kill()
        process.join()
        return Done(124 if hung else process.exitcode or 0, said.read())


def kill_at(arguments: Sequence[str], folder: Path, moment: Callable[[], float]) -> bool:
    """Start gansift on a run directory and kill it at a moment of its work.

    Args:
        arguments: of a command that writes into ``folder``.
        folder: the run directory.
        moment: seconds from when the work begins; asked then.

    Returns:
        Whether it was killed; False if it had come to its end before.

    Raises:
        RuntimeError: if it ended with an error instead.
    """
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as said:
        process = LOADED.Process(target=gansift, args=(arguments, said.name))
        process.start()
        while process.is_alive() and not begun(process.pid, folder):
            time.sleep(0.01)
        process.join(moment())
        process.kill()
        process.join()
        assert process.exitcode is not None
        if process.exitcode > 0 and process.exitcode != FOUND:
            raise RuntimeError(f"gansift {' '.join(arguments)} ended with {process.exitcode}: {said.read()}")
        return process.exitcode < 0


class Stage:
    """One verb on a run directory that is killed again and again, beside the files of one that was not."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, whole: Path) -> None:
        self.name = name
        self.arguments = arguments
        self.folder = folder
        self.expected = results(whole, name)
        self.kills = self.ends = self.equal = self.different = 0

    def kill(self, kills: int, moments: random.Random) -> None:
        """Kill it so many times, then let it come to its end."""
        lasts = self._to_the_end()
        self._forget()
        while self.kills < kills:
            if kill_at(self.arguments, self.folder, lambda: moments.uniform(0, lasts)):
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

        if kill_at(self.arguments, self.folder, never):
            raise RuntimeError(f"gansift {' '.join(self.arguments)} took more than ten minutes")
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
    parser = command_line.parser(__doc__, saves=False)
    parser.add_argument("--kills", type=int, default=84)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=RUNS, help="the run about this question")
    arguments = parser.parse_args()
    moments, total, different = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for question in RUNS if arguments.only is None else [arguments.only]:
            whole, folder = Path(scratch) / f"whole {question}", Path(scratch) / "killed"
            for command in list(stages(question, whole, "1").values()):
                if (done := do(command)).code not in (0, FOUND):
                    raise SystemExit(f"gansift {' '.join(command)} ended with {done.code}: {done.said}")
            for jobs in ("1", "2"):
                for name, command in stages(question, folder, jobs).items():
                    stage = Stage(name, command, folder, whole)
                    stage.kill(arguments.kills // 14, moments)
                    print(
                        f"{question}, {name:8} --jobs {jobs}: {stage.kills} kills, {stage.ends} times to the end; "
                        f"{stage.equal} files equal, {stage.different} different",
                        flush=True,
                    )
                    total, different = total + stage.kills, different + stage.different
                shutil.rmtree(folder)
    print(f"{total} kills, {different} differences")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
