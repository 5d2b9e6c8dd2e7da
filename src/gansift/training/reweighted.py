"""Several retrainings of one run as one: replicas that differ only in the weights of the examples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gansift.training.compiled import Call
from gansift.training.state import State
from gansift.training.step import Step
from gansift.training.written import Written


class Reweighted(Step):
    """The step of R replicas at once: slots are (R, P) and weights (R, N); batches and random numbers are shared.

    Args:
        step: that of each of them.
        count: how many there are, R.
    """

    #: Whether all replicas see the same batches and random numbers.
    shared = True

    def __init__(self, step: Step, count: int) -> None:
        vars(self).update(vars(step))  # game, data and layouts are those of each
        self._of_each, self._count = step, count
        written = Written(self) if self.shards.count == 1 else None
        self.compiled = written if written is not None and written.possible else None

    @classmethod
    def of(cls, step: Step, count: int) -> Reweighted:
        """The same for the same step and number as before: what was written down for them serves again."""
        known: dict[int, Reweighted] = vars(step).setdefault("_reweighted", {})
        # A copy of a step may hold other data, and has the dictionary of that step.
        if count not in known or known[count]._of_each is not step:
            known[count] = cls(step, count)
        return known[count]

    @property
    def first(self) -> tuple[Step, int]:
        """The step of one replica, and its row."""
        return self._of_each, 0

    def expanded(self, state: State) -> State:
        """The state of one run as that of R replicas of it."""
        return {
            player: {name: value.expand(self._count, -1).clone() for name, value in slots.items()}
            for player, slots in state.items()
        }

    def initial(self) -> State:
        """The state before the first step."""
        return self.expanded(self._of_each.initial())

    def drawn(self, number: int, player: str, turn: int, calls: Sequence[Call]) -> list[Tensor]:
        """What a player's loss draws if these are its calls."""
        draw = self.draw(number, player, turn)
        return [getattr(draw, call.kind)(*call.shape) for call in calls]
