"""Rolling scores: one backward sweep in which the adjoint is set anew at the end of each of many windows.

The score of a window is what `itd` gives for the run cut short at its end: how much an example's removal from the last
``horizon`` steps changes the metric there. One window says what one model at one moment would have become. Many windows
of a training, and of trainings with other seeds, say what the example does to models of this kind, also to those that
were never scored (`influence.combine`).

No window is longer than its derivatives can be believed, so the adjoint does not explode however long the run is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np

from gansift.errors import GansiftError, ReplayError, UsageError
from gansift.influence.gradients import Products
from gansift.influence.horizon import accumulated_growth
from gansift.influence.itd import believable_runs, itd_runs
from gansift.influence.looks import Looks, Window
from gansift.influence.scores import Scores
from gansift.influence.sweep import Progress
from gansift.metrics.metric import Metric
from gansift.progress import watched
from gansift.training.stacked import stacks_of
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Into so many equal windows a run is cut. The first one is left out: in one of four trainings its adjoint exploded,
#: and with it scores found no more of what was planted, and gained no more. Longer windows made the scores of two seeds
#: disagree; half as long ones were as good, and a quarter of each took a quarter of the time and gained as much
#: (`benchmarks/dirty/windows.py`).
PARTS = 7

# Times the median spread of a run's windows: beyond it a window has exploded, and is noise.
_EXPLODED = 30.0


def rolling(
    run: Run,
    metric: Metric,
    horizon: int | str = "auto",
    ends: Sequence[int] | None = None,
    *,
    budget: float | None = None,
    products: Products = "exact",
    redraws: int | None = None,
    progress: Progress | bool | None = None,
) -> Looks:
    """Score every training example in windows all through a run.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizon: steps of each window, K; ``auto`` stands for a seventh of the run, of which each window has as many as
            can be believed there (see `influence.horizon`).
        ends: numbers of steps after which windows end; default about one after the other, at recorded states where
            these are near, from the last step back to the first seventh of the run.
        budget: seconds within which a further window is begun; those that are left out lie between the others. None
            for all windows. What is scored then depends on the machine.
        products: as in `itd`.
        redraws: with how many other batches and random numbers, beside its own, each update is looked at
            (`influence.redrawn`): scores of a window are then less those of this very run, and more those of models of
            this kind. None for as many as the game asks for, 0 but for games whose examples learn at a time and a noise
            of chance.
        progress: called after every step that is swept; True shows a bar, on a terminal or in a notebook.

    Returns:
        A look at every example for each window, the last window first. A window whose sweep overflows, or whose scores
        are larger than those of the others by a factor of 30, is left out, with a warning that names it.

    Raises:
        UsageError: if a window is not in the run, or for less than 0 redraws.
        GansiftError: if no window can be scored, or the metric's gradient is zero everywhere.
        ReplayError: if a replayed state differs from the recorded one.

    Examples:
        >>> from gansift import data, games, metrics, training
        >>> class Centre(games.Game):
        ...     def centre_loss(self, net, batch, draw):
        ...         off = batch.x[:, 0] - net.centre(torch.zeros(1, 1))[0, 0]
        ...         return games.weighted_mean(off.square(), batch.weight)
        >>> import torch
        >>> points = data.load("normal-1d", seed=0).train.subset(range(8))
        >>> game = Centre(centre=torch.nn.Linear(1, 1))
        >>> run = training.train(game, points, steps=14, batch_size=8, optimizers=training.SGD(lr=0.1))
        >>> def centre(game, net):
        ...     return net.centre(torch.zeros(1, 1))[0, 0]
        >>> looks = rolling(run, metrics.NetMetric(centre, name="centre", direction="lower"))
        >>> [window.end for window in looks.windows], looks.values.shape
        ([14, 12, 10, 8, 6, 4], (6, 8))
    """
    longest = _longest(run, horizon)
    windows = len(_usual(run, longest) if ends is None else set(ends))
    with watched(progress, f"scoring {windows} windows", windows * longest) as tell:
        return rolling_metrics(
            run, [metric], horizon, ends, budget=budget, products=products, redraws=redraws, progress=tell
        )[0]


def rolling_metrics(
    run: Run,
    metrics: Sequence[Metric],
    horizon: int | str = "auto",
    ends: Sequence[int] | None = None,
    *,
    budget: float | None = None,
    products: Products = "exact",
    redraws: int | None = None,
    progress: Progress | None = None,
) -> list[Looks]:
    """The looks by several metrics; a window that one of them cannot score is left out for all.

    With a horizon in steps one sweep serves all metrics. What can be believed differs from metric to metric, so
    ``auto`` takes one each.

    Args:
        run: a recorded run.
        metrics: at least one.
        horizon: see `rolling`.
        ends: see `rolling`.
        budget: see `rolling`.
        products: as in `itd`.
        redraws: see `rolling`.
        progress: see `rolling`.

    Raises:
        UsageError, GansiftError, ReplayError: as `rolling`.
    """
    return rolling_seeds(
        [run], [metrics], horizon, ends, budget=budget, products=products, redraws=redraws, progress=progress
    )[0]


def rolling_seeds(
    runs: Sequence[Run],
    metrics: Sequence[Sequence[Metric]],
    horizon: int | str = "auto",
    ends: Sequence[int] | None = None,
    *,
    budget: float | None = None,
    products: Products = "exact",
    redraws: int | None = None,
    progress: Progress | None = None,
) -> list[list[Looks]]:
    """The looks of several runs, as `rolling_metrics` takes them of each.

    Runs that were trained in one stack (`training.train_seeds`) are swept together, several times faster than one after
    the other and the same but for rounding. All others are swept one after the other.

    Args:
        runs: recorded runs, in any order.
        metrics: of each run, at least one and as many for each; they may all be the same, or ask each run by other
            held-out examples (`metrics.part_of`).
        horizon: see `rolling`.
        ends: see `rolling`.
        budget: see `rolling`; of all runs together.
        products: as in `itd`.
        redraws: see `rolling`.
        progress: called after every step that is swept, for each run.

    Returns:
        For each run the looks by each metric.

    Raises:
        UsageError, GansiftError, ReplayError: as `rolling`.
    """
    found: dict[int, list[Looks]] = {}
    for rows in stacks_of(runs):
        share = None if budget is None else budget * len(rows) / len(runs)
        of_stack, judges = [runs[row] for row in rows], [metrics[row] for row in rows]
        looks = _of_stack(of_stack, judges, horizon, ends, share, products, redraws, progress)
        found |= dict(zip(rows, looks, strict=True))
    return [found[row] for row in range(len(runs))]


def _of_stack(
    runs: Sequence[Run],
    metrics: Sequence[Sequence[Metric]],
    horizon: int | str,
    ends: Sequence[int] | None,
    budget: float | None,
    products: Products,
    redraws: int | None,
    progress: Progress | None,
) -> list[list[Looks]]:
    longest = _longest(runs[0], horizon)
    redraws = runs[0].step.game.redraws if redraws is None else redraws
    if redraws < 0:
        raise UsageError(f"updates are looked at with 0 other draws or more (redraws), not {redraws}")
    chosen = _usual(runs[0], longest) if ends is None else tuple(sorted(set(ends), reverse=True))
    _check(runs[0], chosen, longest)
    scored: list[dict[int, list[Scores]]] = [{} for _ in runs]
    left_out: list[list[str]] = [[] for _ in runs]
    for end in _until(budget, _spread(chosen)):
        cut = [run.until(end) for run in runs]
        for row, found in enumerate(_window(cut, metrics, horizon, longest, products, redraws, progress)):
            if isinstance(found, str):
                left_out[row].append(f"the window that ends at step {end}: {found}")
            else:
                scored[row][end] = found
    for run, of_run, reasons in zip(runs, scored, left_out, strict=True):
        if not of_run:
            raise GansiftError(
                f"none of {len(reasons)} windows could be scored (of seed {run.step.settings.seed}, {reasons[0]}). "
                "Choose a shorter horizon, or train more smoothly."
            )
    return [
        _looks(run, dict(sorted(of_run.items(), reverse=True)), reasons, redraws)
        for run, of_run, reasons in zip(runs, scored, left_out, strict=True)
    ]


def _window(
    cut: Sequence[Run],
    metrics: Sequence[Sequence[Metric]],
    horizon: int | str,
    longest: int,
    products: Products,
    redraws: int,
    progress: Progress | None,
) -> list[list[Scores] | str]:
    """The scores by each metric of runs that are cut at a window's end, or why there are none."""
    try:
        if horizon == "auto":
            believed = [
                believable_runs(cut, of_each, progress, products, longest, redraws)
                for of_each in zip(*metrics, strict=True)
            ]
            found = [list(of_run) for of_run in zip(*believed, strict=True)]
        else:
            swept = itd_runs(cut, metrics, [longest], progress, products, redraws)
            found = [[of_metric.get(longest) for of_metric in of_run] for of_run in swept]
    except (ReplayError, UsageError):
        raise
    except GansiftError as error:  # the metric may be saturated there, and not elsewhere
        if len(cut) == 1:
            return [str(error)]
        return [
            _window([run], [of_run], horizon, longest, products, redraws, progress)[0]
            for run, of_run in zip(cut, metrics, strict=True)
        ]
    return [_complete(of_run) or "the backward sweep overflowed" for of_run in found]


