"""The same small grid in one process, in two, and on a Ray of this machine: wall time, and whether all bytes agree.

    python benchmarks/jobs.py [--source digits] [--ways "--jobs 1" "--jobs 2" "--cluster local"] [--out FILE]

A run without Ray leaves the cluster out with `--ways "--jobs 1" "--jobs 2"`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import command_line

_GRID = [
    "--for-this-model",
    "--steps", "300", "--seeds", "4", "--horizons", "1,2,5", "--remove", "2%,5%", "--latents", "500", "--width", "32",
]  # fmt: skip


def measure(source: str, way: str, folder: Path) -> tuple[float, str]:
    """Seconds of a run, and a hash of all that it computed."""
    command = [sys.executable, "-m", "gansift.cli", "run", source, "--outdir", str(folder), "--quiet", *_GRID]
    start = time.perf_counter()
    subprocess.run([*command, *way.split()], check=True, capture_output=True)
    return time.perf_counter() - start, _digest(folder)


def _digest(folder: Path) -> str:
    """Of every file but those that state times, the settings of the machine or who wrote last."""
    digest = hashlib.sha256()
    for part in ("seeds", "scores", "verify", "weights"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and path.name not in ("seconds.json", ".lock"):
                digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--source", default="digits")
    parser.add_argument("--ways", nargs="+", default=["--jobs 1", "--jobs 2", "--cluster local"])
    arguments = parser.parse_args()
    columns = {"way": "way", "seconds": "seconds:.1f", "digest": "digest:.12", "same bytes": "same"}
    table = command_line.Table(columns, arguments.out)
    for way in arguments.ways:
        with tempfile.TemporaryDirectory() as folder:
            seconds, digest = measure(arguments.source, way, Path(folder))
        first = table.rows[0]["digest"] if table.rows else digest
        table.add({"way": way, "seconds": seconds, "digest": digest, "same": digest == first})
    if not all(row["same"] for row in table.rows):
        raise SystemExit("the bytes differ")


if __name__ == "__main__":
    main()
