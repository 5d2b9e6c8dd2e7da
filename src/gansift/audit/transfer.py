"""Does a transfer between data sets keep the content of examples, and what of the other data set does it bring?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from gansift.audit.audit import Subject
from gansift.audit.judged import Judged, Pair, mean_share
from gansift.audit.probes import probe
from gansift.audit.typical import typicality
from gansift.bounds import Range
from gansift.data.columns import LABEL
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.games.parameters import Net
from gansift.games.trained import Trained
from gansift.report.answer import Answer, Gallery, Number, Table
from gansift.report.words import MINUS, plural

# By how much more than the share of the largest data set a probe may be right without anything being said.
_MARGIN = 0.05
# Examples of each data set in pictures, and pictures on the way from one to another.
_SHOWN, _BETWEEN = 6, 5


def transfer(
    subject: Subject,
    *,
    content: str = "",
    attribute: str = "",
    least: Annotated[float, Range(0, 1)] = 0.7,
    steps: Annotated[int, Range(1, 1_000_000)] = 1500,
) -> Answer:
    """Does a transfer between data sets mean anything: is the content of an example still there?

    A flow makes v tell nothing of the data set. That v is the content of an example does not follow: a flow that makes
    every 3 of one data set an 8 of the other may be as likely. So classifiers that were fitted to real validation
    examples of all data sets judge what test examples are after a transfer. Three things are found against a run: a
    transfer keeps less of the content than the share ``least`` of what a mere reconstruction keeps; the autoencoder
    alone loses as much of what is seen in real examples; or a probe tells the data set from v.

    Args:
        subject: a run of a game that transfers examples between data sets, such as `--game flow`.
        content: column of categories that a transfer should keep; by default the label
        attribute: column whose shares differ between the data sets; by default the first one beside the label
        least: share of the content that should be kept, of what is there after a mere reconstruction
        steps: training steps of the classifiers that judge

    Raises:
        UsageError: for a run that transfers nothing, or a column that not all data sets have.
    """
    _check(subject)
    content, attribute = _columns(subject.data, content, attribute)
    made = [_Made.of(one, subject.data) for one in subject.players]
    images = [one.images for one in made]
    kept = Judged.of(subject.data, images, content, steps=steps) if content else None
    shares = _Shares(Judged.of(subject.data, images, attribute, steps=steps)) if attribute else None
    probes = _probes(subject, made)
    numbers = probes | _numbers(subject.data, made, kept, shares)
    finding, badge, verdict = _verdict(probes, kept, least)
    if shares is not None:
        verdict += shares.told(*list(subject.data)[:2])
    return Answer(
        audit="transfer",
        verdict=verdict,
        finding=finding,
        numbers=numbers,
        tables=_tables(made, kept, shares),
        pictures=_pictures(subject.data, made),
        shown=(
            f"{plural(sum(len(splits.test) for splits in subject.data.values()), 'test example')} of "
            f"{plural(len(subject.data), 'data set')} were transferred by {plural(len(made), 'training seed')}. Probes "
            "and judges were fitted to validation examples; intervals cover which test examples these are.",
        ),
        not_shown=(
            "What no column names may be lost without a trace: content here is what the judge looks at.",
            "A judge makes mistakes on real examples, too, and more of them on blurred ones: compare transferred "
            "examples with reconstructed ones, not with real ones.",
        ),
        badge=badge,
    )


# What is asked -------------------------------------------------------------------------------------------------------


def _check(subject: Subject) -> None:
    if not subject.players:
        raise UsageError(f"the audit transfer looks at a run, and {subject.name} is data alone")
    game = subject.players[0].game
    if not all(hasattr(game, name) for name in ("transfer", "content", "render", "log_densities")):
        raise UsageError(
            "the audit transfer looks at a game that transfers examples between data sets, such as --game flow, and "
            f"{subject.name} transfers none"
        )


def _columns(data: Mapping[str, Splits], content: str, attribute: str) -> tuple[str, str]:
    """The columns that are content and attribute; "" for none."""
    parts = [part for splits in data.values() for part in (splits.valid, splits.test)]
    known = [
        name
        for name, column in parts[0].columns.items()
        if column.names and all(name in part.columns and part.columns[name].names for part in parts)
    ]
    for flag, name in (("--content", content), ("--attribute", attribute)):
        if name and name not in known:
            raise UsageError(
                f"{flag} {name}: no such column of categories in all data sets; there is {', '.join(known) or 'none'}"
            )
    content = content or (LABEL if LABEL in known and attribute != LABEL else "")
    return content, attribute or next((name for name in known if name not in (LABEL, content)), "")


# What is made --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Made:
    """What one training seed makes of the data sets.

    Attributes:
        trained: its players.
        images: of test examples, by the data set that they are of and the one that they are transferred to.
        z: by split and data set the latents of examples, (n, d).
        v: the same of their content.
        typical: by data set how typical of it each test example is, (n,).
    """

    trained: Trained
    images: Mapping[Pair, Tensor]
    z: Mapping[str, Mapping[str, np.ndarray]]
    v: Mapping[str, Mapping[str, np.ndarray]]
    typical: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, trained: Trained, data: Mapping[str, Splits]) -> _Made:
        game: Any = trained.game

        def transferred(source: str, target: str) -> Tensor:
            return trained.made_of(_of(game.transfer, source, target), data[source].test.x).float()

        def contents(part: str) -> dict[str, np.ndarray]:
            return {
                name: trained.made_of(_of(game.content, name), getattr(one, part).x).numpy()
                for name, one in data.items()
            }

        def latents(part: str) -> dict[str, np.ndarray]:
            return {name: trained.made_of(game.represent, getattr(one, part).x).numpy() for name, one in data.items()}

        return cls(
            trained,
            {(source, target): transferred(source, target) for source in data for target in data},
            {part: latents(part) for part in ("valid", "test")},
            {part: contents(part) for part in ("valid", "test")},
            {
                name: typicality(trained.made_of(game.log_densities, splits.test.x), number)
                for number, (name, splits) in enumerate(data.items())
            },
        )


def _of(method: Callable[..., Tensor], *names: str) -> Callable[[Net, Tensor], Tensor]:
    """A method of the game, of these data sets."""
    return lambda net, x: method(net, x, *names)


@dataclass(frozen=True)
class _Shares:
    """The shares of one value of an attribute.

    Attributes:
        judged: what the judge says of the attribute.
    """

    judged: Judged

    @property
    def value(self) -> str:
        """The name of the value, that which differs most between the data sets."""
        return self.judged.names[self.judged.most_different]

    def number(self, source: str, target: str = "", meaning: str = "", expected: float | None = None) -> Number:
        """The share among examples as they are, or as they become."""
        return mean_share(self.judged.share(self.judged.most_different, source, target), meaning, expected)

    def told(self, source: str, target: str) -> str:
        """What becomes of the share in a transfer, as a sentence that follows another."""
        before, after, there = (self.number(*pair) for pair in ((source, source), (source, target), (target, target)))
        return (
            f" The share of {self.value} is {100 * before.value:.0f} % among reconstructed examples of {source}, "
            f"{_percent(after)} when they are transferred to {target}, and {100 * there.value:.0f} % among "
            f"reconstructed examples of {target}."
        )


# What is measured ----------------------------------------------------------------------------------------------------


def _probes(subject: Subject, made: Sequence[_Made]) -> dict[str, Number]:
    """How often probes tell the data set from z, where they may, and from v, where they should not."""
    counts = [len(splits.test) for splits in subject.data.values()]
    guessed = max(counts) / sum(counts)
    numbers = {}
    for which, what, expected in (("z", "latents", None), ("v", "what the flow makes of latents", guessed)):
        for network, kind in ((False, "linear"), (True, "network")):
            by_seed = [getattr(one, which) for one in made]
            right = probe(
                [one["valid"] for one in by_seed], [one["test"] for one in by_seed], network=network, seed=subject.seed
            )
            probing = "a small network" if network else "a linear classifier"
            numbers[f"probe of {which}, {kind}"] = mean_share(
                right, f"how often {probing} tells the data set from {what}; guessing does {guessed:.2f}", expected
            )
    return numbers


def _numbers(
    data: Mapping[str, Splits], made: Sequence[_Made], kept: Judged | None, shares: _Shares | None
) -> dict[str, Number]:
    numbers = {}
    for a, b in itertools.permutations(data, 2):
        if kept is not None:
            numbers[f"content, {a} to {b}"] = mean_share(
                kept.right(a, b),
                f"share of the examples of {a} that are judged to be what they were when they are made ones of {b}, "
                "against when they are merely reconstructed",
                float(kept.right(a, a).mean()),
            )
        if shares is not None:
            numbers[f"{shares.value}, {a} to {b}"] = shares.number(
                a,
                b,
                f"share of {shares.value} among examples of {a} that are made ones of {b}, against that among "
                f"reconstructed ones of {b}",
                shares.number(b, b).value,
            )
    return numbers | {
        f"reconstruction error, {name}": _unexplained(splits, made, name) for name, splits in data.items()
    }


def _unexplained(splits: Splits, made: Sequence[_Made], name: str) -> Number:
    """The squared error of reconstructions as a share of the variance of the data set."""
    x = splits.test.x.float().flatten(1)
    variance = (x - x.mean(0)).square().sum(1).mean()
    errors = [(one.images[name, name].flatten(1) - x).square().sum(1) / variance for one in made]
    each = torch.stack(errors).mean(0).numpy()
    mean, half = float(each.mean()), 1.96 * float(each.std(ddof=1)) / len(each) ** 0.5
    return Number(mean, (mean - half, mean + half), f"share of the variance of {name} that is not reconstructed")


# What is said --------------------------------------------------------------------------------------------------------


_Said = tuple[bool | None, str, str]


def _verdict(probes: Mapping[str, Number], kept: Judged | None, least: float) -> _Said:
    """Whether something was found, the badge, and a sentence: what makes a transfer meaningless comes first."""
    content = (
        (
            None,
            "content unknown",
            "Whether a transfer keeps the content of an example cannot be told without a column of it, such as labels.",
        )
        if kept is None
        else _content_lost(kept, least) or _content(kept, least)
    )
    told = _told_from_v(probes)
    return content if content[0] or told is None else told


def _told_from_v(probes: Mapping[str, Number]) -> _Said | None:
    """What is said where a probe tells the data set from v; None where none does."""
    worst = max((number for name, number in probes.items() if " v" in name), key=lambda number: number.value)
    assert worst.expected is not None
    if _ends(worst)[0] <= worst.expected + _MARGIN:
        return None
    return (
        True,
        "data set told from v",
        f"The flow has not made the data sets alike: from v a probe tells the data set of {_percent(worst)} of the "
        f"examples, and guessing {100 * worst.expected:.0f} %. Train longer (--steps), or a larger flow (--blocks, "
        "--hidden).",
    )


def _content_lost(kept: Judged, least: float) -> _Said | None:
    """What is said where the autoencoder alone loses the content; None where it does not."""
    name = min(kept.truth, key=lambda one: kept.right(one, one).mean() / max(kept.right(one).mean(), 1e-12))
    real, back = mean_share(kept.right(name)), mean_share(kept.right(name, name))
    if _ends(back)[1] >= least * real.value:
        return None
    return (
        True,
        "autoencoder loses content",
        "Transfer is meaningless here, for the autoencoder alone loses the content: of reconstructed examples of "
        f"{name} {_percent(back)} are judged to be what they were, of real ones {100 * real.value:.0f} %. Take more "
        "--latent numbers, a larger --width or more --steps.",
    )


def _content(kept: Judged, least: float) -> _Said:
    """What is said of the pair of data sets whose transfer loses most."""
    source, target = min(
        itertools.permutations(kept.truth, 2),
        key=lambda pair: kept.right(*pair).mean() / max(kept.right(pair[0], pair[0]).mean(), 1e-12),
    )
    number, back = mean_share(kept.right(source, target)), float(kept.right(source, source).mean())
    told = (
        f"{_percent(number)} of the examples of {source} are judged to be as {target} what they were, and "
        f"{100 * back:.0f} % when they are merely reconstructed."
    )
    low, high = _ends(number)
    if high < least * back:
        return True, "content not kept", f"Transfer is meaningless here, for content is not kept: {told}"
    if low > least * back:
        return False, "content kept", f"Content is kept, least of all from {source} to {target}: {told}"
    return None, "cannot tell", f"Whether content is kept cannot be told: {told}"


def _percent(number: Number) -> str:
    low, high = _ends(number)
    return f"{100 * number.value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def _ends(number: Number) -> tuple[float, float]:
    assert number.ci95 is not None
    return number.ci95


# What is shown -------------------------------------------------------------------------------------------------------


def _tables(made: Sequence[_Made], kept: Judged | None, shares: _Shares | None) -> dict[str, Table]:
    pairs = list(itertools.permutations(made[0].typical, 2))
    tables = {}
    if kept is not None:
        tables["Content"] = Table(
            ("from", "to", "real", "reconstructed", "transferred"),
            tuple((a, b, *(mean_share(kept.right(a, target)).told() for target in ("", a, b))) for a, b in pairs),
            "Share of the examples that are judged to be what they are.",
        )
    if shares is not None:
        tables[f"Share of {shares.value}"] = Table(
            ("from", "to", "real", "reconstructed", "transferred", "reconstructed, there", "real, there"),
            tuple(
                (a, b, *(shares.number(*one).told() for one in ((a,), (a, a), (a, b), (b, b), (b,)))) for a, b in pairs
            ),
            "As judged, so that the judge's own mistakes are in every column.",
        )
    rows = []
    for name, each in _typical(made).items():
        rows.append((name, float(each.mean()), *np.quantile(each, (0.05, 0.5, 0.95)).tolist()))
    tables["Typicality"] = Table(
        ("data set", "mean", "5 % are below", "half are below", "95 % are below"),
        tuple(rows),
        "log p(z | data set) less the logarithm of the mean over data sets, in nats, at most "
        f"{math.log(len(rows)):.2f}; below 0 an example is more likely in the others.",
    )
    return tables


def _pictures(data: Mapping[str, Splits], made: Sequence[_Made]) -> dict[str, Gallery]:
    """Contents in rows, data sets in columns."""
    typical = _typical(made)
    return {
        "Transfers": _transfers(data, made[0]),
        "From one content to another": _between(data, made[0].trained),
        "Most typical of each data set": _extremes(data, typical, -1),
        "Least typical of each data set": _extremes(data, typical, 1),
    }


def _transfers(data: Mapping[str, Splits], made: _Made) -> Gallery:
    rows, captions = [], []
    for name, splits in data.items():
        x = splits.test.x[:_SHOWN].float()
        rows.append(torch.stack([x, *(made.images[name, target][: len(x)] for target in data)], 1))
        captions += [f"{name}: {identity}" for identity in splits.test.ids[: len(x)]]
    return Gallery(("example", *(f"as {name}" for name in data)), torch.cat(rows).numpy(), tuple(captions))


def _between(data: Mapping[str, Splits], trained: Trained) -> Gallery:
    """Between two examples of the first data set, of other labels where there are any."""
    game: Any = trained.game
    name = next(iter(data))
    part = data[name].test
    other = next((row for row in range(1, len(part)) if part.labels is None or part.labels[row] != part.labels[0]), 0)
    ends = trained.made_of(_of(game.content, name), part.x[[0, other]])
    shares = torch.linspace(0, 1, _BETWEEN, dtype=ends.dtype)
    v = torch.lerp(ends[:1], ends[1:], shares[:, None])
    columns = [trained.made_of(_of(game.render, target), v) for target in data]
    return Gallery(
        tuple(f"as {target}" for target in data),
        torch.stack(columns, 1).float().numpy(),
        tuple(f"{100 * share:.0f} % of the way" for share in shares.tolist()),
        f"In a straight line from the content of {part.ids[0]} to that of {part.ids[other]}.",
    )


def _extremes(data: Mapping[str, Splits], typical: Mapping[str, np.ndarray], sign: int) -> Gallery:
    """The examples of each data set that are most (sign -1) or least typical of it."""
    few = min(_SHOWN, *(len(each) for each in typical.values()))
    orders = {name: np.argsort(sign * each, kind="stable")[:few] for name, each in typical.items()}
    x = torch.stack([data[name].test.x[torch.from_numpy(order)] for name, order in orders.items()], 1)
    captions = [
        ", ".join(f"{typical[name][order[rank]]:+.2f}" for name, order in orders.items()) for rank in range(few)
    ]
    return Gallery(
        tuple(orders), x.float().numpy(), tuple(one.replace("-", MINUS) for one in captions), "By typicality, in nats."
    )


def _typical(made: Sequence[_Made]) -> dict[str, np.ndarray]:
    """By data set the typicality of its test examples, the mean over training seeds."""
    return {name: np.mean([one.typical[name] for one in made], axis=0) for name in made[0].typical}
