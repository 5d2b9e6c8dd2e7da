"""Samples of a run as data to give away, with a card of what its audits said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gansift import __version__
from gansift.audit import AUDITS, Subject
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.games.trained import Trained
from gansift.report.answer import read_answers
from gansift.report.card import SUBJECTS, Card, Promise
from gansift.report.destination import refuse_occupied
from gansift.report.release import Synthetic, write_release
from gansift.systems.reading import manual
from gansift.training.accountant import accountant_name
from gansift.training.private import PrivateStep
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.folds import is_crossfit
from gansift.workflow.opening import is_trained, opened
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed
from gansift.workflow.weights import kept_players

FORMAT = "synthetic"

#: Whose samples: the networks that were trained on all examples, which audits look at, or without the removed ones.
MODELS = ("original", "cleansed")

_CHUNK = 500


def release(
    directory: RunDirectory, destination: Path, number: int | None = None, model: str = MODELS[0]
) -> tuple[dict[str, Any], str]:
    """Write samples of a run's first seed into a folder, with a card.

    Where the game can be asked for classes, each is asked for as often as it is among the training examples.

    Args:
        directory: of a run that is trained to its end.
        destination: a folder that does not exist yet or is empty.
        number: of samples; by default as many as there are training examples.
        model: one of `MODELS`.

    Returns:
        What was written, for programs and in words.

    Raises:
        UsageError: if there are no such networks, or they make no samples.
        TrainingError: if the data are no longer those of the run.
        GansiftError: if a file cannot be written, or the destination is occupied.
    """
    seed, trained = players_of(directory, model)
    config = load(directory.config)
    refuse_occupied(destination, a_file=False)
    if not trained.game.offers("sample"):
        raise UsageError(f"the players of {directory.root} make no samples, so there is nothing to release")
    subject = Subject(directory.root.name, seed.place.data)
    examples = subject.set_of(_samples(trained, seed.number, 1, None).shape[1:])
    count = len(examples.train) if number is None else number
    asked = _asked(trained, examples.train, count)
    names = examples.train.class_names or ()
    synthetic = Synthetic(
        x=_samples(trained, seed.number, count, asked),
        labels=None if asked is None else [names[label] for label in asked.tolist()],
        encoding=examples.encoding,
    )
    answers = read_answers(directory.audits)
    removed = 0 if model == MODELS[0] else len(directory.listed("removed") or ())
    card = Card(
        run=directory.root.name,
        game=config.game,
        training={splits.name: len(splits.train) for splits in seed.place.data.values()},
        removed=removed,
        samples=count,
        classes=None if asked is None else _counted(asked, names),
        answers=answers,
        unasked=_unasked({answer.audit for answer in answers}),
        version=__version__,
        privacy=_promise(directory, seed),
    )
    write_release(destination, synthetic, card)
    text = [
        f"{count:,} samples in {destination}, with what is known of them in README.md",
        *card.lines(str(directory.root)),
    ]
    return {"destination": str(destination), **card.to_json()}, "\n".join(text)


def players_of(directory: RunDirectory, model: str) -> tuple[Seed, Trained]:
    """The first seed of a run, and its trained players, or those that were trained without the removed examples.

    Args:
        directory: of the run.
        model: one of `MODELS`.

    Raises:
        UsageError: if there are no such networks.
        TrainingError: if the data are no longer those of the run.
    """
    if model not in MODELS:
        raise UsageError(f"--model {model}: there is no such model; choose one of {', '.join(MODELS)}")
    if is_crossfit(directory.root):
        raise UsageError(f"{directory.root} holds a cross-fit of several models; export one of its folds")
    config = load(directory.config)
    if not is_trained(directory, config, Plan.main):
        raise UsageError(
            f"the first seed of {directory.root} is not trained to its end yet; go on with it by `gansift run`"
        )
    seed = Seed.main(directory, opened(directory, config))
    trained = seed.run.trained() if model == MODELS[0] else kept_players(directory, seed.run, model)
    if trained is None:
        raise UsageError(f"--model {model}: {directory.root} is not cleansed, or nothing was removed; leave it out")
    return seed, trained


def _promise(directory: RunDirectory, seed: Seed) -> Promise | None:
    """What differential privacy promises of the run's trainings, all that were begun; None without."""
    step = seed.run.step
    if not isinstance(step, PrivateStep):
        return None
    told, trainings = step.guarantee, sum(1 for _ in directory.root.glob("seeds/*/config.json"))
    return Promise(
        epsilon=told.epsilon,
        delta=told.delta,
        trainings=trainings,
        epsilon_of_all=told.of_trainings(trainings),
        noise_multiplier=told.noise,
        clip=told.clip,
        sampling_rate=told.rate,
        updates=told.updates,
        accountant=accountant_name(),
    )


def _asked(trained: Trained, training: Examples, count: int) -> torch.Tensor | None:
    """The classes to ask for, int64 (count,); None where none can be asked for."""
    labels, names = training.labels, training.class_names
    if not trained.game.conditional or labels is None or names is None:
        return None
    shares = torch.bincount(labels, minlength=len(names)).double() / len(labels)
    return torch.repeat_interleave(torch.arange(len(names)), _apportioned(shares.numpy(), count))


def _apportioned(shares: np.ndarray, count: int) -> torch.Tensor:
    """Whole numbers that add up to ``count``, by largest remainders."""
    whole = np.floor(shares * count + 1e-9).astype(np.int64)
    whole[np.argsort(-(shares * count - whole), kind="stable")[: count - whole.sum()]] += 1
    return torch.from_numpy(whole)


def _samples(trained: Trained, seed: int, count: int, asked: torch.Tensor | None) -> np.ndarray:
    draw = Draw(seed, "release", dtype=trained.dtype, device=trained.device)
    with torch.no_grad():
        parts = [
            trained.sample(len(part), draw, label=None if asked is None else asked[part])
            for part in torch.arange(count).split(_CHUNK)
        ]
    return torch.cat(parts).float().cpu().numpy()


def _counted(asked: torch.Tensor, names: tuple[str, ...]) -> dict[str, int]:
    return dict(zip(names, torch.bincount(asked, minlength=len(names)).tolist(), strict=True))


def _unasked(answered: set[str]) -> dict[str, str]:
    """The questions that a card asks for and that have no answer, by the audit's name."""
    names = [name for names in SUBJECTS.values() for name in names if name not in answered]
    return {name: " ".join(manual(AUDITS[name]).text.partition("\n\n")[0].split()) for name in names}
