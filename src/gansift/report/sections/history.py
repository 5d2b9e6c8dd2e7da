"""How the training went: losses, the metric, and what the same latents gave as it went on."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gansift.report.answer import Curves
from gansift.report.audit_figures import curves_chart
from gansift.report.history import History
from gansift.report.shown import Shown
from gansift.report.summary import Summary
from gansift.report.views import images

TEMPLATE = "sections/history.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """Two charts and a strip of samples; None where nothing is known, or nothing went on."""
    history = shown.history
    if history is None or len(history.moments) < 2:
        return None
    return {
        "charts": [Markup(chart) for chart in (_metric(history, summary), _losses(history)) if chart],
        "strips": _strips(history),
    }


def _metric(history: History, summary: Summary) -> str:
    known = [(one.epoch, one.value) for one in history.moments if one.value is not None]
    if not known:
        return ""
    label = summary.words.label
    epochs, values = zip(*known, strict=True)
    return curves_chart(
        Curves("epochs of training", f"{label} on validation data", {label: (epochs, values)}), "metric"
    )


def _losses(history: History) -> str:
    measured = [one for one in history.moments if one.losses]
    if not measured:
        return ""
    epochs = tuple(one.epoch for one in measured)
    lines = {player: (epochs, tuple(one.losses[player] for one in measured)) for player in measured[0].losses}
    return curves_chart(Curves("epochs of training", "loss", lines), "losses")


def _strips(history: History) -> list[tuple[str, list[Markup]]]:
    """For each pictured moment its epoch and images; the same place is the same latent."""
    epochs = {one.step: one.epoch for one in history.moments}
    return [
        (
            f"{epochs[step]:.3g} epochs",
            [images.one(x, f"sample {row + 1} after {step} steps") for row, x in enumerate(samples)],
        )
        for step, samples in history.samples.items()
        if samples.ndim == 4
    ]
