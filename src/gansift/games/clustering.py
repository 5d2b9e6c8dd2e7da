"""Clustering, plain and up to transformations: K-means, Frey and Jojic's finite ones, and DTI (Monnier et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any, Literal

import torch
from torch import Tensor

from gansift.errors import TrainingError
from gansift.games.batch import Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.inherited import Inherited
from gansift.games.memory import Memory
from gansift.games.parameters import Net
from gansift.models.clusters import Clusters
from gansift.models.warp import affine, finite_moves, places, sampled, thin_plate

#: What clusters are, see `Clustering`.
Kind = Literal["kmeans", "shifts", "dti-kmeans", "dti-gmm"]

_AFFINE, _CONTROL = 6, 4
# Every so many steps the sizes of clusters are counted in the batch, and move by a share towards what was counted.
_COUNTED, _FOLLOWED = 10, 0.2
# In the last part of training nothing is re-seeded, so that every cluster has the time to find its place.
_SETTLED = 0.8
# A cluster starves below this share of the mean size; a re-seeded one is a copy with so much noise.
_STARVING, _NOISE = 0.2, 0.05


class Clustering(Game):
    """Clusters of the examples of one data set, each with a prototype c_k.

    The clusters lower the mean over examples x of what x costs the cheapest of them:

    - ``kmeans``: min_k |x - c_k|^2;
    - ``shifts``: min_k min_t |x - T_t(c_k)|^2 over a finite set of shifts, and rotations (Frey and Jojic 2003);
    - ``dti-kmeans``: min_k |x - T_k(c_k)|^2, where a network looks at x and says how each prototype is transformed
      (Monnier, Groueix and Aubry 2020: deep transformation-invariant clustering);
    - ``dti-gmm``: -log sum_k p_k N(x; T_k(c_k), T_k(s_k^2) + sigma_min^2), the same with Gaussians.

    A transformation of the last two is an affine map after thin-plate splines through 4 x 4 control points, both in one
    interpolation, and for colour images a gain and a shift of each channel. All start as the identity, and are
    switched on one after the other. As far as metrics and scores are concerned, which cluster is cheapest, and where a
    pixel is taken from, is whatever it is for the given players: the derivative goes through the alignment.

    Prototypes start as examples of the first batch. Every ``reseed`` steps each cluster with less than a fifth of the
    mean size becomes a copy of the largest one, with a little noise: prototype, head, and a copy of its optimizer's
    moments. Which one does is fixed for scores, and decided again by retraining; see `Game.event`.

    Args:
        kind: see above.
        shape: of an example; all kinds but ``kmeans`` need images (C, H, W).
        clusters: K.
        hidden: features of the encoder, and width of the heads.
        affine_from: share of training after which affine maps are learnt; 1 for never.
        splines_from: the same of thin-plate splines.
        colour_from: the same of gains and shifts of the channels; only of colour images.
        reach: largest shift of ``shifts``, in pixels.
        rotation: degrees by which ``shifts`` also rotates, to either side; 0 for none.
        sigma_min: least standard deviation of a pixel in ``dti-gmm``; pixels are from -1 to 1.
        reseed: steps between two looks for clusters that starve; 0 for none.

    Raises:
        TrainingError: for another kind, or one that needs images and gets none.

    Examples:
        >>> from gansift import training
        >>> from gansift.data import Examples
        >>> points = Examples.of([[-1.2], [-0.8], [0.9], [1.1]])
        >>> game = Clustering("kmeans", (1,), clusters=2)
        >>> run = training.train(game, points, steps=200, batch_size=4, optimizers=training.Adam(lr=0.03), seed=0)
        >>> sorted(round(value, 2) for value in run.trained().net().clusters.prototypes.flatten().tolist())
        [-1.0, 1.0]
    """

    stackable = True

    def __init__(
        self,
        kind: Kind,
        shape: tuple[int, ...],
        clusters: int,
        *,
        hidden: int = 32,
        affine_from: float = 0.05,
        splines_from: float = 0.3,
        colour_from: float = 0.05,
        reach: int = 2,
        rotation: float = 0.0,
        sigma_min: float = 0.5,
        reseed: int = 50,
    ) -> None:
        self.kind, self.clusters, self.sigma_min, self.reseed = kind, clusters, sigma_min, reseed
        self.reach, self.rotation = reach, rotation
        if kind not in ("kmeans", "shifts", "dti-kmeans", "dti-gmm"):
            raise TrainingError(f"clusters are kmeans, shifts, dti-kmeans or dti-gmm, not {kind!r}")
        if kind != "kmeans" and (len(shape) != 3 or min(shape[1:]) < 2):
            raise TrainingError(f"clusters of the kind {kind} are of images, and examples have the shape {shape}")
        parts = {"affine": (_AFFINE, affine_from), "splines": (2 * _CONTROL**2, splines_from)}
        if shape[0] == 3:
            parts["colour"] = (2 * shape[0], colour_from)
        self.parts = {name: part for name, part in parts.items() if kind.startswith("dti") and part[1] < 1}
        self._where = torch.empty(0, 2) if len(shape) != 3 else places(shape[1], shape[2])
        self._bend = thin_plate(self._where, _CONTROL) if "splines" in self.parts else None
        self._moves = finite_moves(shape[1], shape[2], reach, rotation) if kind == "shifts" else None
        spread = 2 * sigma_min if kind == "dti-gmm" else None
        network = Clusters(clusters, shape, sum(numbers for numbers, _ in self.parts.values()), hidden, spread)
        super().__init__(clusters=network, sizes=Memory(torch.full((clusters,), 1 / clusters)))

    def clusters_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """The mean of what an example costs."""
        progress = torch.as_tensor(batch.step / batch.steps, dtype=batch.x.dtype, device=batch.x.device)
        return weighted_mean(self.loss_of(self.costs(net, batch.x, progress)), batch.weight)

    def sizes_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Nothing: the sizes are counted by the event."""
        return net.sizes.towards(torch.zeros_like(net.sizes()), 0.0)

    def loss_of(self, costs: Tensor) -> Tensor:
        """What examples cost altogether (B,), from what they cost each cluster (B, K)."""
        return -torch.logsumexp(-costs, 1) if self.kind == "dti-gmm" else costs.amin(1)

    def costs(self, net: Net, x: Tensor, progress: Tensor | float = 1.0) -> Tensor:
        """What each example costs each cluster, shape (B, K): squared distances, or -log(p_k N_k).

        Args:
            net: the players.
            x: examples, shape (B, *shape).
            progress: of training, from 0 to 1; it decides which transformations are switched on.
        """
        if self.kind == "kmeans":
            return _squares(x.flatten(1), net.clusters.prototypes.flatten(1))
        if self.kind == "shifts":
            moved = self._moved(net.clusters.prototypes)
            return self._from_moved(x, moved).amin(2)
        numbers, images = self._numbers(net, x, progress), net.clusters.prototypes
        if self.kind == "dti-gmm":  # moved together, since where pixels are taken from is the same
            images = torch.cat([images, net.clusters.spreads.square()], 1)
        warped = self._warped(images, numbers)
        channels = x.shape[1]
        off = (self._coloured(warped[:, :, :channels], numbers) - x.flatten(2)[:, None]).square()
        if self.kind == "dti-kmeans":
            return off.sum((2, 3))
        variance = warped[:, :, channels:] + self.sigma_min**2
        density = -(off / variance + (2 * math.pi * variance).log()).sum((2, 3)) / 2
        return -density - net.clusters.shares.log_softmax(0)

    def assigned(self, net: Net, x: Tensor) -> Tensor:
        """The cluster of each example, int64, shape (B,)."""
        return self.costs(net, x).argmin(1)

    def align(self, net: Net, x: Tensor) -> Tensor:
        """Every prototype as it is transformed towards each image, shape (B, K, *shape)."""
        prototypes = net.clusters.prototypes
        if self.kind == "kmeans":
            return prototypes.expand(len(x), *prototypes.shape)
        if self.kind == "shifts":
            moved = self._moved(prototypes)
            nearest = self._from_moved(x, moved).argmin(2)
            found = moved[torch.arange(self.clusters, device=x.device), nearest]
        else:
            numbers = self._numbers(net, x, 1.0)
            found = self._coloured(self._warped(prototypes, numbers), numbers)
        return found.expand(len(x), -1, -1, -1).unflatten(3, prototypes.shape[2:])

    def _moved(self, prototypes: Tensor) -> Tensor:
        """Prototypes under every finite transformation, shape (K, T, C, H * W)."""
        assert self._moves is not None
        where = self._moves.to(prototypes)[:, None].expand(-1, self.clusters, -1, -1)
        return sampled(prototypes, where).transpose(0, 1)

    def _from_moved(self, x: Tensor, moved: Tensor) -> Tensor:
        """Squared distances of examples to all moved prototypes (K, T, C, H * W), shape (B, K, T)."""
        return _squares(x.flatten(1), moved.flatten(2).flatten(0, 1)).unflatten(1, moved.shape[:2])

    def _numbers(self, net: Net, x: Tensor, progress: Tensor | float) -> dict[str, Tensor]:
        """What the heads say of each kind of transformation, shape (B, K, ...); 0 where it is not yet switched on."""
        if not self.parts:
            return {}
        said = net.clusters(x).split([numbers for numbers, _ in self.parts.values()], 2)
        reached = torch.as_tensor(progress, dtype=x.dtype, device=x.device)
        return {
            name: own * (reached >= start).to(x.dtype)
            for (name, (_, start)), own in zip(self.parts.items(), said, strict=True)
        }

    def _warped(self, images: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Images of each cluster (K, C, H, W) as they are transformed for each example, shape (B, K, C, H * W)."""
        where = self._where.to(images)
        if not numbers:
            return images.flatten(2)[None]
        if "splines" in numbers:
            assert self._bend is not None
            where = where + self._bend.to(images) @ numbers["splines"].unflatten(2, (_CONTROL**2, 2))
        if "affine" in numbers:
            where = affine(where, numbers["affine"][..., :4].unflatten(2, (2, 2)), numbers["affine"][..., 4:])
        return sampled(images, where if where.ndim == 4 else where.expand(*self._batch(numbers), -1, -1))

    def _batch(self, numbers: Mapping[str, Tensor]) -> torch.Size:
        return next(iter(numbers.values())).shape[:2]

    def _coloured(self, aligned: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        if "colour" not in numbers:
            return aligned
        gain, shift = numbers["colour"].unsqueeze(-1).chunk(2, 2)
        return aligned * (1 + gain) + shift

    def event(self, net: Net, batch: Batches, draw: Draw) -> Mapping[str, Mapping[str, Tensor | Inherited]]:
        """Prototypes start as examples; starving clusters become copies of large ones. See `Game.event`."""
        if batch.step == 0:
            return {"clusters": {"prototypes": self._chosen(batch, draw)}}
        if not self.reseed or batch.step % _COUNTED or batch.step > _SETTLED * batch.steps:
            return {}
        sizes = self._counted(net, batch)
        if batch.step % self.reseed >= _COUNTED:
            return {"sizes": {"value": sizes}}
        rows, sizes = _reseeded(sizes)
        if torch.equal(rows, torch.arange(self.clusters, device=rows.device)):
            return {"sizes": {"value": sizes}}
        own = {name: getattr(net.clusters, name) for name in ("spreads", "shares") if self.kind == "dti-gmm"}
        if self.parts:
            own |= self._heads(net)
        prototypes, new = net.clusters.prototypes, rows != torch.arange(self.clusters, device=rows.device)
        noise = (
            _NOISE * draw.normal(*prototypes.shape) * new.to(prototypes.dtype).view(-1, *[1] * (prototypes.ndim - 1))
        )
        copied = {name: Inherited(value[rows], rows) for name, value in own.items()}
        return {
            "sizes": {"value": sizes},
            "clusters": {"prototypes": Inherited(prototypes[rows] + noise, rows), **copied},
        }

    def _heads(self, net: Net) -> dict[str, Tensor]:
        """The parameters that have a row for each cluster's head, by name."""
        names = [name for name, _ in self.players["clusters"].named_parameters() if name.startswith("heads.")]
        return {
            name: reduce(getattr, name.split(".")[2:], net.clusters.heads[int(name.split(".")[1])]) for name in names
        }

    def _chosen(self, batch: Batches, draw: Draw) -> Tensor:
        """As many examples as there are clusters, different ones and never a removed one."""
        order = draw.permutation(len(batch))
        kept = order[batch.raw_weight[order] > 0]
        if not len(kept):
            raise TrainingError("every example of the first batch is removed, and clusters start as examples of it")
        return batch.x[kept[torch.arange(self.clusters, device=kept.device) % len(kept)]]

    def _counted(self, net: Net, batch: Batches) -> Tensor:
        """The sizes of clusters, shares (K,), after what the batch says of them."""
        with torch.no_grad():
            progress = batch.step / batch.steps
            nearest = self.costs(net, batch.x, progress).argmin(1)
            held = batch.raw_weight.new_zeros(self.clusters).index_add(0, nearest, batch.raw_weight)
            held = held / held.sum().clamp(min=1e-12)
            return torch.lerp(net.sizes(), held.to(net.sizes().dtype), _FOLLOWED)

    def show(self, net: Net, data: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Prototypes, some images, and the prototype of each as it is aligned to it."""
        (x,) = data.values()
        rows = torch.arange(len(x), device=x.device)
        return {
            "prototypes": net.clusters.prototypes,
            "images": x,
            "aligned prototypes": self.align(net, x)[rows, self.assigned(net, x)],
        }

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        said = ("kind", "clusters", "sigma_min", "reseed", "reach", "rotation")
        return (
            super().settings()
            | {name: getattr(self, name) for name in said}
            | {f"{name}_from": start for name, (_, start) in self.parts.items()}
        )

    def check(self, net: Net, batch: Batches) -> None:
        """Refuse several data sets, and fewer examples in a batch than clusters.

        Raises:
            TrainingError: naming what does not fit.
        """
        if len(list(batch)) != 1:
            raise TrainingError(f"clusters are of one data set, not of {', '.join(batch)}")
        if len(batch) < self.clusters:
            raise TrainingError(
                f"{self.clusters} clusters start as examples of the first batch, which has {len(batch)}: a larger "
                "batch, or fewer clusters"
            )


def _squares(x: Tensor, centres: Tensor) -> Tensor:
    """Squared distances of rows (B, d) to rows (K, d), shape (B, K)."""
    return (x.square().sum(1)[:, None] + centres.square().sum(1) - 2 * x @ centres.T).clamp(min=0)


def _reseeded(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """For each cluster the one that it becomes a copy of, and the sizes after that; (K,) both.

    The smallest starving cluster takes half of the largest, and so on.
    """
    rows, sizes = torch.arange(len(sizes), device=sizes.device), sizes.clone()
    for cluster in sizes.argsort()[: int((sizes < _STARVING / len(sizes)).sum())].tolist():
        largest = int(sizes.argmax())
        rows[cluster] = rows[largest]
        sizes[[cluster, largest]] = sizes[largest] / 2
    return rows, sizes