def _complete(scores: Sequence[Scores | None]) -> list[Scores] | None:
    there = [of_metric for of_metric in scores if of_metric is not None]
    return there if len(there) == len(scores) else None


def _usual(run: Run, horizon: int) -> tuple[int, ...]:
    """The usual ends, moved to recorded states that are near, which need no replay to get there."""
    recorded = run.checkpoints.numbers()
    moved = []
    for end in usual_ends(run.start, run.steps, horizon):
        nearest = min(recorded, key=lambda number: abs(number - end))
        near = abs(nearest - end) <= horizon // 4 and nearest - horizon >= run.start
        moved.append(nearest if near else end)
    return tuple(dict.fromkeys(moved))


def _longest(run: Run, horizon: int | str) -> int:
    if horizon == "auto":
        return usual_horizon(run.steps - run.start)
    if isinstance(horizon, str):
        raise UsageError(f"the horizon of a window is a number of steps, or 'auto', not {horizon!r}")
    return horizon


def usual_horizon(steps: int) -> int:
    """Steps in a window of a run of so many.

    >>> usual_horizon(1440)
    205
    """
    return max(1, steps // PARTS)


def usual_ends(start: int, steps: int, horizon: int) -> tuple[int, ...]:
    """The ends of windows one after the other, from the last step back to the first seventh of the run.

    >>> usual_ends(0, 1440, 205)
    (1440, 1235, 1030, 825, 620, 415)
    """
    first = start + (steps - start) // PARTS
    return tuple(range(steps, min(first + horizon, steps) - 1, -horizon))


def _check(run: Run, ends: Sequence[int], horizon: int) -> None:
    if not ends:
        raise UsageError("rolling scores need at least one window")
    for end in ends:
        if not (run.start <= end - horizon < end <= run.steps):
            raise UsageError(
                f"the window of {horizon} steps that ends at step {end} is not in the run, which goes from step "
                f"{run.start} to {run.steps}"
            )


def _spread(ends: Sequence[int]) -> Iterator[int]:
    """All ends, so that the first few are spread over the run: the last one, then the middles of what is left.

    >>> list(_spread([50, 40, 30, 20, 10]))
    [50, 10, 30, 40, 20]
    """
    count = len(ends)
    taken: set[int] = set()
    parts = 1
    while len(taken) < count:
        for place in range(parts + 1):
            row = round(place * (count - 1) / parts)
            if row not in taken:
                taken.add(row)
                yield ends[row]
        parts *= 2


def _until(budget: float | None, ends: Iterator[int]) -> Iterator[int]:
    """Ends as long as there is time for one more, as told by those before it; the first one in any case."""
    begun = time.monotonic()
    for number, end in enumerate(ends):
        spent = time.monotonic() - begun
        if budget is not None and number and spent * (number + 1) / number > budget:
            return
        yield end


def _looks(run: Run, scored: dict[int, list[Scores]], left_out: list[str], redraws: int) -> list[Looks]:
    spreads = {end: [float(scores.values.std()) for scores in of_window] for end, of_window in scored.items()}
    usual = np.median(list(spreads.values()), axis=0)
    factors = {
        end: max(own / other if other else 1.0 for own, other in zip(spread, usual, strict=True))
        for end, spread in spreads.items()
    }
    kept = [end for end, factor in factors.items() if factor <= _EXPLODED]
    left_out += [
        f"the window that ends at step {end}: its scores are {factor:.0f} times as large as usual"
        for end, factor in factors.items()
        if factor > _EXPLODED
    ]
    for reason in left_out:
        _log.warning("rolling scores leave out %s", reason)
    by_metric = zip(*(scored[end] for end in kept), strict=True)
    return [_of_metric(run, of_metric, kept, left_out, redraws) for of_metric in by_metric]


def _of_metric(run: Run, scores: Sequence[Scores], ends: Sequence[int], left_out: Sequence[str], redraws: int) -> Looks:
    return Looks(
        ids=run.ids,
        values=np.stack([of_window.values for of_window in scores]),
        windows=tuple(
            Window(run.step.settings.seed, end, of_window.horizon, accumulated_growth(of_window.growth))
            for end, of_window in zip(ends, scores, strict=True)
        ),
        metric=scores[0].metric,
        direction=scores[0].direction,
        steps=run.steps,
        removal=scores[0].removal,
        run=run.name,
        left_out=tuple(left_out),
        redraws=redraws,
    )
