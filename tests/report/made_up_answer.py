"""An audit's answer with something of everything, small and made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from gansift.report import Answer, Curves, Gallery, Number, Scatter, Table


def answer(**changes: Any) -> Answer:
    """A finding, with two pairs of images; ``changes`` replace attributes."""
    rng = np.random.default_rng(0)
    whole: dict[str, Any] = {
        "audit": "copies",
        "verdict": "Some <samples> are copies: 7 % of them (95 % interval 5 to 9 %).",
        "finding": True,
        "numbers": {
            "c_t": Number(-12.5, (-14.0, -10.0), "z-score; below 0 is closer", 0.0),
            "close_share": Number(0.07, (0.05, 0.09), "share of close <samples>", 0.05),
            "pairs": Number(3.0),
        },
        "tables": {"By seed": Table(("seed", "share", "note"), ((0, 0.0712345, None), (1, 0.08, "<odd>")), "A note.")},
        "curves": {"Distances": Curves("distance", "share", {"samples": ((0.0, 1.0), (0.1, 1.0)),
                                                            "held-out": ((0.0, 1.0), (0.0, 1.0))}, "Left is closer.")},
        "scatters": {"Features": Scatter("first <way>", "second", {"samples": ((0.0, 1.0), (2.0, 1.0)),
                                                                  "real": ((0.5,), (0.5,))}, "Two kinds apart.")},
        "pictures": {"Closest pairs": Gallery(("sample", "training example"), rng.uniform(-1, 1, (2, 2, 1, 8, 8)),
                                              ("a/<b>.png", "distance 0.2"), "The closest first.")},
        "shown": ("What is shown.",),
        "not_shown": ("What is not shown.",),
    }  # fmt: skip
    return Answer(**(whole | changes))
