"""Any function of the trained players as a metric: what a classifier gets wrong, a gap between groups, a distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games import Trained
from gansift.games.batch import Batch
from gansift.metrics.blocks import kept_rows
from gansift.metrics.metric import Direction, HasTrained, Metric, subset, trained_of

if TYPE_CHECKING:
    from gansift.data.examples import Examples

#: The name by which the training weights are differentiated, beside those of the players.
_WEIGHTS = "the training weights"


class NetMetric:
    """A number that a function reads off the trained players; its gradient is that of autograd.

    The function is called as ``function(game, net)``, with held-out examples as ``function(game, net, batch)``, and
    with ``weights=`` too where it reads the training weights. ``net`` has the players as the losses see them. The
    function returns a scalar tensor, differentiable in the players' parameters (and in the weights), and draws whatever
    is random in it from a `Draw` of its own, so that every call gives the same number.

    Args:
        function: see above.
        name: short and fit for a file name.
        direction: whether ``lower`` or ``higher`` values are better.
        examples: held-out examples, never those of the training; handed on as a `Batch` of weight 1.
        chunk: hand the examples on in parts of at most so many, to bound the memory; the metric is then the mean of the
            parts' values, weighted by their sizes. That is right for a mean over examples alone: a difference of group
            means, say, needs all of them at once, which is the default.
        reported: the metric that people report in place of this one, if the one they report has no useful gradient:
            the gap of decisions beside that of probabilities.
        scale: size of a change that matters, for a metric that may be near 0; see `Metric`.
        reads_weights: the function also takes ``weights``, one per training example over all data sets, shape (N,): a
            classifier that is fitted on what the players made of the training examples needs them.
        logarithmic: its changes are relative changes; see `Metric`.
        label: a short human name; default ``name``.
        meaning: what it measures, one clause.
        caution: what must not be read into its values, one sentence.

    Raises:
        UsageError: if ``direction``, ``chunk`` or ``scale`` is not one, or there are no examples to take chunks of.

    Examples:
        >>> from gansift import games
        >>> class Line(games.Game):
        ...     def line_loss(self, net, batch, draw):
        ...         return games.weighted_mean((net.line(batch.x).squeeze(1) - batch.x[:, 0]).square(), batch.weight)
        >>> line = torch.nn.Linear(1, 1)
        >>> _ = torch.nn.init.ones_(line.weight), torch.nn.init.zeros_(line.bias)
        >>> trained = games.Trained(Line(line=line), {"line": torch.tensor([1.0, 0.0])})
        >>> bias = NetMetric(lambda game, net: net.line(torch.ones(1, 1)).sum() - 1, name="bias", direction="lower")
        >>> bias.value(trained), bias.gradient(trained)
        (0.0, {'line': tensor([1., 1.])})
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        *,
        name: str,
        direction: Direction,
        examples: Examples | Tensor | None = None,
        chunk: int | None = None,
        reported: Metric | None = None,
        scale: float | None = None,
        reads_weights: bool = False,
        logarithmic: bool = False,
        label: str = "",
        meaning: str = "",
        caution: str = "",
    ) -> None:
        if direction not in ("lower", "higher"):
            raise UsageError(f"the direction of {name} must be 'lower' or 'higher', not {direction!r}")
        if chunk is not None and (chunk < 1 or examples is None):
            raise UsageError(f"{name} needs a chunk of 1 or more and examples to take chunks of; got chunk={chunk}")
        if examples is not None and not len(examples):
            raise UsageError(f"{name} needs held-out examples, and got none")
        if scale is not None and not 0 < scale < float("inf"):
            raise UsageError(f"the scale of {name} must be a number above 0, not {scale}")
        self.name = name
        self.direction = direction
        self.reference = examples
        self.reported = reported
        self.scale = scale
        self.logarithmic = logarithmic
        self.label = label or name
        self.meaning = meaning
        self.caution = caution
        self._function = function
        self._chunk = chunk
        self._reads_weights = reads_weights

    def value(self, source: Trained | HasTrained) -> float:
        """The metric of trained players, or of a run.

        Raises:
            UsageError: if the function does not return a scalar, or reads weights that the players do not carry.
            GansiftError: if the value is NaN or infinite.
        """
        trained = trained_of(source)
        value = float(sum(part.detach().double() for part in self._parts(trained, self._leaves(trained))))
        if not abs(value) < float("inf"):
            raise GansiftError(
                f"{self.name} cannot be computed: it is {value}. The training has diverged, or the metric divides by "
                "zero; lower the learning rate, or look at what the metric does with these players."
            )
        return value

    def without_examples(self, source: Trained | HasTrained, blocks: int) -> list[float]:
        """The value without each of several blocks of its held-out examples, see `metrics.replicates`.

        Raises:
            UsageError, GansiftError: as `value`.
        """
        if self.reference is None:
            return []
        values, trained = [], trained_of(source)
        for rows in kept_rows(len(self.reference), blocks):
            part = self.among(rows)
            assert part is not None
            values.append(part.value(trained))
        return values

    def among(self, rows: Tensor) -> NetMetric | None:
        """The same metric of some of its held-out examples; None for one that has none.

        Args:
            rows: int64 positions of the examples, shape (n,).
        """
        if self.reference is None:
            return None
        part = copy(self)
        part.reference = subset(self.reference, rows)
        return part

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """The metric's gradient in each player's flat parameters, at fixed training weights.

        Raises:
            UsageError: as `value`.
            GansiftError: if the function is cut off from all players' parameters.
        """
        gradient = self._pulled_back(source)
        gradient.pop(_WEIGHTS, None)
        return gradient

    def weight_gradient(self, source: Trained | HasTrained) -> Tensor | None:
        """The metric's derivative in the training weights at fixed players, shape (N,); None if it reads none.

        Raises:
            UsageError, GansiftError: as `gradient`.
        """
        return self._pulled_back(source)[_WEIGHTS] if self._reads_weights else None

    def _pulled_back(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """The derivative in the flat parameters of each player, and in the weights where they are read."""
        trained = trained_of(source)
        leaves = {name: flat.detach().requires_grad_() for name, flat in self._leaves(trained).items()}
        gradient = {name: torch.zeros_like(flat) for name, flat in leaves.items()}
        for part in self._parts(trained, leaves):
            if not part.requires_grad:
                raise GansiftError(
                    f"{self.name} has no gradient: its value is cut off from the players' parameters. Remove "
                    "torch.no_grad(), detach() and .item() from its function; whatever has no derivative can be the "
                    "reported twin of a metric that has one (reported=...)."
                )
            pulled = torch.autograd.grad(part, list(leaves.values()), allow_unused=True)
            for name, share in zip(leaves, pulled, strict=True):
                if share is not None:
                    gradient[name] += share
        return gradient

    def _leaves(self, trained: Trained) -> dict[str, Tensor]:
        """All that the value depends on, by name."""
        if not self._reads_weights:
            return trained.parameters
        if trained.weights is None:
            raise UsageError(
                f"{self.name} reads the training weights, and these players do not carry any. Ask a run for its "
                "players, or give them: games.Trained(game, parameters, weights)."
            )
        return trained.parameters | {_WEIGHTS: trained.weights.to(trained.device, trained.dtype)}

    def _parts(self, trained: Trained, leaves: Mapping[str, Tensor]) -> Iterator[Tensor]:
        """The share of each chunk of held-out examples in the value: scalars that add up to it."""
        options: dict[str, Any] = {"weights": leaves[_WEIGHTS]} if self._reads_weights else {}
        for share, batch in self._batches(trained):
            part = self._function(trained.game, trained.net(leaves), *batch, **options)
            if not isinstance(part, Tensor) or part.ndim:
                found = f"shape {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
                raise UsageError(f"the function of {self.name} must return a tensor without dimensions, not {found}")
            yield share * part

    def _batches(self, trained: Trained) -> Iterator[tuple[float, tuple[Batch, ...]]]:
        """Chunks of the held-out examples with their shares in the whole; one empty chunk where there are none."""
        if self.reference is None:
            yield 1.0, ()
            return
        count = len(self.reference)
        for rows in torch.arange(count).split(self._chunk or count):
            yield len(rows) / count, (held_out_batch(self.reference, rows, trained.dtype, trained.device),)


def held_out_batch(examples: Examples | Tensor, rows: Tensor, dtype: torch.dtype, device: torch.device | str) -> Batch:
    """Some held-out examples as players' losses see theirs, each with weight 1.

    Args:
        examples: held-out examples, or their ``x`` alone.
        rows: int64 positions of those wanted, shape (B,).
        dtype: of what is a number, as in the run.
        device: as in the run.
    """

    def own(values: Tensor) -> Tensor:
        part = values[rows].to(device)
        return part.to(dtype) if part.is_floating_point() else part

    if isinstance(examples, Tensor):
        x, columns = own(examples), {}
    else:
        x, columns = own(examples.x), {name: own(column.values) for name, column in examples.columns.items()}
    ones = torch.ones(len(rows), dtype=dtype, device=device)
    return Batch(x, ones, columns.get("label"), step=0, rows=rows.to(device), columns=columns)
