"""Audits of a run directory, or of data alone: what an audit looks at, and where its answers are kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gansift.audit import AUDITS, Files, Subject, find, reads_files, run_audit
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games.game import Game
from gansift.games.trained import Trained
from gansift.influence.looks import Looks
from gansift.lock import only_writer
from gansift.progress import progress
from gansift.report.answer import Answer, write_answer
from gansift.systems.judges import features_of
from gansift.training import players_of_seeds
from gansift.workflow.config import load, names_of
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import opened, trained_seeds
from gansift.workflow.outcome import finish, reported
from gansift.workflow.place import Place, load_data, say
from gansift.workflow.plan import metric_key
from gansift.workflow.seed import Seed
from gansift.workflow.weights import kept_players

_log = logging.getLogger(__name__)

#: The name that stands for every audit that applies.
ALL = "all"


def audited(name: str, sources: Sequence[str], settings: Mapping[str, Any]) -> list[Answer]:
    """The answers of an audit, or of all that apply, about a run, about several runs together, or about data.

    Those about runs are kept in the directory of the first, and shown in its report where it has one.

    Args:
        name: of the audit, ``file.py:function``, or ``all``.
        sources: run directories, or data as for `gansift run`, or files for an audit that reads them by itself.
        settings: of the audit; for data also those of the panel ``Data``, of how they are read.

    Raises:
        UsageError: if there is no such audit, it does not apply, or settings are given of how the data of a run are
            read.
    """
    if name != ALL and reads_files(find(name)):
        return [run_audit(name, Files(tuple(map(Path, sources))), **settings)]
    reading = {key: value for key, value in settings.items() if key in names_of("Data")}
    settings = {key: value for key, value in settings.items() if key not in reading}
    directories = [RunDirectory(Path(source)) for source in sources]
    runs = [directory.config.exists() for directory in directories]
    if not any(runs):
        data = load_data(sources, reading)
        say(data)
        return _answers(name, [Subject(", ".join(sources), data)], settings)
    if not all(runs):
        raise UsageError(
            f"{sources[runs.index(False)]} is no run directory, and {sources[runs.index(True)]} is one: audit either "
            "runs or data"
        )
    if reading:
        flag = next(iter(reading)).replace("_", "-")
        raise UsageError(f"--{flag}: the data of {sources[0]} are read as the run read them; leave it out")
    with ExitStack() as stack:
        for directory in directories:
            stack.enter_context(only_writer(directory.root))
        configs = [load(directory.config) for directory in directories]
        subjects = [
            _subject(directory, opened(directory, config))
            for directory, config in zip(directories, configs, strict=True)
        ]
        answers = _answers(name, subjects, settings)
        first = directories[0]
        for answer in answers:
            write_answer(first.audits, answer)
        if first.result.exists():
            finish(first, *reported(first, configs[0]))
    return answers


def _answers(name: str, subjects: Sequence[Subject], settings: Mapping[str, Any]) -> list[Answer]:
    if name != ALL:
        return [run_audit(name, *subjects, **settings)]
    answers = []
    for one in AUDITS:
        try:
            answers.append(run_audit(one, *subjects))
        except UsageError as error:
            _log.warning("the audit %s does not apply: %s", one, error)
    if not answers:
        raise UsageError(f"no audit applies to {' and '.join(subject.name for subject in subjects)}")
    return answers


def _subject(directory: RunDirectory, place: Place) -> Subject:
    """What an audit looks at in a run: its data, and the players of every seed that is trained to its end.

    Raises:
        UsageError: if no seed is.
    """
    numbers = trained_seeds(directory, place.config)
    seeds = [Seed(directory, place, number) for number in numbers]
    return Subject(
        name=directory.root.name,
        data=place.data,
        players=[seed.run.trained() for seed in seeds],
        kept=directory.listed("kept"),
        removed=directory.listed("removed") or frozenset(),
        cleansed=kept_players(directory, seeds[0].run, "cleansed"),
        features=_features(place),
        train=partial(_trained, place) if len(place.data) == 1 else None,
        variants=partial(_variants, place, numbers),
        looks=_looks(directory, place),
    )


def _looks(directory: RunDirectory, place: Place) -> list[Looks]:
    """What every scored seed says of the training examples; none where they are not all scored for new models."""
    seeds = range(place.config.scoring_seeds)
    paths = [directory.looks(seed, metric_key(place.config, place.config.metric), len(seeds)) for seed in seeds]
    return [Looks.read(path) for path in paths] if all(path.exists() for path in paths) else []


def _trained(
    place: Place, examples: Examples, seeds: Sequence[int], weights: Sequence[np.ndarray]
) -> list[Trained | None]:
    """See `audit.Trainer`: batches are larger by the share of examples that a training does not have."""
    config = place.config
    (name,) = place.data
    kept = float(np.mean([own.sum() for own in weights]))
    batch = min(len(examples), round(config.batch * len(examples) / kept))
    settings = place.training | {"batch_size": batch, "renormalise": True, "steps": config.steps}
    return players_of_seeds(place.game, {name: examples}, seeds, weights=weights, **settings)


def _variants(place: Place, seeds: Sequence[int], changes: Mapping[str, float], count: int) -> list[Trained | None]:
    """See `audit.Variants`; the seeds are those of the run."""

    def changed(seed: int) -> Game:
        game = place.game(seed)
        for name, value in changes.items():
            setattr(game, name, value)
        return game

    steps = place.config.steps
    title = " and ".join(f"{name} {value:g}" for name, value in changes.items())
    with progress(f"training with {title}", count * steps, quiet=False) as tell:
        return players_of_seeds(changed, place.train, seeds[:count], steps=steps, progress=tell, **place.training)


def _features(place: Place) -> Any:
    """The features that the run's metrics of samples look at; None where there are none for such data."""
    if len(place.data) != 1 or len(place.data.only.train.shape) != 3:
        return None
    return features_of(place.data.only, place.config.features)
