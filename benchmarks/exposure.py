"""Can it be told without shadow models which training examples are most exposed?

    python benchmarks/exposure.py [--kinds classifier gan long-gan] [--seeds 3] [--retrainings 128] [--out FILE]

The truth is by how much training on an example raises its own score, the log-odds of its label or the discriminator's
logit: the mean over retrainings on random halves that have it less the mean over those that do not. Spearman's rank
correlation with it is told of self-influence over an epoch, a few epochs and the whole training; of the loss at the end
and its trace, which cost nothing; and of the truth by as many further retrainings, which no estimator can expect to
exceed by much. The classifier, a hidden layer of 32, learns 150 of scikit-learn's digits in 300 steps; the GAN is small
and learns 80 of them in 600, or for so long that its discriminator knows them by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from command_line import Table, parser
from scipy.stats import spearmanr
from torch import nn

from gansift import data, systems, training
from gansift.cleansing.halves import exposure_by_halves
from gansift.data import Examples, Splits
from gansift.games import Classifier
from gansift.influence.baselines.loss_trace import loss_trace
from gansift.influence.baselines.ranking import own_scores_of_run
from gansift.influence.baselines.self_influence import self_influence_horizons
from gansift.metrics.exposure import Exposure

HIDDEN = 32
# That of the system `classifier`.
OPTIMIZER = training.Adam(lr=0.003, betas=(0.5, 0.99), eps=1e-3, eps_inside=True)


@dataclass(frozen=True)
class Kind:
    """What is trained.

    Attributes:
        examples: digits to train on.
        steps: of the training.
        batch: digits in a step.
        few: steps of the horizon between an epoch and all.
    """

    examples: int
    steps: int
    batch: int
    few: int


KINDS = {
    "classifier": Kind(150, 300, 50, 100), "gan": Kind(80, 600, 20, 60), "long-gan": Kind(80, 6000, 20, 60),
}  # fmt: skip


def main() -> None:
    """A row for each kind and seed."""
    made = parser(__doc__)
    made.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--retrainings", type=int, default=128)
    asked = made.parse_args()
    table = Table(
        {
            "kind": "kind", "seed": "seed", "exposure": "exposure:.2f", "own score": "own:.2f",
            "self-influence, epoch": "epoch:.2f", "few epochs": "few:.2f", "whole": "whole:.2f",
            "loss at the end": "loss:.2f", "loss trace": "trace:.2f", "truth again": "again:.2f",
        },
        asked.out,
    )  # fmt: skip
    for name in asked.kinds:
        for seed in range(asked.seeds):
            table.add(_row(name, KINDS[name], seed, asked.retrainings))


def _row(name: str, kind: Kind, seed: int, retrainings: int) -> dict[str, object]:
    splits = split_digits(kind, seed)
    run = trained_classifier(kind, splits, seed) if name == "classifier" else _trained_gan(kind, splits, seed)
    truth, again = (exposure_by_halves(run, retrainings, halves) for halves in (0, 1))
    exposure = Exposure(splits.train, splits.valid)
    lengths = {"epoch": round(run.epoch), "few": kind.few, "whole": run.steps}
    swept = self_influence_horizons(run, exposure, set(lengths.values()))
    own = own_scores_of_run(run, run.trained())
    found = {key: swept[length].harm for key, length in lengths.items() if length in swept}
    found |= {"own": own, "loss": -own, "trace": loss_trace(run, exposure).harm, "again": again}
    return {"kind": name, "seed": seed, "exposure": exposure.value(run)} | {
        key: float(spearmanr(values, truth).statistic) for key, values in found.items()
    }


def split_digits(kind: Kind, seed: int) -> Splits:
    """So many digits to train on, and the usual ones held out, as rows of numbers."""
    digits = data.load("digits", seed=seed)
    parts = (digits.train.subset(range(kind.examples)), digits.valid, digits.test)
    return Splits("digits", *map(_flat, parts))


def _flat(part: Examples) -> Examples:
    assert part.labels is not None
    return Examples.of(part.x.flatten(1).numpy(), label=part.labels.numpy())


def trained_classifier(kind: Kind, splits: Splits, seed: int) -> training.Run:
    """A small network that learnt the digits by heart."""
    return training.train(
        classifier_game(seed), splits.train, optimizers=OPTIMIZER, steps=kind.steps, batch_size=kind.batch, seed=seed
    )


def classifier_game(seed: int) -> Classifier:
    """Its game."""
    torch.manual_seed(seed)
    return Classifier(nn.Sequential(nn.Linear(64, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 10)))


def _trained_gan(kind: Kind, splits: Splits, seed: int) -> training.Run:
    system = systems.build("gan", {"data": splits}, {"model": "mlp", "width": 32, "r1": 0.0})
    return training.train(
        system.new_game(seed), splits.train, optimizers=system.optimizers, steps=kind.steps, batch_size=kind.batch,
        seed=seed,
    )  # fmt: skip


if __name__ == "__main__":
    main()
