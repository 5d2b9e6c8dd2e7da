"""What a check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: the check's short name, such as ``mixing``.
        verdict: ``ok``; ``warning`` where scores are right but something else is not; ``fault`` where scores or
            replay are wrong or impossible.
        where: ``player.module.path (ClassName)``, the name of a loss, or "" for the whole game.
        message: what was found and what it does to scores, in plain words.
        remedy: what to use instead; "" where nothing is wrong.
    """

    check: str
    verdict: Verdict
    where: str
    message: str
    remedy: str = ""


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or repr(error)).splitlines()[0]
