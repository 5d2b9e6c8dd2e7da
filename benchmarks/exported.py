"""Does a folder that a run exported keep the gain, for whoever trains on it anew? Prints a table and the change.

    python benchmarks/exported.py SOURCE FOLDER [--trainer plain] [--seeds 8] [--out results.json]

FOLDER is what `gansift export RUN FOLDER` wrote for a run on SOURCE. The preset is trained on both with seeds that the
run did not have; or, with ``--trainer plain``, the 8x8 GAN of `examples/plain_gan.py`, which knows nothing of gansift.
All are judged by the test metric of SOURCE; fewer images give other batches, so that a seed says little by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import built_in
import torch
from command_line import Table, parser

from gansift import training
from gansift.cleansing import mean_interval
from gansift.workflow.place import Place

# Further than any seed of a run.
_FIRST = 3000
_SAMPLES = 2000


def preset(place: Place, seeds: range) -> list[Any]:
    """The built-in GANs of these seeds, as `gansift run` would train them; None where a training broke down."""
    settings = place.training | {"steps": place.config.steps}
    return list(training.players_of_seeds(place.game, place.data.only.train, seeds, **settings))


def plain(place: Place, seeds: range) -> list[Any]:
    """Samples of the plain script of each seed, trained for as many steps as the preset."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
    import plain_gan

    samples = []
    for seed in seeds:
        torch.manual_seed(seed)
        generator = plain_gan.train(place.data.only.train.x, place.config.steps)
        with torch.no_grad():
            samples.append(generator(torch.randn(_SAMPLES, 16)))
    return samples


_TRAINERS = {"preset": preset, "plain": plain}


def main() -> None:
    """Train on both, a row for each seed."""
    arguments = _arguments()
    everything, exported = built_in.place(arguments.source), built_in.place(arguments.folder)
    judge, trained = everything.test, _TRAINERS[arguments.trainer]
    table = Table({"seed": "seed", "everything": "before:.2f", "exported": "after:.2f"}, arguments.out)
    seeds = range(_FIRST, _FIRST + arguments.seeds)
    pairs = zip(*(trained(place, seeds) for place in (everything, exported)), strict=True)
    for seed, pair in zip(seeds, pairs, strict=True):
        if any(one is None for one in pair):
            print(f"seed {seed} broke down and is left out")
            continue
        before, after = map(judge.value, pair)
        table.add({"seed": seed, "before": before, "after": after})
    change = mean_interval([row["after"] - row["before"] for row in table.rows])
    ends = "" if change.ci95 is None else f" [{change.ci95[0]:+.2f}, {change.ci95[1]:+.2f}]"
    print(f"{judge.name}: {change.mean:+.2f}{ends}")


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source")
    made.add_argument("folder")
    made.add_argument("--trainer", choices=sorted(_TRAINERS), default="preset")
    made.add_argument("--seeds", type=int, default=8)
    return made.parse_args()


if __name__ == "__main__":
    main()
