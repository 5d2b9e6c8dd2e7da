"""Can people be found in a released table of ratings by somebody who knows a few of theirs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np

from gansift.audit.audit import Files
from gansift.audit.coarsening import coarsenings
from gansift.audit.knowledge import drawn_knowledge
from gansift.audit.scoreboard import Knowledge, Scoreboard
from gansift.audit.search import Rates, Search, without_items
from gansift.bounds import Range
from gansift.data.names import shown
from gansift.data.ratings import Ratings, read_ratings
from gansift.errors import UsageError
from gansift.report.answer import Answer, Curves, Number, Table
from gansift.report.words import plural, share

#: The threshold of Narayanan and Shmatikov, which is for half a million records.
PAPER = 1.5

_FEWEST = 20  # people; fewer tell nothing
_LISTED = 10
_AS_KNOWN, _WITHOUT_DATES = "as known", "without dates"
_AS_RELEASED = "as it is"
_SUPPORTS = ((1, 2), (2, 10), (10, 100), (100, 1000), (1000, 0))
_RATES = {
    "first": "share of people in the release whose own record fits best, whatever phi is",
    "identified": "share of people in the release who are matched with their own record",
    "mistaken": "share of people in the release who are matched with somebody else's record",
    "false_matches": "share of people absent from the release who are matched with somebody in it",
}


def linkage(
    release: Files,
    *,
    known: Annotated[int, Range(1, 1000)] = 8,
    wrong: Annotated[int, Range(0, 999)] = 2,
    days: Annotated[float, Range(0, 100_000)] = 14.0,
    value_error: Annotated[float, Range(0, 1e12)] = 0.0,
    false_matches: Annotated[float, Range(above=0, below=1)] = 0.01,
    targets: Annotated[int, Range(20, 10_000_000)] = 1000,
    value_scale: Annotated[float, Range(1e-12, 1e12)] = 1.5,
    day_scale: Annotated[float, Range(1e-6, 1e6)] = 30.0,
    coarse_days: Annotated[float, Range(1e-6, 100_000)] = 30.0,
    coarse_values: Annotated[float, Range(1e-12, 1e12)] = 1.0,
    rare: Annotated[int, Range(1, 10_000_000)] = 10,
    user: str | None = None,
    item: str | None = None,
    value: str | None = None,
    date: str | None = None,
) -> Answer:
    """Can people be found in a released table of ratings by somebody who knows a few of theirs?

    The attack is Scoreboard-RH of Narayanan and Shmatikov (2008): every record is scored by how well it fits what is
    known of a person, and the best is taken for that person if it is ahead of the second by more than a threshold phi,
    in standard deviations. The same is tried on people whose ratings were taken out of the release before: phi is the
    least by which few of these are matched with anybody. It is chosen on one half of the people and judged on the
    other.

    Args:
        release: a CSV or Parquet file with a rating in each row.
        known: how many items are known of each person
        wrong: how many of these are wrong, items that the person never rated
        days: dates are known to within so many days
        value_error: values are known to within this
        false_matches: share of people who are not in the release that may be matched with somebody in it
        targets: people who are sought, drawn at random; everybody if there are fewer
        value_scale: difference of values by which their similarity falls to 1/e
        day_scale: difference of dates in days by which their similarity falls to 1/e
        coarse_days: what if released dates told only which period of so many days
        coarse_values: what if released values were rounded to multiples of this
        rare: what if items that fewer people rated were left out
        user: column of who rated (default: one that is called user, userId or the like)
        item: column of what was rated (default: one that is called item, movieId or the like)
        value: column of how it was rated (default: one that is called value, rating or the like)
        date: column of when it was rated (default: one that is called date, timestamp or the like)

    Raises:
        UsageError: if the table has not these columns, or all that is known is wrong.
        DataError: if the table cannot be read.
    """
    if wrong >= known:
        raise UsageError(f"--wrong {wrong}: of {known} known items at least one must be right; give a larger --known")
    if len(release.paths) > 1:
        raise UsageError(f"the audit linkage looks at one table, and {len(release.paths)} were given")
    ratings, columns = read_ratings(release.paths[0], {"user": user, "item": item, "value": value, "date": date})
    if ratings.people < _FEWEST:
        return Answer(
            "linkage",
            f"Whether people can be found cannot be told with {ratings.people} of them: at least {_FEWEST} are needed.",
            None,
            {},
        )
    rng = np.random.default_rng(release.seed)
    people = rng.permutation(ratings.people)[:targets]
    knowledge = list(drawn_knowledge(ratings, people, known, wrong, days, value_error, rng))
    scales = value_scale, day_scale
    scoreboard = Scoreboard(ratings, *scales)
    searches = {_AS_KNOWN: Search.of(scoreboard, people, knowledge)}
    if ratings.day is not None:
        searches[_WITHOUT_DATES] = Search.of(scoreboard, people, [one.undated() for one in knowledge])
    phi = searches[_AS_KNOWN].phi_of_others(false_matches)
    items = _tables_of_items(scoreboard, people, knowledge, searches[_AS_KNOWN], phi, ratings.items)
    del scoreboard  # it is as large as the release, and each of the coarser ones has its own
    rates = {name: search.rates(search.phi_of_others(false_matches)) for name, search in searches.items()}
    forms = {_AS_RELEASED: (1.0, rates[_AS_KNOWN])}
    for name, form in coarsenings(ratings, coarse_days, coarse_values, rare):
        search = Search.of(Scoreboard(form, *scales), people, knowledge)
        forms[name] = len(form) / len(ratings), search.rates(search.phi_of_others(false_matches))
    finding = _surely_above(rates[_AS_KNOWN].identified, false_matches)
    return Answer(
        audit="linkage",
        verdict=_verdict(rates[_AS_KNOWN], len(people), _known_in_words(ratings, known, wrong, days, value_error)),
        finding=finding,
        numbers=_numbers(searches, rates, false_matches),
        tables={"Coarser releases": _table_of_forms(forms), **items},
        curves={
            "People found against false matches": Curves(
                "share of absent people who are matched with somebody",
                "share of people in the release who are identified",
                {name: search.curve() for name, search in searches.items()},
                "Along each line phi falls.",
            )
        },
        shown=(
            f"{len(people):,} of {ratings.people:,} people were sought in {len(ratings):,} ratings of "
            f"{plural(len(ratings.items), 'item')}; read were {_read(columns)}.",
            "Thresholds were chosen on absent people of one half and judged on the other half.",
        ),
        not_shown=(
            "What an attacker knows was drawn at random from the release. Who knows more, or rarer items, finds more.",
            "Coarser releases were attacked by the same formula: who knows how they were made may find more.",
        ),
        badge="people can be found" if finding else "hardly anybody is found",
    )


def _read(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{shown(name)} as {role}" for role, name in columns.items())


def _surely_above(number: Number, limit: float) -> bool:
    return number.ci95 is not None and number.ci95[0] > limit


def _known_in_words(ratings: Ratings, known: int, wrong: int, days: float, value_error: float) -> str:
    """What somebody knows, in words that follow "of whom"."""
    words = [f"{plural(known, 'rating')} are known" if known > 1 else "1 rating is known"]
    words += [f"{wrong} of them wrong"] if wrong else []
    words += [f"values to within {value_error:g}"] if ratings.value is not None and value_error else []
    words += [f"dates to within {days:g} days"] if ratings.day is not None else []
    return ", ".join(words)


def _verdict(rates: Rates, people: int, known: str) -> str:
    identified, mistaken, false = (
        f"{100 * one.value:.1f} %" for one in (rates.identified, rates.mistaken, rates.false_matches)
    )
    return (
        f"Of {people:,} people of whom {known}, {identified} are identified and {mistaken} taken for somebody else; of "
        f"people who are not in the release, {false} are."
    )


def _numbers(searches: Mapping[str, Search], rates: Mapping[str, Rates], false_matches: float) -> dict[str, Number]:
    """Rates at the chosen threshold, with dates and without, and at that of the paper."""
    numbers: dict[str, Number] = {}
    for name, search in searches.items():
        what = "" if name == _AS_KNOWN else f", {name}"
        ending = what.replace(", ", "_").replace(" ", "_")
        phi = search.phi(false_matches)
        numbers |= _of_rates(rates[name], ending, what)
        numbers[f"phi{ending}"] = Number(phi, meaning=f"threshold that is chosen on all absent people{what}")
        at_papers = _of_rates(search.rates(PAPER), f"{ending}_at_{PAPER}", f"{what}, at phi = {PAPER}")
        numbers |= {key: number for key, number in at_papers.items() if not key.startswith("first")}
    return numbers


def _of_rates(rates: Rates, ending: str, what: str) -> dict[str, Number]:
    return {
        f"{name}{ending}": replace(getattr(rates, name), meaning=f"{meaning}{what}") for name, meaning in _RATES.items()
    }


def _table_of_forms(forms: Mapping[str, tuple[float, Rates]]) -> Table:
    rows = tuple(
        (name, share(left, 1), *(_told(getattr(rates, rate)) for rate in _RATES))
        for name, (left, rates) in forms.items()
    )
    return Table(
        ("release", "ratings left", "own record first", "identified", "taken for another", "matched though absent"),
        rows,
        "With 95 % intervals. Phi is chosen anew for each.",
    )


def _told(number: Number) -> str:
    low, high = number.ci95 or (number.value, number.value)
    return f"{100 * number.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _tables_of_items(
    scoreboard: Scoreboard,
    people: np.ndarray,
    knowledge: Sequence[Knowledge],
    search: Search,
    phi: np.ndarray,
    names: Sequence[str],
) -> dict[str, Table]:
    """Items without which fewer people are identified, and the same of items that as many people rated."""
    effects = without_items(scoreboard, people, knowledge, search, phi, len(names))
    support = scoreboard.support
    order = [item for item in np.lexsort((-effects[2], -effects[1]))[:_LISTED].tolist() if effects[0, item]]
    groups = [
        (f"{low:,}" if low + 1 == high else f"{low:,} to {high - 1:,}" if high else f"{low:,} or more", here)
        for low, high in _SUPPORTS
        if (here := (support >= low) & ((support < high) if high else True) & (effects[0] > 0)).any()
    ]
    headings = ("sought by it", "no longer identified without it", "eccentricity lost, mean")
    return {
        "Items by which people are found": Table(
            ("item", "people who rated it", *headings),
            tuple((shown(names[item]), int(support[item]), *_cells(effects[:, item])) for item in order),
            "Each item in turn was left out of the release, and everybody sought by it was sought again without it.",
        ),
        "The same by popularity": Table(
            ("people who rated the item", *headings),
            tuple((group, *_cells(effects[:, here].sum(axis=1))) for group, here in groups),
        ),
    }


def _cells(effect: np.ndarray) -> tuple[int, int, float]:
    sought, lost, lead = effect.tolist()
    return int(sought), int(lost), round(lead / sought, 3)
