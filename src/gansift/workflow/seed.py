"""One training seed of a run: what is done with it, and what was found. Everything is computed once, then read."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gansift import training
from gansift.cleansing.checked import Check, checked
from gansift.cleansing.decisions import read_decisions
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.retraining import Lookup, Removal, Removed, ScoresOf, changes, mean_scores
from gansift.data.examples import Splits
from gansift.errors import GansiftError, UsageError
from gansift.files import read_json, write_json, write_sealed, write_sealed_json
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.trained import Trained
from gansift.influence.combine import ROLLING, combine
from gansift.influence.estimators import estimate, estimate_metrics
from gansift.influence.horizon import trust
from gansift.influence.looks import Looks
from gansift.influence.rolling import rolling_seeds
from gansift.influence.scores import Scores
from gansift.metrics import part_of, replicates
from gansift.progress import Tick, unseen
from gansift.training.trajectory import Run
from gansift.workflow.config import AUTO
from gansift.workflow.cost import SWEEP
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import Place
from gansift.workflow.plan import STAGES, Plan
from gansift.workflow.states import job_memory

_log = logging.getLogger(__name__)

_SPLITS = ("validation", "test")


class Seed:
    """One training seed.

    Args:
        directory: of the run.
        place: its data and metrics.
        number: of the seed. Any number can be trained, whether or not it is one of those that are scored.
    """

    def __init__(self, directory: RunDirectory, place: Place, number: int) -> None:
        self.directory = directory
        self.place = place
        self.number = number
        self.plan = place.plan()

    @classmethod
    def main(cls, directory: RunDirectory, place: Place) -> Seed:
        """The seed whose model, scores and lists are the person's."""
        return cls(directory, place, Plan.main)

    @cached_property
    def run(self) -> Run:
        """The recorded run, trained as far as it is not there yet."""
        return self.train()

    def train(self, tick: Tick = unseen) -> Run:
        """The recorded run, opened anew, and trained as far as it is not there yet."""
        return training.train(
            self.place.game(self.number),
            self.place.train,
            **self.recording,
            seed=self.number,
            outdir=self.directory.training(self.number),
            progress=lambda number, losses: tick(1),
        )

    @property
    def recording(self) -> dict[str, Any]:
        """What `training.train` needs beside the game, the data, the seed and the folder."""
        config = self.place.config
        return self.place.training | {
            "steps": config.steps, "compiled": config.compiled, "accept_drift": config.accept_drift,
            "memory": job_memory(config),
        }  # fmt: skip

    @cached_property
    def beginning(self) -> Run:
        """The training before its first step; what is retrained from there leaves nothing on disk.

        A loss is the mean over those examples of a batch that are left, as it is for whoever deletes the others and
        trains anew, whatever convention the scores have.
        """
        return training.untrained(
            self.place.game(self.number),
            self.place.train,
            **self.place.training | {"renormalise": True},
            steps=self.plan.steps,
            seed=self.number,
        )

    def values(self, metric: str) -> dict[str, dict[str, float]]:
        """Values of a metric, on validation and on test data, of the untrained and of the trained players."""
        path = self.directory.values(self.number, metric)
        if not path.exists():
            measured = {"untrained": self.run.trained(0), "trained": self.run.trained()}
            pair = vars(self.place.judges(metric))
            write_sealed_json(
                path,
                {
                    name: {split: judge.value(trained) for split, judge in pair.items()}
                    for name, trained in measured.items()
                },
            )
        return read_json(path)

    def score(self, estimator: str, metrics: Sequence[str], horizons: Sequence[int], tick: Tick = unseen) -> None:
        """Score every example for all metrics and horizons that can be computed, in one sweep where one is enough.

        Scores that are there already stay. All metrics are swept nevertheless, since those that are swept together
        decide the last bits. Where a horizon has no scores, it is written down why.
        """
        judges = [self.place.judges(metric).validation for metric in metrics]
        by_metric = estimate_metrics(estimator, self.run, judges, list(horizons), lambda number: tick(SWEEP))
        for metric, scores in zip(metrics, by_metric, strict=True):
            self._keep_growth(self.directory.growth(self.number, metric, estimator), scores)
            believable = self._believable(scores)
            checks = self._checks(metric, estimator, {horizon: scores[horizon] for horizon in believable}, tick)
            refuted = {check.horizon: check for check in checks if not check.holds}
            for horizon in horizons:
                path = self.directory.scores(self.number, metric, estimator, horizon)
                if path.exists():
                    continue
                if horizon in believable and (horizon not in refuted or horizon == min(believable)):
                    write_sealed(path, scores[horizon].csv())
                else:
                    why = "they cannot be believed" if horizon in scores else "the backward sweep overflowed"
                    write_sealed_json(self.directory.unscored(self.number, metric, estimator, horizon), {"why": why})

    def look(self, metrics: Sequence[str], scored: int, tick: Tick = unseen) -> None:
        """Score every example for all metrics in windows all through the training, see `influence.rolling`.

        Each of the ``scored`` seeds, which count from 0, is asked by a part of the validation data of its own
        (`metrics.part_of`).
        """
        look_together([self], metrics, scored, tick)

    def rank(self, estimator: str, metrics: Sequence[str], tick: Tick = unseen) -> None:
        """Score every example by an estimator over the whole run; where it does not fit, it is written down why."""
        for metric in metrics:
            try:
                scores = self.scores_at(metric, estimator, self.plan.steps, tick)
            except GansiftError as error:
                _log.warning("nothing is compared with %s: %s", estimator, error)
                write_sealed_json(
                    self.directory.unscored(self.number, metric, estimator, self.plan.steps), {"why": str(error)}
                )
            else:
                write_sealed(self.directory.scores(self.number, metric, estimator, self.plan.steps), scores.csv())

    def _keep_growth(self, path: Path, scores: Mapping[int, Scores]) -> None:
        """Write down the growth of a sweep, unless an earlier one went back as far."""
        rows = scores[max(scores)].growth if scores else ()
        if not path.exists() or len(read_json(path)) < len(rows):
            write_sealed_json(path, [{"step": step, "norm": norm, "effect": effect} for step, norm, effect in rows])

    def _believable(self, scores: Mapping[int, Scores]) -> list[int]:
        """The horizons to go on with: all of them, or with ``auto`` those within which the adjoint grows little.

        The shortest one stays in any case; a trial of it shows what its scores are worth.
        """
        if not scores or not self._chooses_horizons or not scores[max(scores)].growth:
            return sorted(scores)
        longest = trust(scores[max(scores)].growth, self.run.epoch).horizon
        return [horizon for horizon in sorted(scores) if horizon <= max(longest, min(scores))]

    @property
    def _chooses_horizons(self) -> bool:
        return self.place.config.horizons.strip() == AUTO

    def _checks(self, metric: str, estimator: str, scores: Mapping[int, Scores], tick: Tick) -> list[Check]:
        """With ``auto`` what retraining says of scores that the sweep lets be believed; kept, and made once."""
        if not scores or not self._chooses_horizons or not scores[max(scores)].growth:
            return []
        path = self.directory.checks(self.number, metric, estimator)
        if not path.exists():
            judge = self.place.judges(metric).validation
            found = checked(self.run, scores, judge, lambda steps: tick(float(steps)))
            write_sealed_json(path, [asdict(check) for check in found])
        return [Check(**row) for row in read_json(path)]

    def scores(self, metric: str, estimator: str) -> dict[int, Scores]:
        """The scores that are there, by horizon."""
        paths = {
            horizon: self.directory.scores(self.number, metric, estimator, horizon) for horizon in self.plan.horizons
        }
        return {horizon: Scores.read(path) for horizon, path in paths.items() if path.exists()}

    def scores_at(self, metric: str, estimator: str, horizon: int, tick: Tick = unseen) -> Scores:
        """The scores of one horizon; computed, but not kept, where they are not there.

        What is kept says which horizons are cleansed with, and that is for `score` to decide.

        Raises:
            GansiftError: if the estimator does not fit the game or the metric, or its sweep overflows.
        """
        path = self.directory.scores(self.number, metric, estimator, horizon)
        if path.exists():
            return Scores.read(path)
        judge = self.place.judges(metric).validation
        scores = estimate(estimator, self.run, judge, [horizon], lambda number: tick(SWEEP))
        if horizon not in scores:
            raise GansiftError(f"no scores of horizon {horizon}: the backward sweep overflowed. Choose a shorter one.")
        return scores[horizon]

    def named(self, by: ScoresOf, tick: Tick = unseen) -> Scores:
        """The scores that are meant, of this or of other seeds.

        Raises:
            GansiftError: as `scores_at`.
            UsageError: if the run directory's copy of the decisions was changed or is gone.
        """
        if by.estimator == ROLLING:
            return combine([Looks.read(self.directory.looks(number, by.metric, len(by.seeds))) for number in by.seeds])
        seeds = [self if number == self.number else Seed(self.directory, self.place, number) for number in by.seeds]
        scores = mean_scores([seed.scores_at(by.metric, by.estimator, by.horizon, tick) for seed in seeds])
        return scores if by.among is None else decided_scores(self.directory, scores, by.among)

    def removed(self, removals: Sequence[Removal], tick: Tick = unseen, run: Run | None = None) -> list[Removed | None]:
        """Which examples are removed; None where an optional removal's estimator does not fit the game or metric.

        Args:
            removals: the sets of examples.
            tick: told of steps that are swept for scores that nobody keeps.
            run: of the seed, where it need not be trained.
        """
        scores = cache(lambda by: self.named(by, tick))
        return [self._removed(removal, self.run if run is None else run, scores) for removal in removals]

    def _removed(self, removal: Removal, run: Run, scores: Lookup) -> Removed | None:
        try:
            return removal.removed(run, scores)
        except GansiftError as error:
            if removal.needs:
                raise
            _log.warning("seed %d: nothing is retrained without %s: %s", self.number, removal, error)
            return None

    def retrain(
        self, horizon: int, removals: Sequence[Removal], metrics: Sequence[str], tick: Tick = unseen
    ) -> dict[str, list[dict[str, Any]]]:
        """Redo the last ``horizon`` steps without each of several sets of examples, and measure what changes.

        Returns:
            By metric one row for each removal: what it is, how many examples it ``removed``, what their scores
            ``predicted``, and the changes on ``validation`` and on ``test`` data; None for what is not known, because
            the retraining broke down or was left out.
        """
        removed = self.removed(removals, tick)
        judges = [judge for metric in metrics for judge in vars(self.place.judges(metric)).values()]
        before = [self.values(metric)["trained"][split] for metric in metrics for split in _SPLITS]
        sets = [one.ids for one in removed if one is not None]
        rows = iter(changes(self.run, sets, horizon, judges, before, lambda steps: tick(float(steps))))
        measured = [None if one is None else next(rows) for one in removed]
        self._warn(horizon, removals, measured)
        return {
            metric: [
                _row(removal, one, (None, None) if row is None else row[2 * place : 2 * place + 2])
                for removal, one, row in zip(removals, removed, measured, strict=True)
            ]
            for place, metric in enumerate(metrics)
        }

    def train_from_scratch(
        self, removals: Sequence[Removal], metrics: Sequence[str], tick: Tick = unseen
    ) -> dict[str, list[dict[str, Any]]]:
        """Train from scratch without each of several sets of examples, of which one may be empty, and measure.

        Returns:
            By metric one row for each removal: what it is, how many examples it ``removed``, what their scores
            ``predicted``, and the values on ``validation`` and on ``test`` data with their replicates (see
            `metrics.Replicates`); None where the training broke down.
        """
        removed = [one for one in self.removed(removals, tick, self.beginning) if one is not None]
        sets = [one.ids for one in removed]
        trained = retrained_players(self.beginning, sets, self.plan.steps, lambda steps: tick(float(steps)))
        for removal, players in zip(removals, trained, strict=True):
            if players is None:
                _log.warning("seed %d: training without %s broke down (NaN)", self.number, removal)
        return {
            metric: [
                {"what": str(removal), "removed": removal.count, "predicted": one.predicted}
                | {
                    split: None if players is None else replicates(judge, players)._asdict()
                    for split, judge in vars(self.place.judges(metric)).items()
                }
                for removal, one, players in zip(removals, removed, trained, strict=True)
            ]
            for metric in metrics
        }

    def _warn(self, horizon: int, removals: Sequence[Removal], measured: Sequence[Sequence[float] | None]) -> None:
        for removal, row in zip(removals, measured, strict=True):
            if row is not None and not all(map(math.isfinite, row)):
                _log.warning(
                    "seed %d: retraining the last %d steps without %s broke down (NaN); that removal is left out",
                    self.number,
                    horizon,
                    removal,
                )


