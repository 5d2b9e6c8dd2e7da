"""A run on a disk that is full at ever later moments, and on one that cannot be written to: what is said, what is left?

    python benchmarks/full_disk.py [--disks 12]

As root on Linux: mounts disks in memory, each a little larger than the one before, up to what the run takes. On each
the run has to end with an error, the name of the file and what to do, and without leftovers; given more room, the same
command has to end with the bytes of a run that nobody disturbed. Then every verb is given on a finished run on a
disk that is mounted read-only, where what only reads has to work, and everything else has to say so. Exit code 1 if
anything is otherwise.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import command_line
from kills import RUNS, SOURCE, Done, do, results

# What reads a run without writing anything into it.
_ONLY_READS = ("evaluate", "export")
COLUMNS = {
    "question": "question",
    "disk": "disk",
    "verb": "verb",
    "code": "code",
    "said": "said",
    "as it has to be": "good",
}


@contextmanager
def disk(place: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "disk", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def remount(place: Path, options: str) -> None:
    """Change a disk that is mounted."""
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def said(done: Done) -> str:
    """The last line, without what differs from disk to disk."""
    return (done.said.strip().splitlines() or [""])[-1][:150]


def full(question: str, whole: Path, size: int, place: Path) -> dict[str, object]:
    """A run on a disk of so many bytes, and again with more room."""
    with disk(place, size):
        command = ["run", SOURCE, "--outdir", str(place / "run"), *RUNS[question], "--jobs", "1"]
        done = do(command)
        left = list(place.rglob("*.tmp"))
        remount(place, "size=1g")
        again = do(command)
        told = "Free some space" in done.said or " of disk, and " in done.said  # before anything is written
        good = done.code in (1, 2) and "Traceback" not in done.said and told and not left
        good &= again.code == 0 and results(place / "run") == results(whole)
    row = {"question": question, "disk": f"{size / 1024:.0f} KiB", "verb": "run", "code": done.code}
    return row | {"said": said(done), "good": good}


def read_only(question: str, whole: Path, place: Path) -> Iterator[dict[str, object]]:
    """Every verb on a finished run that cannot be written to."""
    with disk(place, 2**30):
        run = shutil.copytree(whole, place / "run")
        remount(place, "ro")
        verbs = {
            "run": ["run", SOURCE, "--outdir", str(run), *RUNS[question]],
            **{verb: [verb, str(run)] for verb in ("score", "cleanse", "verify", "evaluate", "report")},
            "audit": ["audit", "copies", str(run)],
            "export": ["export", str(run), str(place.with_suffix(".lists")), "--format", "lists"],
        }
        for verb, command in verbs.items():
            done = do(command)
            good = "Traceback" not in done.said
            good &= done.code == (0 if verb in _ONLY_READS else 1)
            row = {"question": question, "disk": "read-only", "verb": verb, "code": done.code}
            yield row | {"said": said(done), "good": good}
        shutil.rmtree(place.with_suffix(".lists"))


def main() -> None:
    """Fill, look, print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--disks", type=int, default=12)
    given = parser.parse_args()
    table = command_line.Table(COLUMNS, given.out)
    with tempfile.TemporaryDirectory() as scratch:
        for question, flags in RUNS.items():
            whole, place = Path(scratch) / f"whole {question}", Path(scratch) / "disk"
            if (done := do(["run", SOURCE, "--outdir", str(whole), *flags, "--jobs", "1"])).code != 0:
                raise SystemExit(done.said)
            # A disk has whole blocks, and each folder one.
            blocks = sum(4096 * -(-path.stat().st_size // 4096) if path.is_file() else 0 for path in whole.rglob("*"))
            for number in range(1, given.disks + 1):
                table.add(
                    full(question, whole, max(4096, 4096 * (number * blocks // (given.disks + 1) // 4096)), place)
                )
            for row in read_only(question, whole, place):
                table.add(row)
    raise SystemExit(0 if all(row["good"] for row in table.rows) else 1)


if __name__ == "__main__":
    main()
