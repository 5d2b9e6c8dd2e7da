"""Configurations without data: what a run of a tiny GAN of points would have."""

from __future__ import annotations

from typing import Any

from gansift.workflow.config import GENERAL, Config

# What is open for others to choose.
_CHOSEN = {
    "for_this_model": True,
    "scoring_seeds": 2, "choosing_seeds": 2, "judging_seeds": 2,
    "steps": 80, "batch": 10, "ema": 0.0, "metric": "fid", "seeds": 2, "horizons": "1,3,all", "remove": "5",
    "baselines": "density", "verify": 0, "device": "cpu", "accept_drift": False,
}  # fmt: skip


def config(**settings: Any) -> Config:
    """A configuration with these settings, and else with the usual ones."""
    usual = {one.name: one.default for one in GENERAL}
    return Config(sources=("x",), game="gan", system={}, files={}, **(usual | _CHOSEN | settings))
