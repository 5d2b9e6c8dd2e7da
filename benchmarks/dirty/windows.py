"""Which windows, and how are they weighed? Lengths, spacing and weights of rolling scores on dirty data.

    python benchmarks/dirty/windows.py                    digits-dirty, four scored seeds, 16 judging seeds
    python benchmarks/dirty/windows.py mnist-dirty --scoring 2 --judging 0

Each layout of windows is scored on the same trainings and combined in each way of weighing. Compared are the AUC of
planted images, the reliability of the ranking, and the change of FID on unseen images of seeds from scratch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import numpy as np
import torch
from built_in import train
from command_line import Table, parser

from dirty.arms import EVERYTHING, Arm
from dirty.judging import judge
from dirty.sets import SETS, DirtySet
from dirty.summary import auc, change_of
from gansift import influence
from gansift.files import read_json
from gansift.influence import Looks
from gansift.influence.averaging import Weighing

RESULTS = Path(__file__).parent / "results"
WEIGHINGS = get_args(Weighing)


class Layout(NamedTuple):
    """Where windows lie, in parts of a run.

    Attributes:
        name: as the table says it.
        parts: into so many windows a run is cut.
        first: windows end after this part of the run or later, the first one excluded.
        length: of each window, in windows that lie one after the other.
    """

    name: str
    parts: int
    first: float
    length: float = 1.0

    def windows(self, steps: int) -> tuple[int, list[int]]:
        """Steps of a window, and where windows end."""
        stride = steps // self.parts
        horizon = max(1, round(stride * self.length))
        first = round(self.first * steps)
        return horizon, [end for end in range(steps, 0, -stride) if end - horizon >= max(0, first)]


# The first one, and the first way of weighing, are those of `influence.rolling` and `influence.combine`.
LAYOUTS = (
    Layout("a seventh of the run each", 7, 1 / 7),
    Layout("the same, and the first one", 7, 0.0),
    Layout("a fourteenth each", 14, 1 / 7),
    Layout("two sevenths each", 3, 1 / 7),
    Layout("a quarter of the steps: every seventh, a quarter as long", 7, 1 / 7, 0.25),
)


def main(arguments: list[str] | None = None) -> None:
    command = parser(__doc__, saves=False)
    command.add_argument(
        "set", nargs="?", default="digits-dirty", choices=[name for name in SETS if "fashion" not in name]
    )
    command.add_argument("--scoring", type=int, default=4, help="seeds that are scored")
    command.add_argument("--judging", type=int, default=16, help="seeds that judge")
    command.add_argument("--share", type=float, default=0.1, help="share of the images that is removed")
    command.add_argument("--work", type=Path, default=Path("runs/dirty"), help="folder of scores and judged trainings")
    command.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    given = command.parse_args(arguments)
    torch.set_num_threads(1)
    data = SETS[given.set]({})
    work = given.work / f"{given.set}-windows"
    of_seeds = [_looks(data, seed, work) for seed in range(given.scoring)]
    looks = {layout: [of_seed[layout] for of_seed in of_seeds] for layout in LAYOUTS}
    count = round(given.share * len(data.train))
    arms = [Arm(EVERYTHING, 0, ())]
    for layout in LAYOUTS:
        for weighing in WEIGHINGS:
            removed = influence.combine(looks[layout], weighing).harmful(count).ids
            arms.append(Arm(f"{layout.name}: {weighing}", given.scoring, removed))
    judged = {}
    for seed in range(200, 200 + given.judging):
        file = work / f"judged-{seed}.json"
        judge(data, seed, arms, file, print)
        judged[seed] = read_json(file)
    table = Table(
        {
            "windows": "windows", "weights": "weighing", "AUC, one seed": "auc_of_one:.3f", "AUC, all": "auc:.3f",
            "reliability": "reliability:.2f", "change": "shown:+.2f", "less the usual": "shown_less_usual:+.2f",
        },
        given.out / f"windows-{given.set}.json",
    )  # fmt: skip
    for layout in LAYOUTS:
        for weighing in WEIGHINGS:
            table.add(_row(data, looks[layout], layout, weighing, judged, given.scoring))


def _looks(data: DirtySet, seed: int, work: Path) -> dict[Layout, Looks]:
    """The looks of every layout at a scoring seed; kept, because sweeps take long."""
    work.mkdir(parents=True, exist_ok=True)
    files = {layout: work / f"{layout.parts}-{layout.first:.2f}-{layout.length:.2f}-{seed}.npz" for layout in LAYOUTS}
    run = None
    for layout, file in files.items():
        if not file.exists():
            run = run or train(data.place, seed)
            begun = time.monotonic()
            influence.rolling(run, data.scored_on, *layout.windows(run.steps)).save(file)
            print(f"{layout.name}, seed {seed}: {time.monotonic() - begun:.0f} s", flush=True)
    return {layout: Looks.read(file) for layout, file in files.items()}


def _row(
    data: DirtySet,
    looks: list[Looks],
    layout: Layout,
    weighing: Weighing,
    judged: Mapping[int, Mapping[str, Any]],
    seeds: int,
) -> dict[str, Any]:
    combined = influence.combine(looks, weighing)
    alone = [auc(influence.combine([one], weighing).harm, data.dirty) for one in looks]
    own, usual = (Arm(f"{of.name}: {by}", seeds, ()).key for of, by in ((layout, weighing), (LAYOUTS[0], WEIGHINGS[0])))
    change = change_of(judged, own, EVERYTHING)
    apart = None if own == usual else change_of(judged, own, usual)
    return {
        "windows": layout.name,
        "weighing": weighing,
        "horizon": layout.windows(data.place.config.steps)[0],
        "number": len(looks[0]),
        "auc_of_one": None if None in alone else float(np.mean(alone)),
        "auc": auc(combined.harm, data.dirty),
        "reliability": combined.reliability,
        "reliability_of_one": combined.reliability_of_one,
        "left_out": sum(len(one.left_out) for one in looks),
        "spreads": [one.values.std(axis=1).tolist() for one in looks],
        "change": change,
        "less_usual": apart,
        "shown_less_usual": None if apart is None else (apart["mean"], apart["ci95"]),
        "shown": None if change is None else (change["mean"], change["ci95"]),
    }


if __name__ == "__main__":
    main()
