"""What a run takes, stage by stage: time, memory and disk, from what one of each thing costs on this machine.

The pure part of `gansift estimate`: it measures nothing (see `workflow.measure`) and counts everything that a run does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gansift.influence.estimators import ESTIMATORS, sweeps
from gansift.training.train import usual_stride
from gansift.workflow.config import Config, Way, known
from gansift.workflow.jobs import removals_in_a_job
from gansift.workflow.left import Left, VerifyLeft
from gansift.workflow.seeds import STAGES, plan, redone
from gansift.workflow.states import Sizes, brought_back, recorded, retrained, room
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
        worker: starting a process of its own for jobs.
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
        seconds: on the clock, with all jobs at work; stages that go on at the same time share it by their work.
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
        config: resolved; ``jobs`` is how many are done at the same time.
        way: how the run is cleansed.
        examples: for training.
        of_states: the sizes of the states.
        costs: of this machine.
        left: of every seed.
    """
    counted = _Counted(config, way, examples, of_states, costs)
    seeds = [to_do for to_do, _ in left]
    last = [to_do for _, to_do in left]
    # What is verified is the choice, which takes the trials of all seeds.
    before, after = counted.until_tried(seeds), counted.verifying(last)
    pieces = [*before, *after]
    jobs, apart = known(config.jobs), known(config.jobs) > 1
    clock_before, work_before = makespan(before, jobs), sum(piece.seconds for piece in before)
    workers = min(jobs, max(len(before), len(after)))  # which stay until the end
    rows = []
    for stage in ROWS:
        own = [piece.seconds for piece in pieces if piece.stage == stage]
        work = sum(own)
        if stage == "start":
            clock = costs.command + costs.place + (costs.worker if apart else 0.0)
            work = costs.command + workers * (costs.place + (costs.worker if apart else 0.0))
        elif stage == "report":
            clock = work = costs.report
        elif stage == "verify":
            clock = makespan(after, jobs)
            if any(to_do.compared for to_do in last):
                clock, work = clock + costs.imports, work + min(jobs, len(own)) * costs.imports
            if apart and own:  # the command chooses, and needs the data and the metric for that
                clock, work = clock + costs.place, work + costs.place
        else:
            clock = clock_before * work / work_before if work_before else 0.0
        if not pieces or not work:
            rows.append(Row(stage, 0.0, 0.0, 0, 0, 0))
            continue
        job = costs.peaks[stage] + counted.more_memory(stage, seeds, last)
        others = max(costs.parent, costs.peaks["start"] if stage == "verify" else 0)
        memory = job if stage == "report" or not apart else workers * job + others
        rows.append(Row(stage, costs.slowdown * clock, work, job, memory, counted.disk(stage, seeds, last)))
    return rows


class Piece(NamedTuple):
    """A piece of work that one job does.

    Attributes:
        stage: that it belongs to.
        seconds: that it takes.
        needs: which piece has to end before; None for none.
    """

    stage: str
    seconds: float
    needs: int | None = None


def makespan(pieces: Sequence[Piece], jobs: int) -> float:
    """When the last piece of work ends: a job that is free begins the first one whose need has ended."""
    waiting, free, ends = list(range(len(pieces))), [0.0] * jobs, dict[int, float]()
    while waiting:
        now = heapq.heappop(free)
        ready = [row for row in waiting if (needs := pieces[row].needs) is None or ends.get(needs, math.inf) <= now]
        if ready:
            waiting.remove(ready[0])
            ends[ready[0]] = now + pieces[ready[0]].seconds
            heapq.heappush(free, ends[ready[0]])
        else:
            heapq.heappush(free, min(end for end in ends.values() if end > now))
    return max(ends.values(), default=0.0)


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

    def until_tried(self, seeds: Sequence[Left]) -> list[Piece]:
        """The jobs of all seeds in the order of `jobs.pipeline`."""
        pieces: list[Piece] = []
        before: dict[int, int] = {}  # by seed, its piece that comes before the next
        for stage, cost in (("train", self._training), ("score", self._scoring)):
            for seed, to_do in enumerate(seeds):
                if (seconds := cost(to_do)) is not None:
                    pieces.append(Piece(stage, seconds, before.get(seed)))
                    before[seed] = len(pieces) - 1
        tried = [(horizon, seed) for seed, to_do in enumerate(seeds) for horizon in to_do.tried]
        for horizon, seed in sorted(tried, key=lambda one: -one[0]):
            pieces.append(Piece("cleanse", self._trying(horizon), before.get(seed)))
        return pieces

    def verifying(self, last: Sequence[VerifyLeft]) -> list[Piece]:
        """Comparisons of all seeds, and the retrainings of the first."""
        size = removals_in_a_job(self.of_states.stack)
        return [Piece("verify", self._comparing(to_do)) for to_do in last if to_do.compared] + [
            Piece("verify", self._retraining(removals, to_do.horizon))
            for to_do in last
            for removals in stacks(to_do.removals, size)
        ]

    def _training(self, to_do: Left) -> float | None:
        if not to_do.steps:
            return None
        costs = self.costs
        saved = recorded(self.steps, to_do.steps) * costs.save
        return costs.opening + to_do.steps * costs.step + saved + 2 * (costs.values + costs.load)

    def _scoring(self, to_do: Left) -> float | None:
        return self.costs.opening + self._scores(self.way.estimator, to_do.scored) if to_do.scored else None

    def _trying(self, horizon: int) -> float:
        _, counts = plan(self.config, self.examples)
        steps = redone(self.config, self.way, horizon)
        return self.costs.opening + self._retrainings(2 * len(counts), steps, self.costs.values)

    def _comparing(self, to_do: VerifyLeft) -> float:
        ranked = sum(self._scores(name, [to_do.horizon]) for name in to_do.compared)
        steps = redone(self.config, self.way, to_do.horizon)
        return self.costs.opening + ranked + self._retrainings(len(to_do.compared), steps, self.costs.values)

    def _retraining(self, removals: int, horizon: int) -> float:
        return self.costs.opening + self._retrainings(removals, horizon, self.costs.value)

    def _scores(self, estimator: str, horizons: Sequence[int]) -> float:
        """Scores of several horizons: metric gradient, checkpoints, steps run again and their adjoints."""
        costs, pace = self.costs, self.costs.paces[estimator]
        if not sweeps(estimator):
            return pace.once
        back = brought_back(self.steps, max(horizons), room(self.config, self.of_states.record))
        swept = ESTIMATORS[estimator].steps_swept(horizons)
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
        if scored and sweeps(self.way.estimator):
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
            growth = costs.growth if sweeps(self.way.estimator) else 0
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
