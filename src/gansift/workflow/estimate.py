"""What a run takes, stage by stage: time, memory and disk, from what one of each thing costs on this machine.

The pure part of `gansift estimate`: it measures nothing (see `workflow.measure`) and counts everything that a run does.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gansift.influence.estimators import SWEEPS, steps_swept
from gansift.training.train import usual_stride
from gansift.workflow.config import Config, Way, known
from gansift.workflow.seeds import STAGES, Left, VerifyLeft, plan, redone
from gansift.workflow.states import Sizes, brought_back, jobs_of, recorded, retrained, room
from gansift.workflow.verification import own_removals

#: The rows of an estimate, in the order in which a run comes to them.
ROWS = ("start", *STAGES, "report")


class Pace(NamedTuple):
    """Seconds of an estimator: once, and for every step that it goes back through beside running that step again."""

    once: float
    step: float


@dataclass(frozen=True)
class Costs:
    """What one of each thing costs on this machine; seconds of the processor, and bytes.

    Attributes:
        slowdown: seconds on the clock for one of the processor, with all jobs at work.
        command: starting the command and checking its data and game.
        worker: starting a process of its own for seeds.
        place: loading the data and fitting the metric's features.
        opening: opening a recorded run of one seed.
        step: one training step.
        save: writing a checkpoint.
        load: reading one.
        value: the metric on validation data.
        values: the metric on validation and on test data.
        stacked: one step of so many replicas that are retrained together.
        paces: of each estimator that the run asks for.
        imports: what a process spends once before it can rank by baselines.
        report: choosing, and writing the report.
        checkpoint: the file of a state.
        scores: a file of scores.
        growth: what a step of the sweep adds to the file of its growth.
        name: an example's id, where it is listed.
        files: what is written once, by row.
        parent: peak memory of the command itself while others work for it.
        peaks: peak memory of a job after each row, in a miniature of the run.
        steps: of that miniature, whose states are in those peaks.
    """

    slowdown: float
    command: float
    worker: float
    place: float
    opening: float
    step: float
    save: float
    load: float
    value: float
    values: float
    stacked: Mapping[int, float]
    paces: Mapping[str, Pace]
    imports: float
    report: float
    checkpoint: int
    scores: int
    growth: int
    name: int
    files: Mapping[str, int]
    parent: int
    peaks: Mapping[str, int]
    steps: int


@dataclass(frozen=True)
class Row:
    """What one stage takes that is left to do.

    Attributes:
        stage: its name, one of `ROWS`.
        seconds: on the clock, with all jobs at work.
        work: seconds of the processor, of all processes together.
        memory_job: peak memory of one job, in bytes.
        memory: peak memory of all jobs and of the command that waits for them, in bytes.
        disk: bytes written to the run directory, and kept there.
    """

    stage: str
    seconds: float
    work: float
    memory_job: int
    memory: int
    disk: int


def total(rows: Sequence[Row]) -> Row:
    """All stages together: times and disk added up, and the highest of the peaks."""
    return Row(
        "total",
        sum(row.seconds for row in rows),
        sum(row.work for row in rows),
        max(row.memory_job for row in rows),
        max(row.memory for row in rows),
        sum(row.disk for row in rows),
    )


def estimate(
    config: Config, way: Way, examples: int, of_states: Sizes, costs: Costs, left: Sequence[tuple[Left, VerifyLeft]]
) -> list[Row]:
    """What is left to do of a run, one row for each of `ROWS`; a stage that is done takes nothing.

    Args:
        config: resolved.
        way: how the run is cleansed.
        examples: for training.
        of_states: the sizes of the states.
        costs: of this machine.
        left: of every seed.
    """
    counted = _Counted(config, way, examples, of_states, costs)
    seeds = [to_do for to_do, _ in left]
    last = [to_do for _, to_do in left]
    seconds = {
        "train": [counted.training(to_do) for to_do in seeds],
        "score": [counted.scoring(to_do) for to_do in seeds],
        "cleanse": [counted.cleansing(to_do) for to_do in seeds],
        "verify": [counted.verifying(to_do) for to_do in last],
    }
    if not any(any(of_seeds) for of_seeds in seconds.values()):
        return [Row(stage, 0.0, 0.0, 0, 0, 0) for stage in ROWS]
    jobs, apart = jobs_of(config), jobs_of(config) > 1
    workers = jobs if apart else 0
    # In processes of their own, those that verify start anew, after the command has made the choice.
    again = (costs.worker + costs.place) if apart and any(seconds["verify"]) else 0.0
    once = (costs.place if again else 0.0) + (costs.imports if any(to_do.compared for to_do in last) else 0.0)
    rows = []
    for stage in ROWS:
        if stage == "start":
            clock = costs.command + costs.place + (costs.worker if apart else 0.0)
            work = costs.command + max(1, workers) * costs.place + workers * costs.worker
        elif stage == "report":
            clock = work = costs.report
        else:
            clock, work = makespan(seconds[stage], jobs), sum(seconds[stage])
            if stage == "verify" and work:
                clock, work = clock + again + once, work + workers * again + max(1, workers) * once
        if not work:
            rows.append(Row(stage, 0.0, 0.0, 0, 0, 0))
            continue
        job = costs.peaks[stage] + counted.more_memory(stage, seeds, last)
        others = max(costs.parent, costs.peaks["start"] if stage == "verify" else 0)
        memory = job if stage == "report" or not apart else jobs * job + others
        rows.append(Row(stage, costs.slowdown * clock, work, job, memory, counted.disk(stage, seeds, last)))
    return rows


def makespan(seconds: Sequence[float], jobs: int) -> float:
    """When the last of several pieces of work ends, each begun in turn by whichever of the jobs is free first."""
    free = [0.0] * jobs
    for piece in seconds:
        heapq.heappush(free, heapq.heappop(free) + piece)
    return max(free)


class _Counted(NamedTuple):
    """How often one seed does each thing, at what it costs."""

    config: Config
    way: Way
    examples: int
    of_states: Sizes
    costs: Costs

    @property
    def steps(self) -> int:
        return known(self.config.steps)

    def training(self, to_do: Left) -> float:
        if not to_do.steps:
            return 0.0
        costs = self.costs
        saved = recorded(self.steps, to_do.steps) * costs.save
        return costs.opening + to_do.steps * costs.step + saved + 2 * (costs.values + costs.load)

    def scoring(self, to_do: Left) -> float:
        return self._scores(self.way.estimator, to_do.scored) if to_do.scored else 0.0

    def cleansing(self, to_do: Left) -> float:
        _, counts = plan(self.config, self.examples)
        return sum(
            self._retrainings(2 * len(counts), redone(self.config, self.way, horizon), self.costs.values)
            for horizon in to_do.tried
        )

    def verifying(self, to_do: VerifyLeft) -> float:
        if not to_do.compared and not to_do.removals:
            return 0.0
        ranked = sum(self._scores(name, [to_do.horizon]) for name in to_do.compared)
        steps = redone(self.config, self.way, to_do.horizon)
        compared = self._retrainings(len(to_do.compared), steps, self.costs.values)
        verified = self._retrainings(to_do.removals, to_do.horizon, self.costs.value)
        return self.costs.opening + ranked + compared + verified

    def _scores(self, estimator: str, horizons: Sequence[int]) -> float:
        """Scores of several horizons: metric gradient, checkpoints, steps run again and their adjoints."""
        costs, pace = self.costs, self.costs.paces[estimator]
        if estimator not in SWEEPS:
            return pace.once
        back = brought_back(self.steps, max(horizons), room(self.config, self.of_states.record))
        swept = steps_swept(estimator, horizons)
        passes = swept / max(horizons)  # of more than one horizon's length only for `itd-repeated`, which also
        retrained_first = (swept - max(horizons)) * costs.step  # redoes every horizon before it sweeps it again
        return (
            pace.once * max(1.0, passes)
            + swept * pace.step
            + passes * (back.run * costs.step + 2 * back.stretches * costs.load)
            + retrained_first
        )

    def _retrainings(self, replicas: int, steps: int, value: float) -> float:
        """Retraining several times from a horizon on, from the nearest checkpoint, each judged by a metric."""
        costs, stack = self.costs, self.of_states.stack
        before = costs.load + (self.steps - steps) % usual_stride(self.steps) * costs.step
        return replicas * value + sum(
            before + steps * (costs.stacked[together] if stack > 1 else costs.step)
            for together in stacks(replicas, stack)
        )

    def more_memory(self, stage: str, seeds: Sequence[Left], last: Sequence[VerifyLeft]) -> int:
        """What states take beyond those that were there when the peaks of the miniature were measured."""
        if stage not in STAGES[1:]:
            return 0
        of_states, small = self.of_states, self.costs.steps
        more = [0]
        scored = [max(to_do.scored) for to_do in seeds if to_do.scored]
        if scored and self.way.estimator in SWEEPS:
            back = brought_back(self.steps, max(scored), room(self.config, of_states.record))
            more.append((back.held - brought_back(small, small, None).held) * of_states.record)
        _, counts = plan(self.config, self.examples)
        horizons = [] if stage == "score" else [horizon for to_do in seeds for horizon in to_do.tried]
        if stage == "verify":
            horizons += [to_do.horizon for to_do in last]
        if horizons and of_states.stack == 1:
            longest = redone(self.config, self.way, max(horizons))
            held = retrained(longest, 2 * len(counts), 1) - retrained(small, 2 * len(counts), 1)
            more.append(held * of_states.state)
        return max(more)

    def disk(self, stage: str, seeds: Sequence[Left], last: Sequence[VerifyLeft]) -> int:
        """Bytes of the files of a stage."""
        costs = self.costs
        found = costs.files.get(stage, 0)
        if stage == "train":
            return found + sum(recorded(self.steps, to_do.steps) for to_do in seeds) * costs.checkpoint
        if stage == "score":
            growth = costs.growth if self.way.estimator in SWEEPS else 0
            return found + sum(
                len(to_do.scored) * costs.scores + growth * max(to_do.scored) for to_do in seeds if to_do.scored
            )
        if stage == "verify":
            removed = own_removals(self.config, self.examples)[1]
            return found + sum(to_do.removals for to_do in last) * removed * costs.name
        return found


def stacks(replicas: int, stack: int) -> list[int]:
    """The sizes of the stacks in which replicas are retrained."""
    return [min(stack, replicas - first) for first in range(0, replicas, stack)]
