"""What a run takes, stage by stage: time, memory and disk, from what one of each thing costs on this machine.

The pure part of `gansift estimate`: it measures nothing (see `workflow.measure`) and counts everything that a run does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gansift.influence.estimators import ESTIMATORS, sweeps
from gansift.training.train import usual_stride
from gansift.workflow.config import Config
from gansift.workflow.cost import Cost, ToDo
from gansift.workflow.plan import STAGES
from gansift.workflow.states import Sizes, brought_back, room

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
        slowdown: the seconds on the clock for one of the processor, with all jobs at work.
        command: the time to start the command and to check its data and game.
        worker: the time to start a process of its own for jobs.
        place: the time to load the data and to fit the metric's features.
        opening: the time to open the recorded run of one seed.
        step: the time of one training step.
        save: the time to write a checkpoint.
        load: the time to read a checkpoint.
        values: the time to measure the metric on validation and on test data.
        stacked: the time of one step of so many replicas that are retrained together.
        paces: the pace of each estimator that the run asks for.
        imports: the time that a process spends once before it can rank by baselines.
        report: the time to choose and to write the report.
        checkpoint: the size of the file of a state.
        scores: the size of a file of scores.
        growth: the bytes that a step of the sweep adds to the file of its growth.
        name: the bytes of an example's id in a list.
        files: the bytes that are written once, by row.
        parent: the peak memory of the command itself while others work for it.
        peaks: the peak memory of a job after each row, in a miniature of the run.
        steps: the steps of that miniature, whose states are in those peaks.
        together: for so many seeds in one stack, the times of a training step and of a step of the sweep of each.
    """

    slowdown: float
    command: float
    worker: float
    place: float
    opening: float
    step: float
    save: float
    load: float
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
    together: Mapping[int, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What one stage takes that is left to do.

    Attributes:
        stage: the name of the stage, one of `ROWS`.
        seconds: the time on the clock, with all jobs at work; stages that go on at the same time share it by their
            work.
        work: the seconds of the processor, of all processes together.
        memory_job: the peak memory of one job, in bytes.
        memory: the peak memory of all jobs and of the command that waits for them, in bytes.
        disk: the bytes that are written to the run directory, and kept there.
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
    config: Config, of_states: Sizes, costs: Costs, before: Sequence[ToDo], after: Sequence[ToDo]
) -> list[Row]:
    """What is left to do of a run, one row for each of `ROWS`; a stage that is done takes nothing.

    Args:
        config: resolved; ``jobs`` is how many are done at the same time.
        of_states: the sizes of the states.
        costs: of this machine.
        before: what is left until removals are tried.
        after: what is left once all are, because it takes the choice.
    """
    priced = _Priced(config, of_states, costs)
    pieces = [[Piece(job.stage, priced.seconds(job.cost), job.needs) for job in jobs] for jobs in (before, after)]
    clocks = [makespan(of_part, config.job_count) for of_part in pieces]
    workers = min(config.job_count, max(len(before), len(after)))  # which stay until the end
    rows = []
    for stage in ROWS:
        work = sum(piece.seconds for of_part in pieces for piece in of_part if piece.stage == stage)
        clock, more = _beside(stage, config, costs, after, workers)
        if stage == "verify":
            clock += clocks[1]
        elif work:
            clock += clocks[0] * work / sum(piece.seconds for piece in pieces[0])
        work += more
        if not (before or after) or not work:
            rows.append(Row(stage, 0.0, 0.0, 0, 0, 0))
            continue
        jobs = [*before, *after]
        job = costs.peaks[stage] + priced.more_memory(stage, jobs)
        others = max(costs.parent, costs.peaks["start"] if stage == "verify" else 0)
        memory = job if stage == "report" or config.job_count == 1 else workers * job + others
        rows.append(Row(stage, costs.slowdown * clock, work, job, memory, priced.disk(stage, jobs)))
    return rows


def _beside(stage: str, config: Config, costs: Costs, after: Sequence[ToDo], workers: int) -> tuple[float, float]:
    """What a stage takes beside its jobs: seconds on the clock, and of the processor."""
    jobs, apart = config.job_count, config.job_count > 1
    clock = work = 0.0
    if stage == "start":
        process = costs.place + (costs.worker if apart else 0.0)
        return costs.command + process, costs.command + workers * process
    if stage == "report":
        return costs.report, costs.report
    if stage == "verify":
        if any(job.cost.swept for job in after):
            clock, work = costs.imports, min(jobs, len(after)) * costs.imports
        if apart and after:  # the command chooses, and needs the data and the metric for that
            clock, work = clock + costs.place, work + costs.place
    return clock, work


