"""Samples of what was trained on everything beside those of what was retrained."""

from __future__ import annotations

from typing import Any

from gansift.report.shown import Shown
from gansift.report.summary import Summary

TEMPLATE = "sections/before_after.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """Both sets of samples; None where there are none."""
    like = shown.sampled
    if like is None:
        return None
    return {
        "samples": like.look.before_after(like.x, shown.samples_before, shown.samples_after, like.encoding),
        "alike": like.look.ALIKE,
    }
