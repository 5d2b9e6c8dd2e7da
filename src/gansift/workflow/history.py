"""How the training of a person's model went: brought back from its recorded states, so that nothing is lost by a stop.

It is written as ``metrics.jsonl``, a line for each moment, which any tracker can be fed with (`report.tracking`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import fmean

from gansift.errors import GansiftError
from gansift.files import write_text
from gansift.report.history import History, Moment
from gansift.training.trajectory import Run
from gansift.workflow.seed import Seed, samples_of

# Moments at which losses and the metric are measured, and some of them at which samples are drawn.
_MOMENTS, _PICTURED = 10, 5
# Steps over which losses are averaged: those of one batch are noise.
_STEPS = 5
# Samples at each moment, for the first latents.
_SAMPLES = 6


def history_of(main: Seed, metric: str, samples: bool) -> History:
    """The history of a seed's training, which is also written down.

    Args:
        main: the seed.
        metric: the key of the metric that is measured.
        samples: whether there are samples to show.
    """
    numbers = spread_out(main.run.checkpoints.numbers(), _MOMENTS)
    moments = tuple(_moment(main, metric, number) for number in numbers)
    write_text(main.directory.metrics, "".join(f"{json.dumps(_line(main, metric, one))}\n" for one in moments))
    pictured = spread_out(numbers, _PICTURED) if samples else []
    return History(moments, {number: samples_of(main, main.run.trained(number), _SAMPLES) for number in pictured})


def spread_out(numbers: Sequence[int], most: int) -> list[int]:
    """So many of these numbers at the most, evenly, with the first and the last.

    >>> spread_out([0, 10, 20, 30, 40, 45], 3)
    [0, 20, 45]
    """
    last = len(numbers) - 1
    places = [round(row * last / (most - 1)) for row in range(most)] if last >= most else range(len(numbers))
    return [numbers[place] for place in places]


def _moment(main: Seed, metric: str, number: int) -> Moment:
    run = main.run
    try:
        value = main.place.judges(metric).validation.value(run.trained(number))
    except GansiftError:  # a metric may be undefined for what is hardly trained
        value = None
    return Moment(number, round(number / run.epoch, 3), _losses(run, number), value)


def _losses(run: Run, number: int) -> dict[str, float]:
    """The players' losses, the mean over the steps that follow, which are made once more."""
    state, found = run.state(number), list[dict[str, float]]()
    for step in range(number, min(number + _STEPS, run.steps)):
        trace = run.step.trace(state, step, run.weights)
        found.append({player: float(loss.detach()) for player, loss in trace.losses.items()})
        state = trace.after
    return {player: fmean(losses[player] for losses in found) for player in found[0]} if found else {}


def _line(main: Seed, metric: str, moment: Moment) -> dict[str, float | int | None]:
    losses = {f"loss/{player}": value for player, value in moment.losses.items()}
    return {
        "seed": main.number,
        "step": moment.step,
        "epoch": moment.epoch,
        **losses,
        f"{metric}/validation": moment.value,
    }
