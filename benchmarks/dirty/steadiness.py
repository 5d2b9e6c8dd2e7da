"""How noisy is one judging seed, and what makes it less so?

    python benchmarks/dirty/steadiness.py --scores runs/dirty/digits-dirty

Trainings of the same seeds with everything and without what rolling scores call harmful, which `run.py` scored before.
FID on unseen images is taken at the end, as a mean over several ends of the same training, and of a generator that is
averaged over those ends; each for the average that the preset keeps. Compared are the standard deviations over seeds of
the value, of the paired change, and of a change of unpaired seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import numpy as np
import torch
from command_line import Table, parser

from dirty.judging import fresh
from dirty.scoring import scored
from dirty.sets import OF_THEMSELVES, SETS, DirtySet
from gansift import influence, training
from gansift.cleansing import mean_interval
from gansift.games import Trained
from gansift.training.state import readout

RESULTS = Path(__file__).parent / "results"
# Ends of a training, one every twentieth of it: means are taken over the last so many.
PARTS, ENDS = 20, (1, 2, 4, 8)


def main(arguments: list[str] | None = None) -> None:
    command = parser(__doc__, saves=False)
    command.add_argument("--set", default="digits-dirty", choices=OF_THEMSELVES)
    command.add_argument("--scores", type=Path, required=True, help="folder in which run.py kept the set's scores")
    command.add_argument("--scoring", type=int, default=4, help="seeds that were scored")
    command.add_argument("--judging", type=int, default=16, help="seeds that judge")
    command.add_argument("--share", type=float, default=0.1, help="share of the images that is removed")
    command.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    given = command.parse_args(arguments)
    torch.set_num_threads(1)
    data = SETS[given.set]({})
    looks = [scored(data, seed, given.scores / f"scored-{seed}", ()).looks for seed in range(given.scoring)]
    removed = set(influence.combine(looks).harmful(round(given.share * len(data.train))).ids)
    kept = torch.tensor([identity not in removed for identity in data.train.ids], dtype=torch.float32)
    weights = torch.stack([torch.ones_like(kept), kept])
    values = []
    for seed in range(300, 300 + given.judging):
        values.append([_judgements(data, ends) for ends in players_at_ends(fresh(data, seed), weights)])
        print(seed, np.round(values[-1], 2).tolist(), flush=True)
    report(np.array(values), given.out / f"steadiness-{given.set}.json")


def players_at_ends(run: training.Run, weights: torch.Tensor) -> list[list[Trained]]:
    """The players at the last ends of trainings with several weights, for each from the last end back.

    Args:
        run: that has not begun.
        weights: of the examples, shape (trainings, N); the trainings are stacked.
    """
    stride = run.steps // PARTS
    states = {
        player: {name: value.expand(len(weights), -1).clone() for name, value in slots.items()}
        for player, slots in run.state(0).items()
    }
    found: list[list[Trained]] = [[] for _ in weights]
    for number in range(run.steps):
        states = run.step(states, number, weights)
        left = run.steps - 1 - number
        if left % stride == 0 and left < max(ENDS) * stride:
            for row, own in enumerate(weights):
                parameters = {name: flat[row] for name, flat in readout(states).items()}
                found[row].insert(0, Trained(run.step.game, parameters, own))
    return found


def _judgements(data: DirtySet, ends: Sequence[Trained]) -> list[float]:
    """FID at each end, and then that of generators averaged over the last 1, 2, 4, 8 of them."""
    return [data.judged_on.value(one) for one in (*ends, *(averaged(ends[:count]) for count in ENDS))]


def averaged(players: Sequence[Trained]) -> Trained:
    """Players with the mean of several parameters."""
    names = players[0].parameters
    mean = {name: torch.stack([one.parameters[name] for one in players]).mean(dim=0) for name in names}
    return Trained(players[0].game, mean, players[0].weights)


def report(values: np.ndarray, out: Path) -> None:
    """Print and save what the values of shape (seeds, 2, judgements) say of each way of judging."""
    table = Table(
        {
            "judged by": "judged_by", "ends": "ends", "before": "before:.2f", "sd of a value": "sd_of_value:.2f",
            "change": "change:+.2f", "sd of a paired change": "sd_paired:.2f", "sd unpaired": "sd_unpaired:.2f",
        },
        out,
    )  # fmt: skip
    single, average = values[:, :, : max(ENDS)], values[:, :, max(ENDS) :]
    for judged_by in ("mean of the values", "value of the mean generator"):
        for row, count in enumerate(ENDS):
            of = single[:, :, :count].mean(axis=2) if judged_by.startswith("mean") else average[:, :, row]
            change = of[:, 1] - of[:, 0]
            table.add(
                {
                    "judged_by": judged_by,
                    "ends": count,
                    "seeds": len(of),
                    "before": float(of[:, 0].mean()),
                    "sd_of_value": float(of[:, 0].std(ddof=1)),
                    "change": mean_interval(change.tolist()),
                    "sd_paired": float(change.std(ddof=1)),
                    "sd_unpaired": float(np.sqrt(of.var(axis=0, ddof=1).sum())),
                }
            )


if __name__ == "__main__":
    main()
