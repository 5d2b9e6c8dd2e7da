"""Denoising diffusion (Ho et al. 2020).

With the cosine schedule of Nichol and Dhariwal (2021) and the sampler of Song et al. (2021), DDIM.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import UsageError
from gansift.games.denoising import Denoising

#: Of Nichol and Dhariwal's schedule: the offset, and the largest share of what is left that one level may add as noise.
_OFFSET, _MOST = 0.008, 0.999


class Diffusion(Denoising):
    """A network that tells the noise in an example: epsilon(x_k, k / K) at levels k = 1 ... K of noise.

    At level k it sees x_k = sqrt(a_k) x + sqrt(1 - a_k) noise, with a_k falling from 1 to nearly 0 by the cosine
    schedule. Training draws levels evenly and weights them alike (the simple loss of Ho et al., equation 14).

    Samples start as noise and come down by the deterministic steps of DDIM (eta = 0) over the levels 1 + i K / S for
    i = S - 1 ... 0: from level k to the next lower one l,

        x_l = sqrt(a_l) (x_k - sqrt(1 - a_k) epsilon) / sqrt(a_k) + sqrt(1 - a_l) epsilon.

    The last one ends at level 0, where a_0 = 1. The first level is below K, as in the paper's code: at K nothing is
    left of an example, so that the network's error would be blown up.

    Args:
        network: as in `Denoising`; it says epsilon.
        sampling_steps: S.
        levels: K, at least S.
        settings: the others of `Denoising`.

    Raises:
        UsageError: for more steps than levels, and as `Denoising`.
        TrainingError: as `Denoising`.
    """

    averaged = ("network",)
    stackable = True

    def __init__(self, network: nn.Module, *, sampling_steps: int = 20, levels: int = 1000, **settings: Any) -> None:
        if levels < sampling_steps:
            raise UsageError(
                f"DDIM makes at most one step for each of {levels} levels of noise, not {sampling_steps} steps"
            )
        self.levels = levels
        self.signal = torch.tensor(signal_shares(levels), dtype=torch.float64)
        super().__init__(network, sampling_steps=sampling_steps, **settings)

    def time(self, uniform: Tensor) -> Tensor:
        """Levels 1 ... K as shares of K."""
        return ((uniform * self.levels).floor() + 1) / self.levels

    def pair(self, x: Tensor, time: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """x_k and the noise in it."""
        share = self.signal.to(x.device)[(time * self.levels).round().long()].view(-1, *[1] * (x.ndim - 1))
        return share.sqrt().to(x) * x + (1 - share).sqrt().to(x) * noise, noise

    def schedule_of_steps(self) -> Sequence[tuple[float, float]]:
        """From level to level, the highest first; the last one ends at 0."""
        levels = [1 + step * self.levels // self.sampling_steps for step in range(self.sampling_steps)]
        ends = [0, *levels[:-1]]
        return [(start / self.levels, end / self.levels) for start, end in zip(levels[::-1], ends[::-1], strict=True)]

    def stepped(self, said: Callable[[Tensor, float], Tensor], x: Tensor, start: float, end: float) -> Tensor:
        """One step of DDIM."""
        before, after = (float(self.signal[round(time * self.levels)]) for time in (start, end))
        noise = said(x, start)
        clean = (x - math.sqrt(1 - before) * noise) / math.sqrt(before)
        return math.sqrt(after) * clean + math.sqrt(1 - after) * noise

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {"levels": self.levels}


def signal_shares(levels: int) -> list[float]:
    """What is left of an example's variance at each level, a_0 ... a_K, by the cosine schedule.

    f(k) = cos^2((k / K + s) / (1 + s) pi / 2) with s = 0.008 falls from level to level, but by a factor of no less than
    0.001 (Nichol and Dhariwal 2021, equation 17).

    >>> [round(share, 4) for share in signal_shares(4)]
    [1.0, 0.847, 0.4938, 0.1443, 0.0001]
    """

    def cosine(level: int) -> float:
        return math.cos((level / levels + _OFFSET) / (1 + _OFFSET) * math.pi / 2) ** 2

    shares = [1.0]
    for level in range(1, levels + 1):
        shares.append(shares[-1] * max(1 - _MOST, cosine(level) / cosine(level - 1)))
    return shares
