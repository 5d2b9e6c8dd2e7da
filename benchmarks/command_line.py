"""What the command lines of the benchmarks have in common."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from gansift.files import write_json


def parser(about: str | None, saves: bool = True) -> argparse.ArgumentParser:
    """A parser whose help is a benchmark's docstring.

    Args:
        about: the docstring.
        saves: whether there is ``--out``, see `save`.
    """
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if saves:
        made.add_argument("--out", type=Path, help="file for the results, as JSON")
    return made


def save(out: Path | None, results: Any) -> None:
    """Write results so far, if a file for them was asked for."""
    if out is not None:
        write_json(out, results)


def ends(interval: tuple[float, float] | None) -> tuple[float, float]:
    """Both ends of an interval; NaN where too few values gave none."""
    return interval or (math.nan, math.nan)
