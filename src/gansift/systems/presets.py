"""Settings that keep training smooth, by what the data are, or by the networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansift.errors import UsageError

_POINTS: dict[str, Any] = {
    "model": "fc", "latent": 10, "width": 64, "r1": 0.1, "steps": 1500, "lr": 1e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 100, "decay": "constant", "final": 0.0, "ema": 0.98,
    "metric": "all", "seeds": 8, "scoring_seeds": 4, "choosing_seeds": 4, "judging_seeds": 16,
    "horizons": "1,5,20,all", "remove": "1%,2%,5%,10%",
    "verify": 30,
}  # fmt: skip
_SMALL_IMAGES: dict[str, Any] = {
    "model": "mlp", "latent": 16, "width": 64, "r1": 1.0, "steps": 1440, "lr": 1e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 0, "decay": "constant", "final": 0.0, "ema": 0.98,
    "metric": "fid", "seeds": 8, "scoring_seeds": 4, "choosing_seeds": 4, "judging_seeds": 16,
    "horizons": "1,5,10,20,all", "remove": "2%,5%,10%",
    "verify": 30,
}  # fmt: skip
_IMAGES: dict[str, Any] = {
    "model": "dcgan", "latent": 32, "width": 16, "r1": 1.0, "steps": 1000, "lr": 3e-3, "beta2": 0.999, "eps": 1e-2,
    "warmup": 100, "decay": "cosine", "final": 0.1, "ema": 0.99,
    "metric": "fid", "seeds": 5, "scoring_seeds": 3, "choosing_seeds": 3, "judging_seeds": 8,
    "horizons": "1,2,5", "remove": "2%,10%",
    "verify": 20,
}  # fmt: skip
_STYLES: dict[str, Any] = {
    "model": "stylegan2", "latent": 64, "width": 16, "most": 64, "depth": 2, "activation": "silu", "noise": False,
    "r1": 0.3, "r1_interval": 16, "steps": 2000, "lr": 2e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 100, "decay": "constant", "final": 0.0, "ema": 0.995,
    "metric": "fid", "seeds": 5, "scoring_seeds": 3, "choosing_seeds": 3, "judging_seeds": 8,
    "horizons": "1,2,5", "remove": "2%,10%",
    "verify": 20,
}  # fmt: skip

#: Settings by what the data are, or by the networks.
PRESETS = {"points": _POINTS, "images up to 16x16": _SMALL_IMAGES, "28x28 and 32x32": _IMAGES, "stylegan2": _STYLES}

#: The settings among them that belong to no system: how long and how often to train, and what is asked then.
GENERAL = (
    "steps", "batch", "ema", "metric", "seeds", "scoring_seeds", "choosing_seeds", "judging_seeds", "horizons",
    "remove", "verify",
)  # fmt: skip

#: The network of a preset for games that bring their own networks.
OWN = "own"

_BATCH = 50


def preset(shape: tuple[int, ...], model: str = "auto") -> dict[str, Any]:
    """Settings chosen for smooth training of a model on examples of this shape.

    >>> preset((1, 8, 8))["model"]
    'mlp'

    Args:
        shape: of one example: (d,) or (C, H, W).
        model: the networks, ``auto`` for those that fit the shape, or ``own`` for a person's.

    Raises:
        UsageError: if no built-in network takes that shape.
    """
    return {"batch": _BATCH, **_preset(shape, model)}


def _preset(shape: tuple[int, ...], model: str) -> Mapping[str, Any]:
    if len(shape) == 1:
        return _POINTS
    if max(shape[1:]) <= 16 or model == "mlp":
        return _SMALL_IMAGES
    if model == "stylegan2" or shape[1:] in ((64, 64), (128, 128), (256, 256)):
        return _STYLES
    if shape[1:] in ((28, 28), (32, 32)) or model == OWN:
        return _IMAGES
    raise UsageError(
        "the built-in networks take images up to 16x16 (mlp), of 28x28 and 32x32 (dcgan), or of 32x32, 64x64, 128x128 "
        f"and 256x256 (stylegan2), not {shape[2]}x{shape[1]}. Resize them with --size 32 (or 64, 28, 16), or choose "
        "--model mlp, or bring your own game with --game."
    )


def general(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of general settings among those of a preset."""
    return {name: settings[name] for name in GENERAL}