def _row(removal: Removal, removed: Removed | None, row: Sequence[float | None]) -> dict[str, Any]:
    values = [value if value is not None and math.isfinite(value) else None for value in row]
    predicted = None if removed is None else removed.predicted
    return {"what": str(removal), "removed": removal.count, "predicted": predicted} | dict(
        zip(_SPLITS, values, strict=True)
    )


def train_together(seeds: Sequence[Seed], tick: Tick) -> None:
    """Train several seeds in one stack, as far as they are not trained yet, see `training.train_seeds`."""
    first = seeds[0]
    runs = training.train_seeds(
        first.place.game,
        first.place.train,
        [seed.number for seed in seeds],
        outdirs=[seed.directory.training(seed.number) for seed in seeds],
        progress=tick,
        **first.recording,
    )
    for seed, run in zip(seeds, runs, strict=True):
        seed.run = run


def look_together(seeds: Sequence[Seed], metrics: Sequence[str], scored: int, tick: Tick) -> None:
    """What `Seed.look` does, for several seeds; those that were trained in one stack are swept together."""
    judges = [
        [part_of(seed.place.judges(metric).validation, seed.number, scored) for metric in metrics] for seed in seeds
    ]
    by_seed = rolling_seeds([seed.run for seed in seeds], judges, progress=lambda number: tick(SWEEP))
    for seed, by_metric in zip(seeds, by_seed, strict=True):
        for metric, looks in zip(metrics, by_metric, strict=True):
            write_sealed(seed.directory.looks(seed.number, metric, scored), looks.to_bytes())


