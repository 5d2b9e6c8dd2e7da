"""TRAK (the package traker): its facade with an output class of two methods, on the discriminator."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable

import torch
from on_discriminator import RELATIVE_DAMPING, Task, main, mean_eigenvalue
from torch import Tensor, nn
from trak import TRAKer
from trak.modelout_functions import AbstractModelOutput

READ = "as given: positive raises the discriminator's logit of the query, weighted to the query loss; removal raises it"


class Logit(AbstractModelOutput):
    """The discriminator's logit, of which the loss is softplus(-logit)."""

    def __init__(self) -> None:
        """Nothing to keep."""

    @staticmethod
    def get_output(model: nn.Module, weights: dict, buffers: dict, x: Tensor, label: Tensor) -> Tensor:
        """Of one example."""
        return torch.func.functional_call(model, (weights, buffers), x[None]).squeeze()

    def get_out_to_loss_grad(self, model: nn.Module, weights: dict, buffers: dict, batch: Iterable[Tensor]) -> Tensor:
        """1 - p, (B, 1)."""
        x, _ = batch
        return torch.sigmoid(-torch.func.functional_call(model, (weights, buffers), x)).detach().reshape(-1, 1)


def trak(task: Task) -> tuple[Tensor, str]:
    """TRAK over all checkpoints."""
    size, states = len(task.x) // 4, task.states()
    kernel = RELATIVE_DAMPING * mean_eigenvalue(task)
    with tempfile.TemporaryDirectory() as folder:
        peer = TRAKer(
            model=task.model(),
            task=Logit(),
            train_set_size=len(task.x),
            save_dir=folder,
            device="cpu",
            proj_dim=size,
            use_half_precision=False,
            lambda_reg=kernel,
            logging_level=logging.WARNING,
        )
        for number, state in enumerate(states):
            peer.load_checkpoint(state, model_id=number)
            peer.featurize(batch=task.labelled(task.x), num_samples=len(task.x))
        peer.finalize_features()
        for number, state in enumerate(states):
            peer.start_scoring_checkpoint("query", state, model_id=number, num_targets=len(task.fakes))
            peer.score(batch=task.labelled(task.fakes), num_samples=len(task.fakes))
        scores = torch.tensor(peer.finalize_scores("query"))
    with torch.no_grad():
        steepness = torch.sigmoid(-task.model()(task.fakes)).reshape(-1)
    settings = f"{len(states)} checkpoints, {size} dimensions, damping {RELATIVE_DAMPING} of the mean eigenvalue"
    return scores @ steepness, settings


if __name__ == "__main__":
    main("traker", {"TRAK": (READ, trak)})
