"""The jobs of a run that are known before anything is chosen, whichever question it is asked."""

from __future__ import annotations

from gansift.workflow import new_models
from gansift.workflow.jobs import Job, pipeline
from gansift.workflow.plan import Plan


def jobs_until(plan: Plan, last: str) -> list[Job]:
    """The jobs up to the stage ``last``: ``train``, ``score`` or ``cleanse``; what a choice decides is not among them.

    Args:
        plan: of the run.
        last: the stage; ``verify`` counts as ``cleanse``.
    """
    stage = "cleanse" if last == "verify" else last
    return new_models.jobs_until(plan, stage) if plan.way.new_models else pipeline(plan, stage)
