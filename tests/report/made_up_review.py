"""A page for reviewing as a run would make it, small and made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_report as made_up
import numpy as np

from gansift.report import Review, Shown, Summary, nearest, write_page

#: Ids that a CSV file and a script have to be careful with.
IDS = (
    "a/</script><b>.png",
    "a/quote\"'&.png",
    "a/comma, line\nbreak.png",
    " b/blank .png",
    "=HYPERLINK(1).png",
    "'-marked.png",
    "-7",
    *made_up.IDS[7:],
)


def pictures(count: int = 60, channels: int = 1, side: int = 8) -> Shown:
    """``count`` images with classes cat and dog in turn; row n is the one of rank n + 1."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (count, channels, side, side)).astype(np.float32)
    ids = (*IDS, *(f"c/{row:05d}.png" for row in range(len(IDS), count)))[:count]
    return Shown.of(ids, np.linspace(-0.05, 0.05, count), ("cat", "$dog$") * (count // 2), x)


def review(shown: Shown, **changes: Any) -> Review:
    """What belongs to these pictures; ``changes`` replace attributes."""
    one = made_up.only(shown)
    flat = one.x.reshape(len(shown.ids), -1)
    generated = one.x[::3] * 0.9
    own = {
        "run": "pets-0123456789ab",
        "horizon": 320,
        "paths": tuple(f"data/{identity}" for identity in shown.ids),
        "generated": generated,
        "nearest_generated": nearest(flat, generated.reshape(len(generated), -1)),
        "nearest_training": nearest(flat, flat, skip_self=True),
        "mean": 0.8 * shown.values,
        "standard_error": np.full(len(shown.ids), 0.002),
    }
    return Review(**(own | changes))


def write(path: Path, shown: Shown, summary: Summary | None = None, **changes: Any) -> Path:
    """Write the page."""
    write_page(path, summary or made_up.summary(), replace(shown, review=review(shown, **changes)))
    return path
