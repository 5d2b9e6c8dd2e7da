"""Numbers that an event makes of others, which go on with the optimizer's moments of those."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Inherited:
    """What an event puts into a parameter that has a row for each cluster, head or expert.

    A row that becomes a copy of another one, but for a little noise, should move on as that one moves: with a *copy* of
    its optimizer's moments. The two are apart from then on, and what each learns stays its own.

    Attributes:
        values: the new values, shape (K, ...).
        rows: for each row the one whose moments it goes on with, int64, shape (K,); a row that is left alone has its
            own number there.
    """

    values: Tensor
    rows: Tensor
