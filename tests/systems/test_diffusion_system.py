"""Diffusion as a system: what it does not share with flow matching, which `test_matching_system` looks at."""

from __future__ import annotations

import pytest

from gansift import data
from gansift.errors import UsageError
from gansift.systems import build
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"width": 4, "conditional": True, "guidance": 1.5, "sampling_steps": 3, "dropout": 0.2, "warmup": 0},
    "denoising-loss",
    ("digits", "--width", "4", "--sampling-steps", "3", "--latents", "100", "--warmup", "2"),
    "label 3",
    batch={"data": 8},
)


def test_there_are_no_more_steps_of_sampling_than_levels_of_noise():
    digits = {"d": data.load("digits", seed=0)}
    with pytest.raises(UsageError, match="--sampling-steps 20: there are no more than 10 --levels"):
        build("diffusion", digits, {"levels": 10})
