"""Does a run promise a gain where nothing is wrong? Whole runs on clean digits, each split anew; a row for each.

    python benchmarks/clean.py [--runs 20] [--first 0] [--jobs 2] [--out benchmarks/results/clean.json]

Each run is `gansift run digits --split-seed N --baselines none` with all else as it is: four scored trainings, four
fresh ones that choose and sixteen that judge. Runs with other splits share images and training seeds, so they are not
quite independent. What is there already of `runs/clean` is not done again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from command_line import Table, parser


def main() -> None:
    """Run, and count what was said."""
    made = parser(__doc__)
    made.add_argument("--runs", type=int, default=20)
    made.add_argument("--first", type=int, default=0, help="the first split seed")
    made.add_argument("--jobs", default="2")
    arguments = made.parse_args()
    columns = {
        "split": "split", "removed": "removed", "change": "change:+.2f", "less random": "less:+.2f", "said": "said",
    }  # fmt: skip
    table = Table(columns, arguments.out)
    for seed in range(arguments.first, arguments.first + arguments.runs):
        table.add({"split": seed, **_found(seed, arguments.jobs)})
    said = [row["said"] for row in table.rows]
    print(", ".join(f"{kind} {said.count(kind)}" for kind in ("better", "unproven", "worse", "nothing to remove")))


def _found(seed: int, jobs: str) -> dict[str, Any]:
    """What one run found."""
    folder = f"runs/clean/{seed}"
    options = ["--split-seed", str(seed), "--baselines", "none", "--jobs", jobs, "--outdir", folder, "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "gansift.cli", "run", "digits", *options, "--json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)["new_models"]
    change, difference = found["change"], found["difference"]
    return {
        "removed": found["removed"],
        "change": None if change is None else (change, found["ci95"]),
        "less": None if difference is None else (difference, found["difference_ci95"]),
        "said": found["finding"] or "nothing to remove",
    }


if __name__ == "__main__":
    main()
