"""The discriminator's opinion: what users try first, ranking real examples by its logit."""

from __future__ import annotations

from torch import Tensor

from gansift.errors import UsageError
from gansift.influence.baselines.ranking import (
    check_discriminator,
    check_finite,
    chunk_size,
    only_data_set,
    present,
    ranked,
)
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric, in_chunks
from gansift.training.state import PARAMETERS
from gansift.training.trajectory import Run


def discriminator_score(
    run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
) -> Scores:
    """Rank examples by how little the trained discriminator takes them for real.

    Scores are logits, at the last parameters, below that of the example which looks most real; they do not predict
    the metric. Called like every estimator (`gansift.influence.estimators.Function`).

    Raises:
        UsageError: if the horizon is not in the run, the game has several data sets or no discriminator, or the
            discriminator does not give one logit for an example alone.
        GansiftError: if a logit is NaN or infinite.
    """
    name = "discriminator-score"
    check_discriminator(run, name)
    x = run.step.x[only_data_set(run, name)]
    last = {player: slots[PARAMETERS] for player, slots in run.state(run.steps).items()}
    discriminator = run.step.net(last).discriminator

    def logits(rows: Tensor) -> Tensor:
        try:
            found = discriminator(rows)
        except Exception as error:
            raise UsageError(
                f"{name} needs a discriminator that takes examples alone, and this one failed on them: {error}. Use "
                "another estimator."
            ) from error
        if found.shape != (len(rows),):
            raise UsageError(f"{name} needs one logit per example, shape ({len(rows)},), not {tuple(found.shape)}")
        return found

    found = check_finite(in_chunks(logits, x, chunk_size(metric)), name, "logits")
    return ranked(run, metric, horizon, name, -found.cpu()[present(run)])
