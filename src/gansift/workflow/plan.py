"""What a run is asked to do, in steps and examples: known from its configuration alone, before anything is done."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np

from gansift.errors import UsageError
from gansift.named import fingerprint
from gansift.workflow.config import Config, Way, parse_counts, parse_estimator, parse_estimators, parse_horizons

#: The stages of a run, in their order.
STAGES = ("train", "score", "cleanse", "verify")

# Of the training examples, in each removal by which `gansift run` verifies its own scores.
_SHARE = 0.02
# Where the seeds of each role begin, whatever their numbers: those of one role never become those of another.
_CHOOSING, _JUDGING = 1000, 2000
# Removals of which anything can be said.
_FEWEST = 3


@dataclass(frozen=True)
class Plan:
    """A configuration for so many training examples, and the way in which the run is cleansed.

    Attributes:
        config: the configuration of the run.
        examples: the number of training examples of all data sets.
        epoch: the number of steps in one epoch.
        way: the way of cleansing.
        together: how many seeds of the game can be trained in one stack.
    """

    config: Config
    examples: int
    epoch: float
    way: Way
    together: int = 1
    #: The seed whose model, scores and lists are the person's; the others show whether the gain holds.
    main: ClassVar[int] = 0

    def check(self) -> None:
        """Find what cannot be understood.

        Raises:
            UsageError: for horizons, numbers to remove or estimators that do not exist.
        """
        if self.config.remove_groups and not self.way.new_models:
            raise UsageError("--remove-groups asks about new models; leave out --for-this-model, or --remove-groups")
        for name in ("horizons", "counts"):  # a list that cannot be read raises
            getattr(self, name)
        parse_estimator(self.config.estimator)
        parse_estimators(self.config.baselines)
        twice = [name for name in dict.fromkeys(self.config.metrics) if self.config.metrics.count(name) > 1]
        if twice:
            raise UsageError(f"--metric {self.config.metric}: {', '.join(twice)} is named twice")

    @property
    def metric(self) -> str:
        """The key of the metric that decides what is removed."""
        return self.metrics[0]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The keys of all metrics that are asked about: everything that depends on a metric is kept under its key."""
        return tuple(metric_key(self.config, name) for name in self.config.metrics)

    @property
    def steps(self) -> int:
        """Steps of training."""
        return self.config.steps

    @property
    def seeds(self) -> range:
        """The training seeds that are scored; where the question is one model, also cleansed."""
        return range(self.config.scoring_seeds if self.way.new_models else self.config.seeds)

    @property
    def stacks(self) -> list[list[int]]:
        """The scored seeds in groups that are trained and scored in one stack each: two at least, for two processes.

        The number of jobs does not decide them, so that it changes no result.
        """
        size = min(self.together, math.ceil(len(self.seeds) / 2))
        return [part.tolist() for part in np.array_split(self.seeds, math.ceil(len(self.seeds) / size))]

    @property
    def choosing(self) -> range:
        """The seeds that choose how many examples new models do without: never scored, never judges."""
        return range(_CHOOSING, _CHOOSING + self.config.choosing_seeds)

    @property
    def judging(self) -> range:
        """The seeds that judge that choice: never scored, and no part of it."""
        return range(_JUDGING, _JUDGING + self.config.judging_seeds)

    @cached_property
    def horizons(self) -> list[int]:
        """Horizons to score and to try, in steps, ascending."""
        return parse_horizons(self.config.horizons, self.epoch, self.steps)

    @cached_property
    def counts(self) -> list[int]:
        """Numbers of examples to remove: the configured ones, or that of a person's decisions."""
        if self.way.decided is not None:
            return [self.way.decided.removed]
        return parse_counts(self.config.remove, self.examples)

    def redone(self, horizon: int) -> int:
        """Steps of one retraining of a horizon: the whole run where examples are removed from the start."""
        return self.steps if self.way.from_start else horizon

    @property
    def compared(self) -> list[str]:
        """The estimators that the choice is compared with: the configured ones, and ITD where it is not ITD's.

        What a person decided is compared with the scores that were at hand, too.
        """
        names = dict.fromkeys(["itd", self.way.estimator, *parse_estimators(self.config.baselines)])
        return [name for name in names if name not in (self.way.chooser, "random")]

    @property
    def verified(self) -> tuple[int, int]:
        """How many random removals `gansift run` verifies its scores by, 0 for none, and the examples in each."""
        removed = max(1, round(_SHARE * self.examples))
        # Of few examples, single ones: no more than there are.
        count = min(self.config.verify, self.examples) if removed == 1 else self.config.verify
        return (count if count >= _FEWEST else 0), removed


def metric_key(config: Config, metric: str) -> str:
    """What tells everything that is kept of one metric, its features, query and latents from that of others.

    It is fit for a file name, and known before the metric is made.

    Args:
        config: of the run, whose settings of metrics count.
        metric: as ``--metric`` takes it.
    """
    asked = [metric, *(config.judging[name] for name in ("features", "query") if name in config.judging)]
    latents = config.judging.get("latents")
    return "-".join(map(_fit, asked)) + ("" if latents is None else f"@{latents}")


def _fit(spec: str) -> str:
    """A word that is fit for a file name; a hash tells what it loses of a path, and what is in the file there."""
    word = re.sub(r"\W+", "_", spec.rpartition("/")[2])
    if word == spec:
        return word
    return f"{word}_{hashlib.sha256(spec.encode() + _content(spec)).hexdigest()[:8]}"


@lru_cache
def _content(spec: str) -> bytes:
    """A hash of the file behind it, which no process reads twice; empty if there is none."""
    return bytes.fromhex(fingerprint(spec) or "")
