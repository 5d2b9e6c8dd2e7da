"""ITD: influence by differentiating through the training run (Terashita, Ohashi and Hara 2025).

Exact for both players, every optimizer and its moments, schedules, penalties and the averaged generator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from gansift.errors import GansiftError, UsageError
from gansift.influence.adjoint import step_adjoint
from gansift.influence.derivative import derivative
from gansift.influence.gradients import Products
from gansift.influence.horizon import checked_horizon, predicted_effect, scale_of, sign, trust
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.devices import repeatable
from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: The estimator's name by how second derivatives are taken.
NAMES: dict[Products, str] = {"exact": "itd", "central-difference": "itd-first-order"}

#: Called after every step of the backward sweep with its number.
Progress = Callable[[int], None]


class _Swept(NamedTuple):
    """What a sweep knows after each step.

    Attributes:
        horizon: how far back it is.
        by_weight: each metric's derivative in the weights, shape (M, N).
        growth: of each metric's adjoint, see `influence.horizon`; a list that the sweep goes on filling.
    """

    horizon: int
    by_weight: torch.Tensor
    growth: list[list[tuple[int, float, float]]]


def itd(
    run: Run,
    metric: Metric,
    horizon: int | str | None = None,
    progress: Progress | None = None,
    products: Products = "exact",
) -> Scores:
    """Score every training example by one backward sweep through the last ``horizon`` steps.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizon: K, steps to differentiate through; default the whole run. Scores of horizon K predict retraining
            from step T - K on. ``auto`` stops where the adjoint has grown so much that scores could not be believed
            any more (see `influence.horizon`): the longest believable horizon.
        progress: called after every step.
        products: ``exact``, or ``central-difference``: first derivatives only, for operators that have no others and
            as a check of the exact ones; see `influence.gradients`.

    Returns:
        Scores in the order of ``run.ids``. Where the metric reads the training weights themselves, they have that part
        of its change, too.

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if the sweep overflows before it gets there (the step is logged), or the metric's gradient is zero
            everywhere.
        ReplayError: if a replayed state differs from the recorded one.

    Examples:
        The one player is a number that is drawn to the mean of the points, so the largest raises it most:

        >>> from gansift import data, games, metrics, training
        >>> class Centre(games.Game):
        ...     def centre_loss(self, net, batch, draw):
        ...         off = batch.x[:, 0] - net.centre(torch.zeros(1, 1))[0, 0]
        ...         return games.weighted_mean(off.square(), batch.weight)
        >>> points = data.load("normal-1d", seed=0).train.subset(range(8))
        >>> game = Centre(centre=torch.nn.Linear(1, 1))
        >>> run = training.train(game, points, steps=5, batch_size=8, optimizers=training.SGD(lr=0.1))
        >>> def centre(game, net):
        ...     return net.centre(torch.zeros(1, 1))[0, 0]
        >>> scores = itd(run, metrics.NetMetric(centre, name="centre", direction="lower"))
        >>> scores.harmful(1).ids == (points.ids[int(points.x.argmax())],)
        True
    """
    if horizon == "auto":
        believed = believable(run, metric, progress, products)
        told = trust(believed.growth, run.epoch)
        _log.log(logging.WARNING if told.state == "chaotic" else logging.INFO, "%s", told.sentence(run.epoch))
        return believed
    if isinstance(horizon, str):
        raise UsageError(f"the horizon is a number of steps, None for the whole run, or 'auto', not {horizon!r}")
    chosen = checked_horizon(run, horizon)
    scores = itd_horizons(run, metric, [chosen], progress, products)
    if chosen not in scores:
        raise GansiftError(f"no scores of horizon {chosen}: the backward sweep overflowed. Choose a shorter horizon.")
    return scores[chosen]


def itd_horizons(
    run: Run,
    metric: Metric,
    horizons: Collection[int],
    progress: Progress | None = None,
    products: Products = "exact",
) -> dict[int, Scores]:
    """The scores of several horizons from one sweep, as long as the longest of them.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizons: in steps, each between 1 and the length of the run.
        progress: called after every step.
        products: as in `itd`.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.

    Returns:
        Scores by horizon; those beyond a step at which the sweep overflowed are left out, with a warning.
    """
    return itd_metrics(run, [metric], horizons, progress, products)[0]


def itd_metrics(
    run: Run,
    metrics: Sequence[Metric],
    horizons: Collection[int],
    progress: Progress | None = None,
    products: Products = "exact",
) -> list[dict[int, Scores]]:
    """The scores for several metrics, of several horizons, from one sweep.

    The steps are replayed and their gradients taken once for all metrics; only what is pulled back is one for each. The
    scores are those of one sweep for each metric, up to rounding.

    Args:
        run: a recorded run.
        metrics: what the scores predict the changes of, at least one.
        horizons: in steps, each between 1 and the length of the run.
        progress: called after every step.
        products: as in `itd`.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.

    Returns:
        For each metric scores by horizon; those beyond a step at which a sweep overflowed are left out, with a warning.
    """
    for horizon in horizons:
        checked_horizon(run, horizon)
    found: list[dict[int, Scores]] = [{} for _ in metrics]
    for swept in _sweep(run, metrics, max(horizons), progress, products):
        if swept.horizon in horizons:
            for row, metric in enumerate(metrics):
                found[row][swept.horizon] = _scores(run, metric, swept, row, products)
    return found


def believable(
    run: Run,
    metric: Metric,
    progress: Progress | None = None,
    products: Products = "exact",
    longest: int | None = None,
) -> Scores:
    """Scores of the longest horizon that the sweep lets be believed.

    Args:
        run: as in `itd`, like all that follow.
        metric: what the scores predict the change of.
        progress: called after every step.
        products: how second derivatives are taken.
        longest: horizon beyond which is not looked; None for the whole run.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.
    """
    kept: _Swept | None = None
    calm: _Swept | None = None
    accumulated = 0.0
    for swept in _sweep(run, [metric], checked_horizon(run, longest), progress, products):
        (growth,) = swept.growth
        end, norm = growth[0][1], growth[-1][1]
        accumulated += norm / end if end else 1.0
        found = sign(growth, swept.horizon, accumulated, run.epoch)
        if kept is not None and found in ("burst", "far"):
            kept = calm if found == "burst" and calm is not None else kept
            break
        kept = swept._replace(by_weight=swept.by_weight.clone())
        calm = kept if found == "calm" else calm
    if kept is None:
        raise GansiftError("no scores: the backward sweep overflowed at once. Train more smoothly.")
    (growth,) = kept.growth  # the sweep's own list, which by now reaches beyond what is kept
    return _scores(run, metric, kept._replace(growth=[growth[: kept.horizon]]), 0, products)


def _sweep(
    run: Run, metrics: Sequence[Metric], longest: int, progress: Progress | None, products: Products = "exact"
) -> Iterator[_Swept]:
    """Go back step by step; ends early, with a warning, where an adjoint overflows."""
    # A single one goes without the dimension that counts metrics: torch need not vectorise anything then.
    single = len(metrics) == 1
    with repeatable(run.step.settings.device):
        derivatives = [derivative(metric, run) for metric in metrics]
    ends = [_end(run, of_metric.by_player) for of_metric in derivatives]
    adjoint = ends[0] if single else _stacked(ends)
    by_weight = torch.stack([of_metric.by_weight for of_metric in derivatives])
    growth: list[list[tuple[int, float, float]]] = [[] for _ in metrics]
    there, scales = run.weights.cpu() > 0, [scale_of(metric, run) for metric in metrics]
    # Where the gradient's own graph is not needed, what the replay knows of it saves computing it again.
    known = products != "exact" or len(run.step.shards.own) > 1 or run.step.compiled is not None
    for record in run.reversed(run.steps - longest, gradients=known):
        adjoint = step_adjoint(run.step, record, run.weights, adjoint, by_weight[0] if single else by_weight, products)
        norms = _norms(adjoint)
        if not max(norms) < float("inf"):
            _log.warning("%s", _overflow(run, record.number))
            return
        for row, norm in enumerate(norms):
            effect = predicted_effect(by_weight[row].cpu()[there].numpy(), scales[row])
            growth[row].append((record.number, norm, effect))
        yield _Swept(run.steps - record.number, by_weight, growth)
        if progress is not None:
            progress(record.number)


def _overflow(run: Run, number: int) -> str:
    return (
        f"the backward sweep overflowed at step {number}: this training is chaotic, and scores of a horizon beyond "
        f"{run.steps - number - 1} steps do not exist. Train more smoothly (larger eps with eps_inside, R1, lower "
        "learning rate) to reach further back."
    )


def _end(run: Run, gradients: Mapping[str, torch.Tensor]) -> State:
    """The adjoint after the last step: the metric's gradient in the parameters that it reads, zero elsewhere."""
    state = run.state(run.steps)
    adjoint = {
        player: {name: torch.zeros_like(value) for name, value in slots.items()} for player, slots in state.items()
    }
    for player, gradient in gradients.items():
        slot = AVERAGE if AVERAGE in adjoint[player] else PARAMETERS
        adjoint[player][slot] = gradient.to(state[player][slot])
    return adjoint


def _stacked(adjoints: Sequence[State]) -> State:
    """The adjoints of M metrics as one, slots (M, P)."""
    return {
        player: {name: torch.stack([adjoint[player][name] for adjoint in adjoints]) for name in slots}
        for player, slots in adjoints[0].items()
    }


def _norms(adjoint: State) -> list[float]:
    """Norms of what belongs to parameters and their averages, one for each metric.

    Optimizer moments are of other units and scales.
    """
    kept = [slots[name] for slots in adjoint.values() for name in (PARAMETERS, AVERAGE) if name in slots]
    squares = torch.stack([value.double().square().sum(-1) for value in kept]).sum(0)
    return squares.sqrt().reshape(-1).tolist()


def _scores(run: Run, metric: Metric, swept: _Swept, row: int, products: Products) -> Scores:
    # Removal takes a weight from its value in the run (1) to 0.
    values = -(run.weights.double() * swept.by_weight[row]).cpu().numpy()
    return Scores(
        ids=run.ids,
        values=values,
        metric=metric.name,
        direction=metric.direction,
        estimator=NAMES[products],
        horizon=swept.horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        growth=tuple(swept.growth[row]),
    )
