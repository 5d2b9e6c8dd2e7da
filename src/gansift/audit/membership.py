"""Can it be told who was trained on? Known attacks on a run, judged by how well they tell members from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from gansift.audit.attacks import WITH_MODEL, Attacked, attacks_of, own_scores_of
from gansift.audit.audit import Subject
from gansift.audit.own_gan import score_by_own_gan
from gansift.audit.roc import Roc
from gansift.audit.shadow_models import shadows_of
from gansift.audit.shadows import SHADOW_ATTACKS, Scored, Shadows
from gansift.bounds import Range
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.report.answer import Answer, Curves, Number, Table
from gansift.report.words import plural

# Of members and of others: fewer tell nothing of an attack.
_FEWEST = 20
_SET = 20
_LISTED = 10
_SUREST = "Training examples that the strongest attack is surest of"
_EXPOSED = "Training examples that training exposes most"
_CHUNK = 500
_DRAWN = 4
_WITH_SHADOWS = (
    "{} were trained with the run's settings and seeds of their own, each on half of these examples and on all "
    "training examples beside them: who attacks is taken to know the latter."
)
OWN_GAN = "own GAN on samples"
_WITHOUT_OWN_GAN = " Neither is a GAN that the attacker trains on the samples: --own-gan 3000."
_WITHOUT_SHADOWS = (
    " Those that train many models of the same kind (LiRA, RMIA) are stronger on classifiers: --shadows 64."
)


def membership(
    subject: Subject,
    *,
    samples: Annotated[int, Range(1, 10_000_000)] = 2000,
    shadows: Annotated[int, Range(0, 100_000)] = 0,
    own_gan: Annotated[int, Range(0, 10_000_000)] = 0,
) -> Answer:
    """Can it be told which examples were trained on?

    Every attack that is known for such a run is tried: with the model itself (its discriminator, its loss, or the
    probabilities of its labels), with samples alone, and with shadow models, if any are asked for. Members are training
    examples, others are test examples, as many of each class; validation examples are what the attacker knows was never
    trained on. An attack succeeds if the area under its ROC curve is above that of guessing, so that with all attacks
    together a false alarm is as likely as 5 %.

    Args:
        subject: a run.
        samples: number of samples of each training seed, for attacks that have only these.
        shadows: trainings on random halves of members and others, for LiRA and RMIA; an even number such as 64, or 0
        own_gan: steps of a GAN that the attacker trains on the samples, for LOGAN without the model; 0 leaves it out

    Raises:
        UsageError: without a run, with several data sets, or for players that no attack, or none of those that are
            asked for, knows.
        GansiftError: if shadow models, or the attacker's own GAN, break down.
    """
    splits = _checked(subject, own_gan)
    members, others = _matched(splits.train, splits.test, subject.seed)
    if min(len(members), len(others)) < _FEWEST:
        return Answer(
            "membership",
            f"Whether members can be told cannot be decided with {len(members)} members and {len(others)} others: at "
            f"least {_FEWEST} of each are needed.",
            None,
            {},
        )
    models = shadows_of(subject, splits, (members, others), shadows) if shadows else None
    rocs = _rocs(subject, splits, (members, others), samples, models, own_gan)
    areas = {name: roc.area for name, roc in rocs.items()}
    succeed = [name for name, roc in rocs.items() if roc.succeeds(len(rocs))]
    strongest = max(succeed or areas, key=lambda name: areas[name].value)
    after = _before_and_after(subject, splits, (members, others), samples)
    return Answer(
        audit="membership",
        verdict=_verdict(areas, succeed, strongest),
        finding=bool(succeed),
        numbers={f"area: {name}": area for name, area in areas.items()},
        tables={"Attacks": _table(rocs, areas)}
        | ({} if after is None else {"Before and after cleansing": after})
        | ({_SUREST: _surest(rocs[strongest], members, strongest)} if strongest in succeed else {})
        | ({} if models is None else {_EXPOSED: _exposed(models, members)}),
        curves={
            "Members found against false alarms": Curves(
                "log10 of the share of others taken for members", "log10 of the share of members found",
                {name: rocs[name].curve() for name in sorted(areas, key=lambda name: -areas[name].value)[:_DRAWN]},
                "Who guesses is on the diagonal. What counts is the left: whom an attacker can be sure of.",
            )
        },
        shown=(
            f"{len(members):,} training examples and {len(others):,} test examples, as many of each class, were told "
            f"apart by {plural(len(rocs), 'attack')} on {plural(len(subject.players), 'training seed')}; numbers are "
            "means over the seeds, and intervals cover which examples these are.",
            *(() if models is None else (_WITH_SHADOWS.format(plural(len(models.inside), "shadow model")),)),
        ),
        not_shown=(
            "Attacks that are not here may succeed."
            + _WITHOUT_SHADOWS * (models is None)
            + _WITHOUT_OWN_GAN * (not own_gan and subject.players[0].game.offers("sample")),
            "That the average example cannot be told is no comfort for one that can: look at what is found at few "
            "false alarms.",
        ),
        badge="members can be told" if succeed else "no attack succeeds",
    )  # fmt: skip


def _checked(subject: Subject, own_gan: int) -> Splits:
    if not subject.players:
        raise UsageError("the audit membership attacks a run; give a run directory")
    if len(subject.data) != 1:
        raise UsageError(f"the audit membership needs one data set, and {subject.name} has {len(subject.data)}")
    (splits,) = subject.data.values()
    if not attacks_of(subject.players[0], splits.train):
        raise UsageError(
            "the audit membership knows no attack on these players: they have no discriminator, no samples and no "
            "`predict`"
        )
    if own_gan and not subject.players[0].game.offers("sample"):
        raise UsageError(
            "an attacker's own GAN is trained on samples, and these players have none; leave out --own-gan"
        )
    return splits


def _matched(train: Examples, test: Examples, seed: int) -> tuple[Examples, Examples]:
    """Examples of both, drawn at random, as many of each class in one as in the other; all without classes."""
    if train.labels is None or test.labels is None or train.labels.is_floating_point():
        return train, test
    rows: list[list[Tensor]] = [[], []]
    for label in train.labels.unique().tolist():
        here = [torch.nonzero(part.labels == label).flatten() for part in (train, test)]
        count = min(map(len, here))
        for side, of_class in zip(rows, here, strict=True):
            order = Draw(seed, "membership", label).permutation(len(of_class))
            side.append(of_class[order[:count]])
    drawn = [torch.cat(side).sort().values for side in rows]
    return train.subset(drawn[0]), test.subset(drawn[1])


def _rocs(
    subject: Subject,
    splits: Splits,
    sides: tuple[Examples, Examples],
    count: int,
    shadows: Shadows | None,
    own_gan: int,
) -> dict[str, Roc]:
    """By attack, its scores of members and of others for every training seed."""
    found: dict[str, list[list[np.ndarray]]] = {}
    both = Examples.joined(sides)
    for trained in subject.players:
        samples = _samples(subject, trained, count) if trained.game.offers("sample") else None
        attacked = Attacked(trained, both, splits.valid, samples, subject.seed)
        scores = {name: attack(attacked) for name, attack in attacks_of(trained, both).items()}
        if own_gan:
            scores[OWN_GAN] = score_by_own_gan(attacked, own_gan)
        if shadows is not None:
            own = Scored(own_scores_of(trained, both), own_scores_of(trained, splits.valid))
            scores |= {name: attack(own, shadows) for name, attack in SHADOW_ATTACKS.items()}
        for name, of_both in scores.items():
            found.setdefault(name, []).append(np.split(of_both, [len(sides[0])]))
    rocs = {}
    for name, by_seed in found.items():
        of_members, of_others = (np.stack(side) for side in zip(*by_seed, strict=True))
        rocs[name] = Roc(of_members, of_others, subject.seed)
    return rocs


def _samples(subject: Subject, trained: Trained, count: int) -> Tensor:
    draw = Draw(subject.seed, "membership", dtype=trained.dtype, device=trained.device)
    with torch.no_grad():
        return torch.cat([trained.sample(len(part), draw).float().cpu() for part in torch.arange(count).split(_CHUNK)])


def _table(rocs: Mapping[str, Roc], areas: Mapping[str, Number]) -> Table:
    rows = []
    for name, roc in rocs.items():
        few, fewest = (None if (found := roc.at(rate)) is None else found.told() for rate in (0.01, 0.001))
        rows.append((name, areas[name].told(), roc.balanced_accuracy, few, fewest, roc.of_sets(_SET)))
    return Table(
        ("attack", "area", "balanced accuracy", "found at 1 %", "found at 0.1 %", f"area, sets of {_SET}"),
        tuple(rows),
        "With 95 % intervals. Who guesses has an area and a balanced accuracy of 0.5, and finds as many members as "
        "there are false alarms. Thresholds of the accuracy are chosen on one half and judged on the other. Where "
        "there are too few others for so few false alarms, there is no number.",
    )


def _before_and_after(subject: Subject, splits: Splits, sides: tuple[Examples, Examples], count: int) -> Table | None:
    """The attacks on the first seed and on what was trained without the removed members, by who is attacked."""
    if subject.cleansed is None:
        return None
    members, others = sides
    gone = np.isin(members.ids, list(subject.removed))
    attacked = {"members that are kept": np.flatnonzero(~gone), "members that are removed": np.flatnonzero(gone)}
    rows, names = [], list[str]()
    for who, chosen in attacked.items():
        if len(chosen) < _FEWEST:
            continue
        parts = members.subset(chosen.tolist()), others
        for when, trained in (("before", subject.players[0]), ("after", subject.cleansed)):
            rocs = _rocs(replace(subject, players=[trained]), splits, parts, count, None, 0)
            names = list(rocs)
            rows.append((who, when, *(roc.area.told() for roc in rocs.values())))
    if not rows:
        return None
    return Table(
        ("attacked", "cleansing", *names),
        tuple(rows),
        "Areas with 95 % intervals, of the first training seed: trained on everything, and without the "
        f"{plural(len(subject.removed), 'example')} that the run removes. Those are safe who nobody trained on; others "
        "may move up to be the most exposed.",
    )


def _surest(roc: Roc, members: Examples, name: str) -> Table:
    mean = roc.members.mean(axis=0)
    above = [float((roc.others.mean(axis=0) >= score).mean()) for score in mean]
    order = np.argsort(-mean, kind="stable")[:_LISTED].tolist()
    return Table(
        ("training example", "others that look as much like members"),
        tuple((members.ids[row], f"{100 * above[row]:.1f} %") for row in order),
        f"By the attack “{name}”, the mean over training seeds.",
    )


def _exposed(shadows: Shadows, members: Examples) -> Table:
    exposure = shadows.exposure[: len(members)]
    order = np.argsort(-exposure, kind="stable")[:_LISTED].tolist()
    return Table(
        ("training example", "exposure"),
        tuple((members.ids[row], f"{exposure[row]:.2f}") for row in order),
        "By how much shadow models that were trained on the example score it higher than those that were not, in the "
        "logarithm of odds.",
    )


def _verdict(areas: Mapping[str, Number], succeed: list[str], strongest: str) -> str:
    value, ends = areas[strongest].value, areas[strongest].ci95
    assert ends is not None
    told = f"{value:.2f} (95 % interval {ends[0]:.2f} to {ends[1]:.2f}; 0.5 is guessing)"
    if not succeed:
        return (
            f"No attack tells training examples from others: the largest area under a ROC curve is {told}, by "
            f"{strongest}."
        )
    with_model = [name for name in succeed if name in (*WITH_MODEL, *SHADOW_ATTACKS)]
    how = "with the model" if len(with_model) == len(succeed) else "with samples alone, too"
    how = how if with_model else "with samples alone"
    return (
        f"Training examples can be told from others {how}: {plural(len(succeed), 'attack')} of {len(areas)} succeed"
        f"{'s' * (len(succeed) == 1)}, and the strongest, {strongest}, has an area under its ROC curve of {told}."
    )
