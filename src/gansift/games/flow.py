"""A flow between data sets (Esser, Rombach and Ommer 2020): what is the same in all of them, and what is each one's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.games.batch import Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net

#: How far a reconstruction is from its example: the mean over its numbers of squares, or of absolute values.
Error = Literal["squared", "l1"]

# Examples of each data set of which pictures are made.
_SHOWN = 4


class LatentFlow(Game):
    """An autoencoder of the union of several data sets, and a flow that knows of which one a latent is.

    The encoder E and the decoder G lower the mean over the data sets of

        mean of r(G(z), x) + decay |z|^2 / d,   z = E(x) of d numbers,

    where r is the mean over an example's numbers of squares or of absolute values. The flow f, which is told the number
    c of the data set, lowers the mean over the data sets of -log p(z | c) / d. The latents it is shown are those of the
    encoder at that step; nothing of its loss reaches the encoder, as in the note, where the autoencoder is fixed.

    Then v = f(z | c) is as good as normally distributed in every data set, so that it tells nothing of c. An example of
    a is made one of b by G(f^-1(f(E(x) | a) | b)). That this keeps its content is no consequence of anything here.

    Args:
        encoder: examples (B, *shape) -> latents (B, d).
        decoder: latents -> examples.
        flow: its call gives log p(z | c) (B,) of latents z and the number c of a data set, ``normalised(z, c)`` v and
            the logarithm of the determinant, and ``inverse(v, c)`` z; such as `models.CouplingFlow`.
        sets: names of the data sets, in the order of their numbers.
        error: r, ``squared`` or ``l1``.
        decay: weight of the latents' squares, which keeps their scale from drifting.
        perceive: features (B, k) of examples; the mean of their squared differences is a further term of r, or None.
        perceptual: weight of that term.

    Raises:
        TrainingError: for another error, or fewer than two data sets.
    """

    stackable = True

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        flow: nn.Module,
        *,
        sets: Sequence[str],
        error: Error = "squared",
        decay: float = 1e-3,
        perceive: Callable[[Tensor], Tensor] | None = None,
        perceptual: float = 0.0,
    ) -> None:
        if error not in ("squared", "l1"):
            raise TrainingError(f"the error of a reconstruction is squared or l1, not {error!r}")
        if len(sets) < 2:
            raise TrainingError(f"a flow between data sets needs two or more of them, not {len(sets)}")
        self.sets = tuple(sets)
        self.error, self.decay, self.perceptual = error, decay, perceptual
        self.unlabelled = self.sets
        self._perceive = perceive
        schedule = ((("encoder", "decoder"), 1), ("flow", 1))
        super().__init__(schedule=schedule, encoder=encoder, decoder=decoder, flow=flow)

    def encoder_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The mean error of reconstructions and the squares of latents, over all data sets."""
        return self._over_sets(lambda name: self._reconstruction(net, batch[name].x), batch)

    def decoder_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The same as the encoder's."""
        return self.encoder_loss(net, batch, draw)

    def flow_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """-log p(z | c) per number of z, over all data sets."""

        def losses(name: str) -> Tensor:
            z = self.represent(net, batch[name].x)
            return -net.flow(z, self.number(name)) / z.shape[1]

        return self._over_sets(losses, batch)

    def represent(self, net: Net, x: Tensor) -> Tensor:
        """The latents z (B, d) of examples (B, *shape), of whatever data set."""
        return net.encoder(x)

    def reconstruct(self, net: Net, x: Tensor) -> Tensor:
        """Examples (B, *shape) as the autoencoder gives them back."""
        return net.decoder(self.represent(net, x))

    def content(self, net: Net, x: Tensor, source: str) -> Tensor:
        """The content v = f(z | source), (B, d), of examples of that data set."""
        return net.flow.normalised(self.represent(net, x), self.number(source))[0]

    def render(self, net: Net, v: Tensor, target: str) -> Tensor:
        """Examples (B, *shape) of a data set with the content v (B, d)."""
        return net.decoder(net.flow.inverse(v, self.number(target)))

    def transfer(self, net: Net, x: Tensor, source: str, target: str) -> Tensor:
        """Examples (B, *shape) of one data set as examples of another one; of the same one, their reconstructions."""
        return self.render(net, self.content(net, x, source), target)

    def log_densities(self, net: Net, x: Tensor) -> Tensor:
        """Log p(z | c), (B, number of data sets), of the latents of examples under every data set c."""
        z = self.represent(net, x)
        return torch.stack([net.flow(z, number) for number in range(len(self.sets))], 1)

    def number(self, name: str) -> int:
        """The number of a data set, which the flow is told.

        Raises:
            TrainingError: if there is no such data set.
        """
        if name not in self.sets:
            raise TrainingError(f"there is no data set {name!r}; there are {', '.join(self.sets)}")
        return self.sets.index(name)

    def show(self, net: Net, data: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Some examples of every data set, and the same as examples of each of them."""
        few = {name: data[name][:_SHOWN] for name in self.sets}
        as_sets = {
            f"as {target}": torch.cat([self.transfer(net, x, source, target) for source, x in few.items()])
            for target in self.sets
        }
        return {"example": torch.cat(list(few.values())), **as_sets}

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {name: getattr(self, name) for name in ("sets", "error", "decay", "perceptual")}

    def check(self, net: Net, batch: Batches) -> None:
        """Refuse other data sets than those that the flow has numbers for.

        Raises:
            TrainingError: naming what does not fit.
        """
        if set(batch) != set(self.sets):
            raise TrainingError(
                f"this flow is between {', '.join(self.sets)}, and the data sets are {', '.join(batch)}"
            )

    def _over_sets(self, losses: Callable[[str], Tensor], batch: Batches) -> Tensor:
        """The mean over the data sets of the weighted means of what each example of theirs loses."""
        return torch.stack([weighted_mean(losses(name), batch[name].weight) for name in self.sets]).mean()

    def _reconstruction(self, net: Net, x: Tensor) -> Tensor:
        z = self.represent(net, x)
        made = net.decoder(z)
        off = (made - x).flatten(1)
        far = (off.square() if self.error == "squared" else off.abs()).mean(1)
        if self._perceive is not None:
            far = far + self.perceptual * (self._perceive(made) - self._perceive(x)).square().mean(1)
        return far + self.decay * z.square().mean(1)
