"""What a training with clipped and noised gradients guarantees, by Google's library of privacy accounting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any

from gansift.errors import TrainingError, UsageError

# By how much a noise multiplier may be larger than the least that keeps the promise.
_TOLERANCE = 1e-3


# Orders of Renyi divergences: whole ones, since the others are slow for large batches and hardly better.
_ORDERS = (*range(2, 65), 80, 96, 128, 192, 256, 384, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """What a player promises of every single training example.

    Whatever is computed of its training is nearly as likely without an example as with it: by a factor of at most
    exp(epsilon), but for an event of probability delta.

    Attributes:
        epsilon: of the whole training.
        delta: of the same; less than one in as many as there are examples.
        clip: the norm that what an example adds to a gradient is clipped to.

    Raises:
        TrainingError: for a number that promises nothing.
    """

    epsilon: float
    delta: float
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name, fits in (("epsilon", self.epsilon > 0), ("delta", 0 < self.delta < 1), ("clip", self.clip > 0)):
            if not fits:
                raise TrainingError(
                    f"{name}={getattr(self, name)!r} of a differentially private training makes no sense"
                )


@lru_cache
def spent(noise: float, rate: float, updates: int, delta: float) -> float:
    """The epsilon of so many updates, by Renyi differential privacy of the Poisson-sampled Gaussian mechanism.

    Neighbours are data sets of which one has one example more. Every update adds Gaussian noise, of ``noise`` times
    the norm that an example's part is clipped to, to the sum over examples that are each drawn with probability
    ``rate``; what the others are is known.

    Args:
        noise: noise multiplier, above 0.
        rate: probability that an example is drawn for an update, within (0, 1].
        updates: how many there are.
        delta: probability that the bound may not hold.

    Raises:
        UsageError: if dp-accounting is not installed.
    """
    accounting = _accounting()
    event = accounting.SelfComposedDpEvent(
        accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise)), updates
    )
    return float(accounting.rdp.RdpAccountant(_ORDERS).compose(event).get_epsilon(delta))


@lru_cache
def noise_for(epsilon: float, rate: float, updates: int, delta: float) -> float:
    """The least noise multiplier, to a thousandth, with which `spent` is at most ``epsilon``.

    Raises:
        UsageError: if dp-accounting is not installed, or no noise is enough.
    """
    low, high = 0.0, 1.0
    while spent(high, rate, updates, delta) > epsilon:
        low, high = high, 2 * high
        if high > 2**20:
            raise UsageError(
                f"no noise makes {updates:,} updates {epsilon:g}-differentially private at delta {delta:g}"
            )
    while high - low > _TOLERANCE * high:
        middle = (low + high) / 2
        low, high = (middle, high) if middle == 0 or spent(middle, rate, updates, delta) > epsilon else (low, middle)
    return high


def accountant_name() -> str:
    """The library and its version."""
    return f"dp-accounting {metadata.version('dp-accounting')} (Rényi differential privacy)"


def _accounting() -> Any:
    try:
        import dp_accounting
        import dp_accounting.rdp
    except ImportError as error:
        raise UsageError(
            f"differentially private training needs dp-accounting ({error}); install it with pip install 'gansift[dp]'"
        ) from error
    return dp_accounting