class Piece(NamedTuple):
    """A piece of work that one job does.

    Attributes:
        stage: the stage to which it belongs.
        seconds: the time that it takes.
        needs: the rows of the pieces that have to end before.
    """

    stage: str
    seconds: float
    needs: tuple[int, ...] = ()


def makespan(pieces: Sequence[Piece], jobs: int) -> float:
    """When the last piece of work ends: a job that is free begins the first one whose needs have ended."""
    waiting, free, ends = list(range(len(pieces))), [0.0] * jobs, dict[int, float]()
    while waiting:
        now = heapq.heappop(free)
        ready = [row for row in waiting if all(ends.get(need, math.inf) <= now for need in pieces[row].needs)]
        if ready:
            waiting.remove(ready[0])
            ends[ready[0]] = now + pieces[ready[0]].seconds
            heapq.heappush(free, ends[ready[0]])
        else:
            heapq.heappush(free, min(end for end in ends.values() if end > now))
    return max(ends.values(), default=0.0)


class _Priced(NamedTuple):
    """Costs at the prices of this machine."""

    config: Config
    of_states: Sizes
    costs: Costs

    @property
    def steps(self) -> int:
        return self.config.steps

    def seconds(self, cost: Cost) -> float:
        """Seconds of the processor that a job takes."""
        costs = self.costs
        return (
            costs.opening * cost.together
            + cost.steps * costs.together.get(cost.together, (costs.step,))[0]
            + cost.saved * costs.save
            + cost.loaded * costs.load
            + cost.values * costs.values
            + sum(self._scores(estimator, horizons, cost) for estimator, horizons in cost.swept)
            + self._retrainings(cost.replicas, cost.redone)
        )

    def _scores(self, estimator: str, horizons: Sequence[int], cost: Cost) -> float:
        """Scores of several horizons: metric gradient, checkpoints, steps run again and their adjoints."""
        costs, pace = self.costs, self.costs.paces[estimator]
        if not sweeps(estimator):
            return pace.once
        step, of_sweep = self.costs.together.get(cost.together, (costs.step, pace.step))
        back = brought_back(self.steps, max(horizons), room(self.config, cost.together * self.of_states.record))
        swept = ESTIMATORS[estimator].steps_swept(horizons)
        passes = swept / max(horizons)  # of more than one horizon's length only for `itd-repeated`, which also
        retrained_first = (swept - max(horizons)) * step  # redoes every horizon before it sweeps it again
        return (
            pace.once * max(1.0, passes)
            + swept * of_sweep
            + passes * (back.run * step + 2 * back.stretches * costs.load)
            + retrained_first
        )

    def _retrainings(self, replicas: int, steps: int) -> float:
        """Retraining several times from a horizon on, from the nearest checkpoint."""
        costs, stack = self.costs, self.of_states.stack
        before = costs.load + (self.steps - steps) % usual_stride(self.steps) * costs.step
        return sum(
            before + steps * (costs.stacked[together] if stack > 1 else costs.step)
            for together in stacks(replicas, stack)
        )

    def more_memory(self, stage: str, jobs: Sequence[ToDo]) -> int:
        """What states take beyond those that were there when the peaks of the miniature were measured."""
        if stage not in STAGES[1:]:
            return 0
        until = STAGES[1 : STAGES.index(stage) + 1]  # what a process once held it keeps
        return max((self._beyond_miniature(job.cost) for job in jobs if job.stage in until), default=0)

    def _beyond_miniature(self, cost: Cost) -> int:
        small, of_states, together = self.costs.steps, self.of_states, cost.together
        held = cost.held(self.steps, room(self.config, together * of_states.record), of_states)
        return max(0, held - cost.in_miniature(small).held(small, None, of_states))

    def disk(self, stage: str, jobs: Sequence[ToDo]) -> int:
        """Bytes of the files of a stage."""
        costs, of_stage = self.costs, [job.cost for job in jobs if job.stage == stage]
        return costs.files.get(stage, 0) + sum(
            cost.saved * costs.checkpoint
            + cost.scores * costs.scores
            + cost.growth * costs.growth
            + cost.listed * costs.name
            for cost in of_stage
        )


def stacks(replicas: int, stack: int) -> list[int]:
    """The sizes of the stacks in which replicas are retrained."""
    return [min(stack, replicas - first) for first in range(0, replicas, stack)]
