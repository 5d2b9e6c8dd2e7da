"""The experiments of both papers on cleansing GANs, each by one command.

    python benchmarks/papers/run.py                                   every experiment, reduced to two cores
    python benchmarks/papers/run.py iclr-accuracy-mnist --jobs 2      one of them
    python benchmarks/papers/run.py --size paper --mnist mnist.npz    at the papers' sizes (weeks on two cores)
    python benchmarks/papers/run.py tnnls-fine-tune --fine-tuned RUN  pictures of a run of `gansift run`
    python benchmarks/papers/page.py runs/papers-reduced --page papers.md   the page about what was found

What is there already is not done again: of a stopped command, finished seeds are kept, and a seed that had not finished
keeps its training. Results are JSON files, one for each experiment and training seed. MNIST's first 10,000 images come
with gansift; all of it, and Fashion-MNIST, are read from an .npz with x_train, y_train, x_test and y_test, and nothing
is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `papers` and the measurements beside it

import command_line
import torch

from gansift.errors import GansiftError
from gansift.files import read_json, write_json
from papers import accuracy, cleansing, fine_tune
from papers.settings import PAPER, SIZES, Accuracy, setting
from papers.trainings import Prepared, prepare

FINE_TUNE = "tnnls-fine-tune"
EXPERIMENTS = (*PAPER, FINE_TUNE)


class Job(NamedTuple):
    """One seed of one experiment.

    Attributes:
        experiment: its name.
        size: of `SIZES`.
        seed: of the training.
        out: folder of all results.
        files: data that do not come with gansift, by source.
    """

    experiment: str
    size: str
    seed: int
    out: Path
    files: tuple[tuple[str, Path], ...]

    @property
    def result(self) -> Path:
        """The file that holds its result."""
        return self.out / self.experiment / f"seed-{self.seed}.json"

    @property
    def recorded(self) -> Path:
        """The folder of its recorded training, beside the results; another one for other settings."""
        settings = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:8]
        return self.out.with_name(f"{self.out.name}-runs") / self.experiment / f"seed-{self.seed}-{settings}"

    @property
    def settings(self) -> dict[str, Any]:
        """Of its training, as the result holds them."""
        return setting(self.experiment, self.size).as_json()

    def is_done(self) -> bool:
        """Whether its result is there, made with these settings."""
        return self.result.exists() and read_json(self.result)["settings"] == self.settings


def do(job: Job) -> str:
    """Run a job and write its result; returns a line about it."""
    torch.set_num_threads(1)
    start, chosen = time.monotonic(), setting(job.experiment, job.size)
    folder = job.result.parent
    folder.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(f"{job.experiment} seed {job.seed}, {time.monotonic() - start:.0f} s: {text}", flush=True)

    prepared = _prepared(job.experiment, job.size, job.files)
    if isinstance(chosen, Accuracy):
        found = accuracy.measure(prepared, job.seed, job.recorded, say)
    else:
        shown = folder / f"seed-{job.seed}-samples.png" if job.seed == chosen.seeds[0] else None
        found = cleansing.measure(prepared, job.seed, job.recorded, say, shown)
    head = {"experiment": job.experiment, "seed": job.seed, "size": job.size, "settings": job.settings}
    write_json(job.result, head | {"seconds": round(time.monotonic() - start), "processor": "cpu"} | rounded(found))
    return f"{job.experiment} seed {job.seed}: done in {time.monotonic() - start:.0f} s"


@lru_cache(maxsize=1)
def _prepared(experiment: str, size: str, files: tuple[tuple[str, Path], ...]) -> Prepared:
    """Data and metrics, once for all seeds of an experiment that a process does."""
    return prepare(setting(experiment, size), dict(files))


def rounded(value: Any) -> Any:
    """The same with six digits of every float, which is more than any number here is known to."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def main(arguments: list[str] | None = None) -> int:
    """Do what is not done yet; returns the exit code."""
    parser = command_line.parser(__doc__, saves=False)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"{', '.join(EXPERIMENTS)}; default all")
    parser.add_argument("--size", choices=SIZES, default="reduced")
    parser.add_argument("--out", type=Path, help="folder of the results; default runs/papers-SIZE")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at the same time")
    parser.add_argument("--seeds", type=int, help="so many of the paper's seeds; default as many as the size has")
    parser.add_argument("--mnist", type=Path, help="all of MNIST, .npz, for --size paper")
    parser.add_argument("--fashion", type=Path, help="Fashion-MNIST, .npz")
    parser.add_argument("--fine-tuned", type=Path, help=f"run directory that {FINE_TUNE} draws")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.experiments if name not in EXPERIMENTS]
    if unknown:
        parser.error(f"there is no experiment {unknown[0]!r}; choose from {', '.join(EXPERIMENTS)}")
    wanted = given.experiments or EXPERIMENTS
    given.out = given.out or Path(f"runs/papers-{given.size}")
    files = {name: path for name, path in (("mnist", given.mnist), ("fashion", given.fashion)) if path is not None}
    if given.size != "paper" and files.pop("mnist", None):  # so that everybody's results are of the same images
        print(f"--mnist is left aside: --size {given.size} takes the images that come with gansift")
    if given.fine_tuned is not None and not given.fine_tuned.is_dir():
        parser.error(f"--fine-tuned: there is no run directory {given.fine_tuned}")
    try:
        return _do_all(_jobs(wanted, given, files), given.jobs) + _pictures(wanted, given)
    except GansiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _jobs(wanted: list[str] | tuple[str, ...], given: argparse.Namespace, files: dict[str, Path]) -> list[Job]:
    """What is to be done and can be, in the order of the experiments."""
    jobs = []
    for experiment in wanted:
        if experiment == FINE_TUNE:
            continue
        chosen = setting(experiment, given.size)
        comes_along = chosen.source.startswith("normal") or (chosen.source == "mnist" and given.size != "paper")
        if not comes_along and chosen.source not in files:
            print(f"{experiment}: left out, it needs --{chosen.source} FILE")
            continue
        seeds = chosen.seeds if given.seeds is None else PAPER[experiment].seeds[: given.seeds]
        jobs += [Job(experiment, given.size, seed, given.out, tuple(files.items())) for seed in seeds]
    return jobs


def _do_all(jobs: list[Job], count: int) -> int:
    left = [job for job in jobs if not job.is_done()]
    print(f"{len(jobs) - len(left)} of {len(jobs)} jobs are done already", flush=True)
    failed = 0
    with ProcessPoolExecutor(max(1, count), multiprocessing.get_context("spawn")) as pool:
        started = {pool.submit(do, job): job for job in left}
        for number, future in enumerate(as_completed(started), 1):
            job = started[future]
            try:
                text = future.result()
            except Exception as error:
                failed = 1
                text = f"{job.experiment} seed {job.seed} failed: {type(error).__name__}: {error}"
            print(f"[{number} of {len(left)}] {text}", flush=True)
    return failed


def _pictures(wanted: list[str] | tuple[str, ...], given: argparse.Namespace) -> int:
    if FINE_TUNE not in wanted:
        return 0
    if given.fine_tuned is None:
        print(f"{FINE_TUNE}: left out, it needs --fine-tuned RUN (see examples/fine_tune_emoji.sh)")
        return 0
    fine_tune.draw(given.fine_tuned, given.out / FINE_TUNE, given.size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
