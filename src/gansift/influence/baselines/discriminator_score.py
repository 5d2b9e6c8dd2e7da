"""The discriminator's opinion: what users try first, ranking real examples by its logit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.influence.baselines.ranking import (
    batch_of,
    check_discriminator,
    check_finite,
    chunk_size,
    only_data_set,
    present,
    ranked,
)
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric, in_chunks
from gansift.training.state import PARAMETERS
from gansift.training.trajectory import Run


def discriminator_score(
    run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
) -> Scores:
    """Rank examples by how little the trained discriminator takes them for real.

    Its logit is that of the game's `confidence` where it has one. Scores are logits, at the last parameters, below that
    of the example which looks most real; they do not predict the metric. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, the game has several data sets or no discriminator, or the
            discriminator does not give one logit for an example alone.
        GansiftError: if a logit is NaN or infinite.
    """
    name = "discriminator-score"
    check_discriminator(run, name)
    data_set = only_data_set(run, name)
    last = {player: slots[PARAMETERS] for player, slots in run.state(run.steps).items()}
    game, net = run.step.game, run.step.net(last)

    def logits(rows: Tensor) -> Tensor:
        if game.offers("confidence"):
            return game.confidence(net, batch_of(run, data_set, rows))
        return net.discriminator(run.step.x[data_set][rows])

    rows = torch.arange(len(run.ids), device=run.step.x[data_set].device)
    found = check_finite(in_chunks(_checked(name, logits), rows, chunk_size(metric)), name, "logits")
    return ranked(run, metric, horizon, name, -found.cpu()[present(run)])


def _checked(name: str, logits: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The same logits of rows (B,), refused where they are not one for each."""

    def checked(rows: Tensor) -> Tensor:
        try:
            found = logits(rows)
        except Exception as error:
            raise UsageError(
                f"{name} needs a discriminator that takes examples alone, or a game that says how sure it is of them "
                f"(confidence), and this one failed: {error}. Use another estimator."
            ) from error
        if found.shape != (len(rows),):
            raise UsageError(f"{name} needs one logit per example, shape ({len(rows)},), not {tuple(found.shape)}")
        return found

    return checked


ESTIMATOR = Estimator("discriminator-score", discriminator_score, label="discriminator's score", ranks_only=True)
