"""What the report needs for deciding image by image: neighbours in the metric's eyes, and scores over all seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gansift.games.draw import Draw
from gansift.influence.baselines.ranking import features
from gansift.influence.scores import Scores
from gansift.metrics.metric import SampleMetric
from gansift.report.neighbours import nearest, plane
from gansift.report.review import Review
from gansift.workflow.seed import Seed

# Generated samples among which the nearest is looked for, unless the metric takes fewer.
_GENERATED = 2000


def reviewed(seed: Seed, shown: Scores) -> Review | None:
    """What a person sees of every training image besides the image and its score.

    None where there is no data set of images alone, or nothing that makes samples.

    Args:
        seed: whose model is shown.
        shown: its scores, by the metric that is asked about.
    """
    train = next(iter(seed.place.train.values()))
    if len(seed.place.data) != 1 or len(train.shape) != 3 or len(train) < 2:
        return None
    metric, trained = seed.place.validation, seed.run.trained()
    if not trained.game.offers("sample"):
        return None
    count = min(metric.latents, _GENERATED) if isinstance(metric, SampleMetric) else _GENERATED
    draw = Draw(seed.number, "review", dtype=trained.dtype, device=trained.device)
    with torch.no_grad():
        generated = trained.sample(count, draw)
    x = train.x.to(device=trained.device, dtype=trained.dtype)
    examples, samples = (features(metric, images).numpy() for images in (x, generated))
    over_seeds = _over_seeds(seed, shown)
    mean, error = shown.values, shown.standard_error  # scores that are means already say how sure they are
    if over_seeds is not None:
        mean, error = over_seeds.mean(axis=0), over_seeds.std(axis=0, ddof=1) / len(over_seeds) ** 0.5
    return Review(
        run=shown.run,
        horizon=shown.horizon,
        paths=train.paths,
        generated=generated.float().cpu().numpy(),
        nearest_generated=nearest(examples, samples),
        nearest_training=nearest(examples, examples, skip_self=True),
        mean=None if error is None else mean,
        standard_error=error,
        plane=plane(examples),
    )


def _over_seeds(seed: Seed, shown: Scores) -> np.ndarray | None:
    """Scores of all seeds like those that are shown, (seeds, N); None for one seed, or if some seed lacks them."""
    paths = [
        seed.directory.scores(number, seed.place.asked, shown.estimator, shown.horizon) for number in seed.plan.seeds
    ]
    if len(paths) < 2 or not all(path.exists() for path in paths):
        return None
    values: Sequence[np.ndarray] = [Scores.read(path).values for path in paths]
    return np.stack(values)
