"""gansift beside its peers on the same work: sets up their environments, runs everything, writes docs/peers.md.

    python3 benchmarks/peers/run.py            # about half an hour on one core
    python3 benchmarks/peers/run.py --smoke    # one seed, 80 steps, 64 examples: two minutes; prints only

Needs nothing but Python with venv and a package index; peers live in virtual environments of their own and exchange
plain files with gansift: arrays (.npz) in, score files (.csv in gansift's columns) out. What cannot be installed or
breaks down is named in the page with its reason.

Part G: two players. True leave-one-out retrainings of a small GAN judge all scores. Part S: one player, where exact
peers exist, for agreement and cost.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TORCH = "torch==2.13.0"
# Drawn in by some peers; their builds do not load beside a CPU torch and take the peer down with them.
UNWANTED = ("torchvision", "torchaudio")
PEERS = {  # script -> (environment, package)
    "with_captum": ("a", "captum"),
    "with_dattri": ("a", "dattri"),
    "with_trak": ("a", "TRAK"),
    "with_kronfluence": ("a", "kronfluence"),
    "with_pydvl": ("b", "pyDVL"),
}
ONE_PLAYER = ("gansift", "gansift-on-disk", "torchopt", "bergson", "higher")


class NotDoneError(Exception):
    """A subprocess did not do its work; says why in a line."""


def environment(folder: Path, name: str) -> Path:
    """The interpreter of an environment, made first if its requirements are new.

    Raises:
        NotDoneError: if it cannot be installed, with the installer's last error.
    """
    wanted = (HERE / f"requirements-{name}.txt").read_text()
    home, done = folder / name, folder / name / "requirements.txt"
    python = home / "bin" / "python"
    if done.exists() and done.read_text() == wanted:
        return python
    print(f"setting up environment {name} in {home}", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    called([sys.executable, "-m", "venv", str(home)], folder / f"{name}-install.log")
    constraint = home / "constraint.txt"
    constraint.write_text(f"{TORCH}\n")
    pip = [str(python), "-m", "pip"]
    log = folder / f"{name}-install.log"
    called([*pip, "install", "-c", str(constraint), "-r", str(HERE / f"requirements-{name}.txt")], log)
    called([*pip, "uninstall", "-y", *UNWANTED], log)
    done.write_text(wanted)
    return python


def called(command: list[str], log: Path, timeout: float | None = None) -> str:
    """Run a command with one thread and gansift's sources on its path; its standard output.

    Raises:
        NotDoneError: with the last line of its error output, which the log holds in full.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "TQDM_DISABLE": "1"}
    with open(log, "a", encoding="utf-8") as errors:
        errors.write(f"$ {' '.join(command)}\n")
        errors.flush()
        try:
            found = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=surroundings, timeout=timeout
            )
        except subprocess.TimeoutExpired as error:
            raise NotDoneError(f"not done after {timeout:.0f} s") from error
        errors.write(found.stdout)
    if found.returncode:
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        raise NotDoneError(f"{lines[-1].strip()[:200]} (exit code {found.returncode}; see {log.name})")
    return found.stdout


def two_players(pythons: dict[str, Path], missing: dict[str, str], work: Path, size: argparse.Namespace) -> list[Any]:
    """Part G: one summary for each seed. What peers could not do is added to ``missing``."""
    shutil.rmtree(work, ignore_errors=True)
    sizes = ["--steps", str(size.steps), "--examples", str(size.examples)]

    def script(environment: str, name: str, *arguments: str) -> None:
        command = [str(pythons[environment]), str(HERE / f"{name}.py"), str(work), *arguments]
        print(called(command, work / f"{name}.log", timeout=3600), end="", flush=True)

    script("a", "two_player_truth", "--seeds", str(size.seeds), *sizes)
    for name, (environment, package) in PEERS.items():
        if environment in pythons:
            try:
                script(environment, name)
                continue
            except NotDoneError as error:
                reason = str(error)
        else:
            reason = missing[f"environment {environment}"]
        missing[package] = reason
        print(f"{package}: {reason}", flush=True)
    script("a", "two_player_tables", *sizes)
    return [json.loads(path.read_text()) for path in sorted(work.glob("seed-*/judged.json"))]


def one_player(python: Path, work: Path, lengths: list[int], repeats: int, alone: bool) -> dict[str, Any]:
    """Part S: by number of steps, all methods in one process, and each alone for its own peak memory."""

    def rows(steps: int, times: int, *methods: str) -> list[dict[str, Any]]:
        command = [str(python), str(HERE / "one_player.py"), "--steps", str(steps), "--repeats", str(times), *methods]
        return json.loads(called(command, work / "one_player.log", timeout=3600).splitlines()[-1])

    found: dict[str, Any] = {}
    for steps in lengths:
        together = rows(steps, repeats if steps < 3000 else 1, *ONE_PLAYER)
        print(f"part S, {steps} steps: done in one process", flush=True)
        separate = [rows(steps, 1, method)[0] for method in ONE_PLAYER] if alone else []
        found[str(steps)] = {"together": together, "alone": separate}
    return found


def main() -> None:
    """Do all parts, print the tables, and write the results and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=Path, default=ROOT / "runs" / "peers" / "envs", help="virtual environments")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "peers" / "work", help="files in between")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--lengths", type=int, nargs="+", default=[240, 960, 3840], help="steps of part S")
    parser.add_argument("--smoke", action="store_true", help="one seed, 80 steps, 64 examples; writes no page")
    parser.add_argument("--parts", default="SG", choices=["SG", "S", "G"], help="what to run; the rest is as saved")
    parser.add_argument("--page-only", action="store_true", help="write the page again from the saved results")
    arguments = parser.parse_args()
    saved = HERE / "results.json"
    if arguments.page_only:
        text = page.page(json.loads(saved.read_text()))
        (ROOT / "docs" / "peers.md").write_text(text)
        return
    if arguments.smoke:
        arguments.seeds, arguments.steps, arguments.examples, arguments.lengths = 1, 80, 64, [80]
        saved = arguments.work / "results-smoke.json"
    pythons, missing = {}, {}
    for name in "ab":
        try:
            pythons[name] = environment(arguments.envs.absolute(), name)
        except NotDoneError as error:
            missing[f"environment {name}"] = str(error)
    if "a" not in pythons:
        raise SystemExit(f"environment a, which gansift itself runs in, failed: {missing['environment a']}")
    work = arguments.work.absolute()
    results: dict[str, Any] = {} if arguments.parts == "SG" else json.loads(saved.read_text())
    results |= {"python": platform.python_version(), "torch": TORCH, "cores": os.cpu_count()}
    try:
        if "S" in arguments.parts:
            repeats, alone = (1, False) if arguments.smoke else (3, True)
            results["one_player"] = one_player(pythons["a"], work, arguments.lengths, repeats, alone)
        if "G" in arguments.parts:
            results["setting"] = {name: getattr(arguments, name) for name in ("seeds", "steps", "examples")}
            results["two_players"] = two_players(pythons, missing, work / "two-players", arguments)
            results["missing"] = missing
    except NotDoneError as error:
        raise SystemExit(str(error)) from error
    saved.parent.mkdir(parents=True, exist_ok=True)
    saved.write_text(json.dumps(results, indent=1) + "\n")
    print(page.tables(results))
    if not arguments.smoke:
        (ROOT / "docs" / "peers.md").write_text(page.page(results))


if __name__ == "__main__":
    main()
