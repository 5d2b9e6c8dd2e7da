"""What rankings share: the examples they rank, the features they see of them, and how a ranking becomes scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games.batch import Batch, Batches
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.influence.horizon import checked_horizon
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric, SampleMetric, in_chunks
from gansift.metrics.own_score import has_own_scores, own_scores
from gansift.training.trajectory import Run

# Examples computed together where the metric does not say how many.
_CHUNK = 500


def scores(
    run: Run,
    metric: Metric,
    horizon: int,
    estimator: str,
    values: np.ndarray,
    growth: tuple[tuple[int, float, float], ...] = (),
) -> Scores:
    """Scores of ``run`` for ``metric``; ``values`` float64, shape (N,), and ``growth`` as `Scores` has it."""
    return Scores(
        ids=run.ids,
        values=values,
        metric=metric.name,
        direction=metric.direction,
        estimator=estimator,
        horizon=horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        growth=growth,
    )


def ranked(run: Run, metric: Metric, horizon: int | None, estimator: str, harm: Tensor) -> Scores:
    """Scores in the order of ``harm``, in its units, counted from the least harmful example.

    Examples that the run was trained without have score 0: removing them changes nothing, and none of the others
    ranks below them.

    Args:
        run: a recorded run.
        metric: decides the sign of the scores, so that `Scores.harm` has that of ``harm``.
        horizon: to be noted in the scores; the values do not depend on it.
        estimator: its name.
        harm: of each example in `present`, up to an offset.
    """
    harm = harm.double().cpu()
    excess = harm - harm.min()
    values = torch.zeros(len(run.ids), dtype=torch.float64)
    values[present(run)] = 0 - excess if metric.direction == "lower" else excess
    return scores(run, metric, checked_horizon(run, horizon), estimator, values.numpy())


def present(run: Run) -> Tensor:
    """Rows of the examples that the run was trained with, int64, on the CPU.

    Raises:
        UsageError: if there are none.
    """
    rows = torch.nonzero(run.weights.cpu() > 0).flatten()
    if not len(rows):
        raise UsageError("all examples of this run have weight 0, so there is nothing to rank")
    return rows


def only_data_set(run: Run, estimator: str) -> str:
    """The name of the run's data set.

    Raises:
        UsageError: if there are several.
    """
    if len(run.step.x) > 1:
        raise UsageError(
            f"{estimator} compares one set of training examples with what is generated, and this game has several: "
            f"{', '.join(run.step.x)}. Use itd, without-propagation, isolation-forest or density, and scores.of(name) "
            "for the scores of one of them."
        )
    return next(iter(run.step.x))


def check_discriminator(run: Run, estimator: str) -> None:
    """Refuse games that have no discriminator.

    Raises:
        UsageError: naming the players that there are.
    """
    if "discriminator" not in run.step.game.players:
        raise UsageError(
            f"{estimator} needs a player called discriminator, and this game has {', '.join(run.step.game.players)}. "
            "Use another estimator."
        )


def batch_of(run: Run, data_set: str, rows: Tensor) -> Batches:
    """Training examples of the run's only data set as the losses of its last step see them, each with weight 1.

    Args:
        run: a recorded run.
        data_set: its name.
        rows: of the examples, int64 (B,).
    """
    step, labels = run.step, run.step.labels[data_set]
    x = step.x[data_set][rows]
    columns = {name: values[rows] for name, values in step.columns[data_set].items()}
    label = None if labels is None else labels[rows]
    ones = torch.ones(len(x), dtype=x.dtype, device=x.device)
    return Batches({data_set: Batch(x, ones, label, run.steps - 1, run.steps, rows=rows, columns=columns)})


def check_own_scores(run: Run, estimator: str) -> None:
    """Refuse games that say nothing of an example, see `metrics.own_score`.

    Raises:
        UsageError: naming the game, or if there are several data sets.
    """
    data_set = only_data_set(run, estimator)
    if not has_own_scores(run.step.game, run.step.labels[data_set]):
        raise UsageError(
            f"{estimator} needs a game that labels examples or has a discriminator, and {type(run.step.game).__name__} "
            "says nothing of an example. Use another estimator."
        )


def own_scores_of_run(run: Run, trained: Trained) -> np.ndarray:
    """The own score of every training example, float64, shape (N,), see `metrics.own_score`.

    Args:
        run: of one data set.
        trained: players of its game at any parameters.

    Raises:
        UsageError: as `check_own_scores`.
    """
    check_own_scores(run, "an own score")
    (data_set,) = run.step.x
    net, device = trained.net(), run.step.settings.device

    def scores(rows: Tensor) -> Tensor:
        return own_scores(trained.game, net, batch_of(run, data_set, rows)[data_set])

    return in_chunks(scores, torch.arange(len(run.ids), device=device), _CHUNK).double().cpu().numpy()


def check_samples(run: Run, estimator: str) -> None:
    """Refuse games that generate nothing.

    Raises:
        UsageError: naming the game.
    """
    if not run.step.game.offers("sample"):
        raise UsageError(
            f"{estimator} needs generated samples, and {type(run.step.game).__name__} has no method "
            "sample(net, count, draw). Use another estimator."
        )


def chunk_size(metric: Metric) -> int:
    """How many examples or samples to compute together."""
    return metric.chunk if isinstance(metric, SampleMetric) else _CHUNK


def check_finite(values: Tensor, estimator: str, what: str) -> Tensor:
    """The values (n, ...) of examples or samples, if none is NaN or infinite.

    Raises:
        GansiftError: saying how many are, and ``what`` they are.
    """
    broken = int((~values.reshape(len(values), -1).isfinite()).any(dim=1).sum())
    if broken:
        raise GansiftError(
            f"{estimator} cannot rank the training examples: {broken} of {len(values)} {what} are NaN or infinite. "
            "Remove extreme examples, use other features, or train with a lower learning rate."
        )
    return values


def features(metric: Metric, x: Tensor) -> Tensor:
    """What the metric sees of ``x`` (n, *shape): its features, or all numbers of each; float64 (n, d) on the CPU."""
    seen = metric.features if isinstance(metric, SampleMetric) else _flat
    return in_chunks(seen, x, chunk_size(metric)).double().cpu()


def example_features(run: Run, metric: Metric, estimator: str) -> list[Tensor]:
    """Features of the training examples in `present`, float64 (P, d), on the CPU, of one data set after the other.

    Raises:
        UsageError: if there are no such examples.
        GansiftError: if a feature is NaN or infinite.
    """
    there = torch.zeros(len(run.ids), dtype=torch.bool)
    there[present(run)] = True
    parts = zip(run.step.x.values(), there.split([len(x) for x in run.step.x.values()]), strict=True)
    sets = [features(metric, x)[kept] for x, kept in parts if kept.any()]
    return [check_finite(found, estimator, "features of training examples") for found in sets]


def sample_features(run: Run, metric: Metric, estimator: str, count: int) -> Iterator[Tensor]:
    """Features of generated samples, float64 (n, d), on the CPU, some at a time; every estimator sees the same samples.

    Args:
        run: with one data set, and a game that has samples.
        metric: whose features they are; it also says how many samples there are, if it says so.
        estimator: its name.
        count: of samples, where the metric does not say.

    Raises:
        UsageError: if samples are of another shape than the training examples.
        GansiftError: if a feature is NaN or infinite.
    """
    shape = run.step.x[only_data_set(run, estimator)].shape[1:]
    count = metric.latents if isinstance(metric, SampleMetric) else count
    chunk, trained = chunk_size(metric), run.trained()
    draw = Draw(run.step.settings.seed, "nearest samples", dtype=trained.dtype, device=trained.device)
    for start in range(0, count, chunk):
        with torch.no_grad():
            samples = trained.sample(min(chunk, count - start), draw)
        if samples.shape[1:] != shape:
            raise UsageError(
                f"{estimator} compares samples with training examples, which have different shapes: "
                f"{tuple(samples.shape[1:])} and {tuple(shape)}. Use another estimator."
            )
        yield check_finite(features(metric, samples), estimator, "features of generated samples")


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)
