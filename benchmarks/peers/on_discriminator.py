"""What every peer is given, and the score file that it gives back. Needs numpy and torch, nothing of gansift.

The peers explain one model with one loss, so they get the discriminator: training examples with the label "real", and
as query the non-saturating generator loss over generated samples that stay fixed. Both are softplus(-D(x)), the binary
cross-entropy with the label 1. A peer's own number is oriented so that it reads "the query loss rises if this example
is removed"; a rise is then taken to say that the metric gets worse.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import plain
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

COLUMNS = ("id", "score", "score_se", "rank", "metric", "direction", "estimator", "horizon", "steps", "removal", "run")
# For methods without a damping of their own: of TRAK's kernel relative to its mean eigenvalue, and of a Hessian,
# whose eigenvalues here go from about -0.6 to 0.8, a weak one and one that makes it positive definite.
RELATIVE_DAMPING = 0.01
DAMPINGS = (0.01, 1.0)


@dataclass
class Task:
    """One seed's discriminator and data, in float32.

    Attributes:
        x: training examples, (N, 2).
        fakes: the query points, (M, 2).
        checkpoints: flat parameters on the way, the last ones those at the end.
        lr: learning rate.
        steps: steps of the run.
    """

    x: Tensor
    fakes: Tensor
    checkpoints: np.ndarray
    lr: float
    steps: int

    @classmethod
    def read(cls, folder: Path) -> Task:
        """From ``task.npz``."""
        arrays = np.load(folder / "task.npz")
        x, fakes = (torch.tensor(arrays[name], dtype=torch.float32) for name in ("x", "fakes"))
        return cls(x, fakes, arrays["checkpoints"], float(arrays["lr"]), len(arrays["rows"]))

    def model(self, checkpoint: int = -1) -> nn.Module:
        """The discriminator at a checkpoint: (B, 2) to logits (B, 1)."""
        return plain.network(2, 1, self.checkpoints[checkpoint], dtype=torch.float32)

    def states(self) -> list[dict[str, Tensor]]:
        """State dictionaries of all checkpoints."""
        return [self.model(number).state_dict() for number in range(len(self.checkpoints))]

    def labelled(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Points and their label, "real"."""
        return x, torch.ones(len(x), 1)


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """One loss for each example, (B,)."""
    return binary_cross_entropy_with_logits(logits.reshape(-1), labels.reshape(-1), reduction="none")


def mean_eigenvalue(task: Task, checkpoint: int = -1) -> float:
    """Mean over parameters of the sum over examples of squared logit gradients: the scale of TRAK's kernel."""
    model = task.model(checkpoint)
    parameters = dict(model.named_parameters())

    def logit(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(model, parameters, (x[None],)).squeeze()

    gradients = torch.vmap(torch.func.grad(logit), in_dims=(None, 0))(parameters, task.x)
    total = sum(float(part.detach().square().sum()) for part in gradients.values())
    return total / sum(part.numel() for part in parameters.values())


def write(folder: Path, about: dict[str, object], values: Tensor, steps: int) -> None:
    """The score file in gansift's columns, and beside it what it is.

    Raises:
        ValueError: if the scores are not one finite number for each example.
    """
    scores = np.asarray(values.detach().cpu(), dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"scores of shape {scores.shape}, or some that are not finite")
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1
    common = ("generator-loss", "lower", about["name"], steps, steps, "fixed-denominator", "memory")
    with open(folder / f"{_stem(about)}.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row, score in enumerate(scores):
            table.writerow((f"{row:03d}", repr(float(score)), "", ranks[row], *common))
    describe(folder, about)


def describe(folder: Path, about: dict[str, object]) -> None:
    """Write what a score file is, or why there is none."""
    (folder / f"{_stem(about)}.json").write_text(json.dumps(about, indent=2))


def _stem(about: dict[str, object]) -> str:
    return str(about["name"]).replace(" ", "-")


Peer = Callable[[Task], tuple[Tensor, str]]


def main(package: str, peers: dict[str, tuple[str, Peer]]) -> None:
    """Run peers on every seed.

    Args:
        package: distribution that they come from.
        peers: name -> (how its number is read, function from the task to scores and a word on its settings).
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    torch.set_num_threads(1)
    for folder in sorted(parser.parse_args().folder.glob("seed-*")):
        task = Task.read(folder)
        for name, (read, peer) in peers.items():
            about: dict[str, object] = {"name": name, "package": package, "version": version(package), "read": read}
            torch.manual_seed(0)
            start = time.perf_counter()
            try:
                values, settings = peer(task)
                about |= {"settings": settings, "seconds": time.perf_counter() - start}
                write(folder / "scores", about, values, task.steps)
            except Exception as error:
                traceback.print_exc()
                describe(folder / "scores", about | {"failed": f"{type(error).__name__}: {error}"})
            print(f"{folder.name}: {name} in {time.perf_counter() - start:.1f} s", flush=True)
