"""Optimizers as pure functions of (parameters, slots, gradient), equal to `torch.optim` step by step.

Recording, replay and the adjoint all call `update`; the adjoint differentiates through it, so there is no second
formula that could drift from the first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from gansift.errors import TrainingError
from gansift.training.accountant import Privacy
from gansift.training.schedules import Decay, decay_name, learning_rate

Slots = dict[str, Tensor]


def _root(square: Tensor) -> Tensor:
    """Square root whose derivative at zero is 0 in place of infinity (first steps, dead parameters)."""
    positive = square > 0
    return torch.where(
        positive, torch.where(positive, square, torch.ones_like(square)).sqrt(), torch.zeros_like(square)
    )


def _denominator(square: Tensor, eps: float, eps_inside: bool) -> Tensor:
    """sqrt(v) + eps as in `torch.optim`, or the smoother sqrt(v + eps^2)."""
    return (square + eps**2).sqrt() if eps_inside else _root(square) + eps


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """What all optimizers share.

    Attributes:
        lr: learning rate at its peak.
        weight_decay: L2 penalty added to the gradient (decoupled in `AdamW`).
        warmup: steps over which the rate rises linearly.
        decay: ``constant``, ``cosine`` down to ``final``, or a function from the progress of training after the
            warm-up, 0 to 1, to a factor of ``lr``, such as DANN's ``1 / (1 + 10 * progress) ** 0.75`` (Ganin et al.
            2016). It must be written with ``def`` at the top of a module: runs record its name, not what it does.
        final: share of the peak rate that a decay ends at.
        private: the guarantee with which the player learns from the examples, see `training.private`; None for none.
    """

    lr: float
    weight_decay: float = 0.0
    warmup: int = 0
    decay: Decay = "constant"
    final: float = 0.0
    private: Privacy | None = None

    slot_names: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self._check("lr", self.lr, 0 < self.lr < math.inf, "positive and finite")
        self._check("weight_decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "finite and not negative")
        self._check("warmup", self.warmup, self.warmup >= 0, "not negative")
        self._check("final", self.final, 0 <= self.final <= 1, "a share of the learning rate, within 0 and 1")
        if callable(self.decay) and self.final:
            raise TrainingError(
                f"final={self.final} of {type(self).__name__} belongs to a cosine; let the function itself end there"
            )
        decay_name(self.decay)

    def _check(self, name: str, value: Any, fits: bool, wanted: str) -> None:
        """Refuse a value, by the name of the argument alone: the others are of no use to whoever gave it."""
        if not fits:
            raise TrainingError(f"{name}={value!r} of {type(self).__name__} must be {wanted}")

    def _check_decays(self, **decays: float) -> None:
        for name, decay in decays.items():
            self._check(name, decay, 0 <= decay < 1, "at least 0 and below 1")

    def _check_eps(self, eps: float) -> None:
        self._check("eps", eps, 0 <= eps < math.inf, "finite and not negative")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step ``step`` in a run of ``steps``."""
        return learning_rate(self.lr, step, steps, self.warmup, self.decay, self.final)

    def slots(self, parameters: Tensor) -> Slots:
        """The optimizer's state before the first update: zeros of the parameters' shape, by name."""
        return {name: torch.zeros_like(parameters) for name in self.slot_names}

    @abstractmethod
    def update(self, parameters: Tensor, slots: Slots, gradient: Tensor, count: int, lr: float) -> tuple[Tensor, Slots]:
        """New parameters and slots, differentiable in all three tensors.

        Args:
            parameters: flat parameters, shape (P,).
            slots: state of the optimizer, each (P,).
            gradient: gradient of the loss, shape (P,).
            count: number of this update, from 1, for bias corrections.
            lr: learning rate of this update.
        """

    def _decayed(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        return gradient + self.weight_decay * parameters if self.weight_decay else gradient

    def settings(self) -> dict[str, Any]:
        """Name and arguments, for the run's configuration."""
        own = {"name": type(self).__name__, **asdict(self), "decay": decay_name(self.decay)}
        if self.private is None:
            del own["private"]  # so that runs recorded before there was such a thing are still known
        return own


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Gradient descent with momentum as in `torch.optim.SGD` (no dampening).

    Attributes:
        momentum: factor of the running sum of gradients.
        nesterov: look ahead along the momentum.
    """

    momentum: float = 0.0
    nesterov: bool = False

    slot_names: ClassVar[tuple[str, ...]] = ("momentum",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_decays(momentum=self.momentum)

    def slots(self, parameters: Tensor) -> Slots:
        """See `Optimizer.slots`; none without momentum."""
        return super().slots(parameters) if self.momentum else {}

    def update(self, parameters: Tensor, slots: Slots, gradient: Tensor, count: int, lr: float) -> tuple[Tensor, Slots]:
        """See `Optimizer.update`."""
        gradient = self._decayed(parameters, gradient)
        if not self.momentum:
            return parameters - lr * gradient, {}
        moment = self.momentum * slots["momentum"] + gradient
        direction = gradient + self.momentum * moment if self.nesterov else moment
        return parameters - lr * direction, {"momentum": moment}


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) as in `torch.optim.Adam`.

    Attributes:
        betas: decay of the first and second moment.
        eps: added to the root of the second moment.
        eps_inside: divide by sqrt(v + eps^2) instead of sqrt(v) + eps: smooth where v vanishes.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    eps_inside: bool = False

    slot_names: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("betas", self.betas, all(0 <= beta < 1 for beta in self.betas), "at least 0 and below 1 each")
        self._check_eps(self.eps)

    def update(self, parameters: Tensor, slots: Slots, gradient: Tensor, count: int, lr: float) -> tuple[Tensor, Slots]:
        """See `Optimizer.update`."""
        gradient = self._decayed(parameters, gradient)
        beta1, beta2 = self.betas
        first = beta1 * slots["first_moment"] + (1 - beta1) * gradient
        second = beta2 * slots["second_moment"] + (1 - beta2) * gradient.square()
        unbiased = second / (1 - beta2**count)
        ratio = first / _denominator(unbiased, self.eps, self.eps_inside)
        return parameters - lr / (1 - beta1**count) * ratio, {"first_moment": first, "second_moment": second}


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019) as in `torch.optim.AdamW`."""

    weight_decay: float = 1e-2

    def update(self, parameters: Tensor, slots: Slots, gradient: Tensor, count: int, lr: float) -> tuple[Tensor, Slots]:
        """See `Optimizer.update`."""
        return super().update(parameters * (1 - lr * self.weight_decay), slots, gradient, count, lr)

    def _decayed(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        return gradient


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """RMSprop as in `torch.optim.RMSprop` (not centred).

    Attributes:
        alpha: decay of the second moment.
        eps: added to its root.
        eps_inside: divide by sqrt(v + eps^2) instead of sqrt(v) + eps.
        momentum: factor of the running sum of scaled gradients.
    """

    alpha: float = 0.99
    eps: float = 1e-8
    eps_inside: bool = False
    momentum: float = 0.0

    slot_names: ClassVar[tuple[str, ...]] = ("second_moment", "momentum")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_decays(alpha=self.alpha, momentum=self.momentum)
        self._check_eps(self.eps)

    def slots(self, parameters: Tensor) -> Slots:
        """See `Optimizer.slots`."""
        names = self.slot_names if self.momentum else self.slot_names[:1]
        return {name: torch.zeros_like(parameters) for name in names}

    def update(self, parameters: Tensor, slots: Slots, gradient: Tensor, count: int, lr: float) -> tuple[Tensor, Slots]:
        """See `Optimizer.update`."""
        gradient = self._decayed(parameters, gradient)
        second = self.alpha * slots["second_moment"] + (1 - self.alpha) * gradient.square()
        scaled = gradient / _denominator(second, self.eps, self.eps_inside)
        if not self.momentum:
            return parameters - lr * scaled, {"second_moment": second}
        moment = self.momentum * slots["momentum"] + scaled
        return parameters - lr * moment, {"second_moment": second, "momentum": moment}
