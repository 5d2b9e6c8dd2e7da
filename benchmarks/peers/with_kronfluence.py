"""kronfluence: EK-FAC through its analyzer, on the discriminator."""

from __future__ import annotations

import tempfile

import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task as KronfluenceTask
from on_discriminator import Task, losses, main
from torch import Tensor, nn
from torch.utils.data import TensorDataset

READ = "as given: positive if removal raises the measurement, here the query loss"


class RealOrNot(KronfluenceTask):
    """Loss on training examples and measurement on queries: the same cross-entropy."""

    def compute_train_loss(self, batch: tuple[Tensor, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
        """Summed; for the Fisher matrix with labels drawn from the model."""
        logits = model(batch[0])
        labels = torch.bernoulli(torch.sigmoid(logits.detach())) if sample else batch[1]
        return losses(logits, labels).sum()

    def compute_measurement(self, batch: tuple[Tensor, Tensor], model: nn.Module) -> Tensor:
        """Summed query loss."""
        return losses(model(batch[0]), batch[1]).sum()


def ekfac(task: Task) -> tuple[Tensor, str]:
    """Pairwise scores with the queries' gradients summed."""
    own = RealOrNot()
    model = prepare_model(task.model(), own)
    train, query = (TensorDataset(*task.labelled(x)) for x in (task.x, task.fakes))
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer("peers", model, own, cpu=True, disable_tqdm=True, output_dir=folder)
        analyzer.fit_all_factors("ekfac", train, len(train), factor_args=FactorArguments(strategy="ekfac"))
        analyzer.compute_pairwise_scores(
            "scores", "ekfac", query, train, len(query), len(train),
            score_args=ScoreArguments(damping_factor=None, aggregate_query_gradients=True),
        )  # fmt: skip
        scores = analyzer.load_pairwise_scores("scores")["all_modules"]
    return scores.sum(0), "sampled Fisher, its own damping heuristic (0.1 of the mean eigenvalue)"


if __name__ == "__main__":
    main("kronfluence", {"kronfluence EK-FAC": (READ, ekfac)})
