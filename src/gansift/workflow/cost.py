"""What a piece of work takes, counted in things that have a price on every machine."""

from __future__ import annotations

from typing import NamedTuple

from gansift.influence.estimators import ESTIMATORS, sweeps
from gansift.workflow.states import Sizes, brought_back, retrained

#: A step of the backward sweep costs about this many training steps.
SWEEP = 3.5


class Cost(NamedTuple):
    """What a job takes.

    Attributes:
        steps: the steps of training.
        saved: the number of states that are written.
        loaded: the number of states that are read, beside those of a sweep or a retraining.
        values: the number of times that a metric is measured, on validation and on test data together.
        swept: the estimator of every sweep, and the horizons that it scores.
        scores: the number of files of scores that are written.
        growth: the steps of sweeps whose growth is written.
        replicas: the number of retrainings.
        redone: the steps of each retraining.
        listed: the number of ids that are written.
        together: the number of seeds that are trained or swept in one stack.
    """

    steps: int = 0
    saved: int = 0
    loaded: int = 0
    values: int = 0
    swept: tuple[tuple[str, tuple[int, ...]], ...] = ()
    scores: int = 0
    growth: int = 0
    replicas: int = 0
    redone: int = 0
    listed: int = 0
    together: int = 1

    @property
    def work(self) -> float:
        """The work in training steps, as progress counts it."""
        swept = sum(ESTIMATORS[estimator].steps_swept(horizons) for estimator, horizons in self.swept)
        return self.steps + SWEEP * swept + float(self.replicas * self.redone)

    def held(self, steps: int, room: int | None, of_states: Sizes) -> int:
        """Bytes of the states that are in memory at the same time at the least.

        Args:
            steps: of the whole run.
            room: for so many records of a step of all that is swept together, None for all (see `states.room`).
            of_states: their sizes.
        """
        needed = [2 * self.together * of_states.state if self.steps else 0]
        needed += [
            self.together * (brought_back(steps, max(horizons), room).held * of_states.record + 2 * of_states.state)
            for estimator, horizons in self.swept
            if sweeps(estimator)
        ]
        if self.replicas:
            needed.append(retrained(self.redone, self.replicas, of_states.stack) * of_states.state)
        return max(needed)

    def in_miniature(self, steps: int) -> Cost:
        """The same kind of work, all of it over the whole of a run of so many steps."""
        return self._replace(
            steps=min(self.steps, steps),
            swept=tuple((estimator, (steps,)) for estimator, _ in self.swept),
            redone=steps if self.replicas else 0,
            together=1,
        )


class ToDo(NamedTuple):
    """A piece of work that is not done yet.

    Attributes:
        stage: the stage to which it belongs.
        cost: what it takes.
        needs: the rows of the pieces before it that have to be done first.
    """

    stage: str
    cost: Cost
    needs: tuple[int, ...] = ()
