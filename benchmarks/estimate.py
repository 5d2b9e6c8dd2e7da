"""How right is `gansift estimate`? Estimates short runs, really does them, and prints estimate over measurement.

    python benchmarks/estimate.py [digits mnist normal-2d] [--jobs 1] [--out FILE]

Every verb is a process of its own; its children's memory is sampled and added up. Time is on the clock and by the
processor (`work` against user and system time), which on a shared machine is the fairer comparison of the two.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import command_line
from command_line import Table

# Next to nothing of gansift is imported, so that this process stays small beside what it measures.
WORKLOADS = {
    "digits": ["digits", "--steps", "240", "--seeds", "2", "--horizons", "1,5,all", "--verify", "10"],
    "mnist": ["mnist", "--steps", "60", "--seeds", "1", "--horizons", "0.1,0.2", "--remove", "2%", "--verify", "3",
              "--width", "8", "--baselines", "density"],
    "normal-2d": ["normal-2d", "--steps", "200", "--seeds", "2", "--horizons", "1,5", "--verify", "10"],
}  # fmt: skip


def measured(command: list[str]) -> dict[str, Any]:
    """Seconds, processor seconds and peak memory of `gansift` with these arguments, of all its processes together."""
    before, start = os.times(), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gansift.cli", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_resident(identity) for identity in _family(process.pid)))
        time.sleep(0.05)
    after = os.times()
    said = process.communicate()[0]
    if process.returncode not in (0, 3):
        raise SystemExit(f"gansift {' '.join(command)} ended with {process.returncode}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": time.monotonic() - start, "processor": processor, "memory": peak, "said": said}


def _family(identity: int) -> list[int]:
    try:
        children = Path(f"/proc/{identity}/task/{identity}/children").read_text().split()
    except OSError:
        return [identity]
    return [identity, *(one for child in children for one in _family(int(child)))]


def _resident(identity: int) -> int:
    try:
        return int(Path(f"/proc/{identity}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def compare(name: str, jobs: int, table: Table) -> None:
    """Estimate one workload, do it verb by verb, and add a row for each quantity."""
    flags = [*WORKLOADS[name], "--jobs", str(jobs)]
    found = measured(["estimate", *flags, "--json"])
    estimated = json.loads(found["said"])
    rows = {row["stage"]: row for row in (*estimated["stages"], estimated["total"])}
    print(f"{name}, {jobs} at a time (the estimate itself took {found['seconds']:.0f} s)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        directory = str(Path(folder) / "run")
        run = measured(["run", *flags, "--outdir", directory, "--quiet"])
        written = sum(path.stat().st_size for path in Path(directory).rglob("*") if path.is_file())
        times = [json.loads(path.read_text()) for path in Path(directory).glob("seeds/*/seconds.json")]
        report = json.loads((Path(directory) / "report.json").read_text())

    def add(what: str, estimate: float, measurement: float) -> None:
        ratio = estimate / measurement if measurement else None
        table.add(
            {"workload": name, "what": what, "estimated": estimate, "measured": measurement, "ratio": ratio}
        )  # fmt: skip

    for stage in ("train", "score", "cleanse", "verify"):
        add(f"{stage}, s", rows[stage]["seconds"], sum(of_seed[stage] for of_seed in times) / jobs)
    add("time, s", rows["total"]["seconds"], run["seconds"])
    add("work, s by the processor", rows["total"]["work"], run["processor"])
    add("memory, MiB", rows["total"]["memory"] / 2**20, run["memory"] / 2**20)
    add("disk, MiB", rows["total"]["disk"] / 2**20, written / 2**20)
    chosen = report["chosen"]
    print("chosen:", "nothing" if chosen is None else f"horizon {chosen['horizon']}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    columns = {"workload": "workload", "what": "what", "estimated": "estimated:.1f", "measured": "measured:.1f"}
    table = Table(columns | {"estimated/measured": "ratio:.2f"}, arguments.out)
    for name in arguments.workloads:
        compare(name, arguments.jobs, table)


if __name__ == "__main__":
    main()