def samples_of(seed: Seed, trained: Trained, count: int) -> np.ndarray:
    """Samples for the page, which are of the same latents for all players of a seed, shape (count, ...)."""
    draw = Draw(seed.number, "report", dtype=trained.dtype, device=trained.device)
    label = _requested(seed.place.data, trained.game, count)
    return trained.sample(count, draw, label=label).detach().float().cpu().numpy()


def made_by(seed: Seed, trained: Trained, count: int) -> dict[str, np.ndarray]:
    """What the players make of the first test examples of each data set, by title; nothing without `Game.show`.

    Nor is there anything if that fails, with a warning: everything else is computed by then, and shall not be lost.
    """
    if not trained.game.offers("show"):
        return {}
    data = {name: splits.test.x[:count].to(trained.device, trained.dtype) for name, splits in seed.place.data.items()}
    try:
        with torch.no_grad():
            shown = trained.game.show(trained.net(), data)
        return {title: x.float().cpu().numpy() for title, x in shown.items()}
    except Exception as error:  # a game of the user's own may raise anything
        _log.warning("the page has no pictures of %s.show: %r", type(trained.game).__name__, error)
        return {}


def _requested(data: Mapping[str, Splits], game: Game, count: int) -> torch.Tensor | None:
    """The classes that samples are asked to be of, the first class first; None where none can be."""
    names = [splits.train.class_names for splits in data.values()]
    if not game.conditional or len(names) != 1 or names[0] is None:
        return None
    return torch.arange(count) * len(names[0]) // count


def decided_scores(directory: RunDirectory, scores: Scores, digest: str) -> Scores:
    """The scores of those examples alone that a person decided to remove.

    Raises:
        UsageError: if the run directory's copy of the decisions was changed or is gone.
    """
    path = directory.decisions(digest)
    decisions = read_decisions(path, scores.ids)
    if decisions.digest != digest:
        raise UsageError(f"{path} was changed since the run was cleansed with it; give your own decisions again")
    return scores[[scores.rows[identity] for identity in decisions.removed]]


def add_seconds(directory: RunDirectory, number: int, stage: str, seconds: float) -> None:
    """Add what a job on a seed took to what earlier ones took on the stage."""
    spent = read_seconds(directory, number)
    write_json(directory.seconds(number), spent | {stage: spent[stage] + seconds})


def read_seconds(directory: RunDirectory, number: int) -> dict[str, float]:
    """Seconds of work on one seed by stage, over all calls."""
    path = directory.seconds(number)
    return read_json(path) if path.exists() else dict.fromkeys(STAGES, 0.0)
