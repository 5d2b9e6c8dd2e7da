"""S+U learning (Shrivastava et al. 2017: SimGAN): simulated images that are refined until they look real."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.memory import Memory
from gansift.games.parameters import Net

#: How far a refined image is from its simulated one: the mean over pixels of squares, or of absolute values.
Penalty = Literal["squared", "l1"]


class SimGAN(Game):
    """Images of the data set ``simulated`` are refined by R until a critic takes them for ``real`` ones.

    With D the probability that an image is *refined*, the refiner lowers the mean over simulated images x of
    -log(1 - D(R(x))) + lambda r(R(x), x), where r is the mean over pixels of squares or of absolute values, and the
    critic lowers the mean of -log D(R(x)) plus the mean over real images y of -log(1 - D(y)). The critic judges local
    patches, and losses are means over them.

    Half of the refined images that the critic sees come from a buffer of older ones, as soon as it is full; every step
    puts half a batch into it, in the place of the oldest. A removed example never gets there. The term of the critic in
    the refiner's loss rises from 0 in the first part of training: R begins as the identity, so that both start warm.

    Args:
        refiner: images (B, C, H, W) -> refined images of the same shape; the identity before training.
        critic: images -> logits (B, ...) that each patch is refined.
        history: a memory of as many images as the buffer holds; None for no buffer.
        penalty: lambda, the weight of r.
        distance: r, ``squared`` or ``l1``.
        rise: share of training in which the term of the critic rises to its full weight.
        refinements: updates of the refiner for each one of the critic.

    Raises:
        TrainingError: for another distance.
    """

    stackable = True
    unlabelled = ("real",)

    def __init__(
        self,
        refiner: nn.Module,
        critic: nn.Module,
        history: Memory | None = None,
        *,
        penalty: float = 10.0,
        distance: Penalty = "squared",
        rise: float = 0.05,
        refinements: int = 2,
    ) -> None:
        if distance not in ("squared", "l1"):
            raise TrainingError(f"SimGAN's distance is squared or l1, not {distance!r}")
        self.penalty, self.distance, self.rise = penalty, distance, rise
        players: dict[str, nn.Module] = {"refiner": refiner, "critic": critic}
        schedule: list[tuple[str, int]] = [("refiner", refinements), ("critic", 1)]
        if history is not None:
            players["history"] = history
            schedule.append(("history", 1))
        super().__init__(schedule=schedule, **players)

    def refiner_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """What the critic tells of refined images, and lambda times how far they are from simulated ones."""
        told, changed = self.refiner_terms(net, batch)
        return self._risen(batch.simulated) * told + changed

    def refiner_terms(self, net: Net, batch: Batches) -> tuple[Tensor, Tensor]:
        """The two terms of the refiner's loss: that of the critic, which has yet to rise, and lambda times r."""
        simulated = batch.simulated
        refined = self.refine(net, simulated.x)
        told = weighted_mean(_over_patches(softplus(net.critic(refined))), simulated.weight)
        off = (refined - simulated.x).flatten(1)
        far = (off.square() if self.distance == "squared" else off.abs()).mean(1)
        return told, self.penalty * weighted_mean(far, simulated.weight)

    def critic_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The cross-entropy of what is refined, on refined images, of which some are older, and on real ones."""
        simulated, real = batch.simulated, batch.real
        on_real = weighted_mean(_over_patches(softplus(net.critic(real.x))), real.weight)
        fresh = _over_patches(softplus(-net.critic(self.refine(net, simulated.x))))
        on_fresh = weighted_mean(fresh, simulated.weight)
        if "history" not in self.players:
            return on_real + on_fresh
        half, held = len(simulated) // 2, net.history()
        old = _over_patches(softplus(-net.critic(held[draw.permutation(len(held))[:half]])))
        mixed = (fresh[half:] * simulated.weight[half:]).sum() + old.sum()
        full = self._full(simulated, len(held))
        return on_real + (1 - full) * on_fresh + full * mixed / len(simulated)

    def history_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Half of the refined images take the places of the oldest ones."""
        simulated = batch.simulated
        half, size = len(simulated) // 2, len(net.history())
        places = (torch.arange(half, device=simulated.x.device) + simulated.step * half) % size
        return net.history.write(places, self.refine(net, simulated.x[:half]), simulated.raw_weight[:half])

    def refine(self, net: Net, x: Tensor) -> Tensor:
        """Refined images, in the shape of simulated ones (B, C, H, W)."""
        return net.refiner(x)

    def show(self, net: Net, data: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Simulated images, what becomes of them, and real ones."""
        simulated = data["simulated"]
        return {"simulated": simulated, "refined": self.refine(net, simulated), "real": data["real"]}

    def _risen(self, batch: Batch) -> Tensor:
        """The share of its weight that the term of the critic has, from 0 to 1."""
        progress = torch.as_tensor(batch.step / batch.steps, dtype=batch.x.dtype, device=batch.x.device)
        return (progress / self.rise).clamp(max=1.0) if self.rise else torch.ones_like(progress)

    def _full(self, batch: Batch, size: int) -> Tensor:
        """1 as soon as the buffer is full, before that 0."""
        written = torch.as_tensor(batch.step * (len(batch) // 2) / size, dtype=batch.x.dtype, device=batch.x.device)
        return written.clamp(max=1.0).floor()

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {name: getattr(self, name) for name in ("penalty", "distance", "rise")}

    def check(self, net: Net, batch: Batches) -> None:
        """Refuse other data sets than ``simulated`` and ``real``, of images of one shape, and a buffer that is small.

        Raises:
            TrainingError: naming what does not fit.
        """
        if set(batch) != {"simulated", "real"}:
            raise TrainingError(f"SimGAN trains on the data sets simulated and real, not on {', '.join(batch)}")
        shapes = tuple(batch.simulated.x.shape[1:]), tuple(batch.real.x.shape[1:])
        if shapes[0] != shapes[1]:
            raise TrainingError(f"simulated images are of shape {shapes[0]}, and real ones of {shapes[1]}")
        if "history" in self.players and len(net.history()) < len(batch.simulated) // 2:
            raise TrainingError(
                f"the buffer holds {len(net.history())} images, and half a batch, which every step puts into it, is "
                f"{len(batch.simulated) // 2}"
            )


def _over_patches(losses: Tensor) -> Tensor:
    """The mean over the patches of each image, (B,)."""
    return losses.flatten(1).mean(1)
