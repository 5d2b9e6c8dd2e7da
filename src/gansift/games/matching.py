"""Conditional flow matching on straight paths (Lipman et al. 2023; Liu et al. 2023)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from gansift.errors import UsageError
from gansift.games.denoising import Denoising

Solver = Literal["heun", "euler"]


class FlowMatching(Denoising):
    """A velocity v(x, t) that carries noise at time 0 into examples at time 1.

    On the straight path from a noise z to an example x_1 it is asked at x_t = (1 - t) z + t x_1, t uniform on [0, 1),
    and learns the path's own velocity, x_1 - z; its best answer is the mean of these over all paths through x_t.
    Samples solve dx / dt = v(x, t) from a noise on, by equal steps of Heun's rule or of Euler's.

    Args:
        network: as in `Denoising`; it says v.
        sampling_steps: of the solver. One of Heun's calls the network twice.
        solver: ``heun`` or ``euler``.
        settings: the others of `Denoising`.

    Raises:
        UsageError: for an unknown solver, and as `Denoising`.
        TrainingError: as `Denoising`.
    """

    averaged = ("network",)
    stackable = True

    def __init__(
        self, network: nn.Module, *, sampling_steps: int = 8, solver: Solver = "heun", **settings: Any
    ) -> None:
        if solver not in ("heun", "euler"):
            raise UsageError(f"unknown solver {solver!r}; choose heun or euler")
        self.solver = solver
        super().__init__(network, sampling_steps=sampling_steps, **settings)

    def time(self, uniform: Tensor) -> Tensor:
        """Times are uniform on [0, 1)."""
        return uniform

    def pair(self, x: Tensor, time: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and x_1 - z."""
        t = time.view(-1, *[1] * (x.ndim - 1))
        return (1 - t) * noise + t * x, x - noise

    def schedule_of_steps(self) -> Sequence[tuple[float, float]]:
        """Equal steps from 0 to 1."""
        return [(step / self.sampling_steps, (step + 1) / self.sampling_steps) for step in range(self.sampling_steps)]

    def stepped(self, said: Callable[[Tensor, float], Tensor], x: Tensor, start: float, end: float) -> Tensor:
        """One step of the solver."""
        length, slope = end - start, said(x, start)
        if self.solver == "euler":
            return x + length * slope
        return x + length * (slope + said(x + length * slope, end)) / 2

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {"solver": self.solver}
