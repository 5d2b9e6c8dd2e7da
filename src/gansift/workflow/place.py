"""What all seeds of a run have in common: configuration, data sets and system; and how a request gets there."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

from gansift import systems, trusted
from gansift.data.builtin import BUILTINS
from gansift.data.examples import Examples
from gansift.data.records import Roles
from gansift.data.sets import DataSets, load_sets, parse_source
from gansift.data.splits import parse_fractions
from gansift.errors import UsageError
from gansift.games import Game
from gansift.metrics.imagenet import is_imagenet
from gansift.metrics.metric import Metric
from gansift.metrics.scripts import script_path
from gansift.named import absolute_named, fingerprint, is_named
from gansift.systems import Judges, System
from gansift.systems.judges import FITTED, check_features
from gansift.training.accountant import Privacy
from gansift.training.devices import check_device
from gansift.training.memory import bytes_of
from gansift.training.order import check_batch
from gansift.training.stacked import seeds_together
from gansift.training.step import epoch_of, ids_of
from gansift.training.train import untrained
from gansift.workflow.config import GENERAL, MACHINE, QUESTION, Config, Way
from gansift.workflow.plan import Plan, metric_key
from gansift.workflow.request import Request

# What is usual where the system has nothing to say.
_USUAL = {
    "device": "cpu", "accept_drift": False, "ema": 0.0,
    "baselines": "far-neighbours,isolation-forest,density,discriminator-score,nearest-samples",
    "scoring_seeds": 4, "choosing_seeds": 4, "judging_seeds": 16,
}  # fmt: skip


_log = logging.getLogger(__name__)

# The numbers to remove that are tried for new models: dirt is rarely less, and a choice of three is cheap.
_REMOVE = "5%,10%,20%"
# Settings that only one of the two questions has.
_OF_THIS_MODEL = ("seeds", "horizons", "estimator", "from_start", "verify")
_OF_NEW_MODELS = ("scoring_seeds", "choosing_seeds", "judging_seeds", "remove_groups")


@dataclass(frozen=True)
class Place:
    """Everything that the seeds of a run have in common.

    Attributes:
        config: the configuration of the run.
        data: the data sets by name.
        system: the system that is trained on them.
    """

    config: Config
    data: DataSets
    system: System
    _made: dict[str, Judges] = field(default_factory=dict, init=False, repr=False)

    @property
    def train(self) -> dict[str, Examples]:
        """The training examples by data set."""
        return self.data.train

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all training examples, as scores have them."""
        return ids_of(self.train)

    @property
    def examples(self) -> int:
        """The number of training examples of all data sets."""
        return sum(map(len, self.train.values()))

    @cached_property
    def epoch(self) -> float:
        """Steps in one epoch, see `training.step.epoch_of`."""
        counts = {name: len(part) for name, part in self.train.items()}
        return epoch_of(self.game(0), counts, dict.fromkeys(counts, self.config.batch))

    def game(self, seed: int) -> Game:
        """The game of a training seed."""
        return self.system.new_game(seed)

    @property
    def training(self) -> dict[str, Any]:
        """What `training.train`, `training.settings_for` and `influence.doctor.examine` need of the configuration.

        These are the keyword arguments that decide what is computed, without the steps and the seed, which an
        examination does not have.
        """
        config = self.config
        return {
            "batch_size": config.batch, "optimizers": self.system.optimizers, "ema": config.ema, "dtype": config.dtype,
            "device": config.device, "renormalise": config.renormalise,
        }  # fmt: skip

    @property
    def promise(self) -> Privacy | None:
        """What a training promises of every single example; None if it is not differentially private."""
        optimizers = self.system.optimizers
        every = optimizers.values() if isinstance(optimizers, Mapping) else [optimizers]
        return next((one.private for one in every if one.private is not None), None)

    @property
    def asked(self) -> str:
        """The key of the metric that is asked about first, see `plan.metric_key`."""
        return metric_key(self.config, self.config.metrics[0])

    @property
    def validation(self) -> Metric:
        """The metric that is asked about first, against validation data."""
        return self.judges(self.asked).validation

    @property
    def test(self) -> Metric:
        """The metric that is asked about first, against test data."""
        return self.judges(self.asked).test

    def judges(self, key: str) -> Judges:
        """The pair of a metric that is asked about, made once.

        Args:
            key: of the metric, see `plan.metric_key`.

        Raises:
            UsageError: for a metric that the system does not have, or that does not fit the data.
        """
        if key not in self._made:
            name = {metric_key(self.config, name): name for name in self.config.metrics}[key]
            self._made[key] = systems.maker_of(self.system, self.data, name, **self.config.judging)()
        return self._made[key]

    def plan(self, way: Way | None = None) -> Plan:
        """What the run is asked to do; by default in the configured way of cleansing."""
        way = way or self.config.way
        return Plan(self.config, self.examples, self.epoch, way, self._together if way.new_models else 1)

    @cached_property
    def _together(self) -> int:
        """How many seeds can be trained in one stack."""
        if self.config.compiled or self.promise is not None:
            return 1
        begun = untrained(
            self.game(0), self.train, **self.training | {"device": "cpu"}, steps=self.config.steps, seed=0
        )
        return seeds_together(begun.step)


def place_of(config: Config, cache: Path | None = None, *, confirmed: bool = False) -> Place:
    """Load the data and build the system; done once for configurations that differ in the machine and the question.

    Args:
        config: of a run.
        cache: the run directory's folder for decoded images, if there is one.
        confirmed: who handed out this job has seen that the person named or confirmed all code that the run names.

    Raises:
        DataError: if the data cannot be used.
        UsageError: if the system cannot be built, a file that a setting names is not the one of the run, or the run
            names code that the person has not named or confirmed, see `trusted.check`.
    """
    torch.set_num_threads(config.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic
    torch.use_deterministic_algorithms(True)
    _check_files(config)
    if not confirmed:
        trusted.check(_executed(config))
    open_ones = dict.fromkeys((*MACHINE, *QUESTION))
    data, system = _built(json.dumps(asdict(config.having(open_ones))), cache)
    return Place(config, data, system)


@lru_cache(maxsize=1)
def _built(config: str, cache: Path | None) -> tuple[DataSets, System]:
    content = json.loads(config)
    data = load_data(content["sources"], content, cache)
    return data, systems.build(content["game"], data, content["system"])


def load_data(sources: Sequence[str], settings: Mapping[str, Any], cache: Path | None = None) -> DataSets:
    """The data sets of sources, read by settings of the panel ``Data``; those that are missing have their defaults.

    Raises:
        DataError: if the data cannot be used.
        UsageError: if settings make no sense.
    """
    values = {one.name: one.default for one in GENERAL if one.panel == "Data"} | dict(settings)
    return load_sets(
        sources,
        seed=values["split_seed"],
        fractions=parse_fractions(values["fractions"]),
        labels=values["labels"],
        size=values["size"],
        resize=values["resize"],
        range=values["range"],
        skip_bad=values["skip_bad"],
        cache=cache,
        roles=roles_of(values),
        turn=values["turn"],
    )


def say(data: DataSets) -> None:
    """What the data are, in the log."""
    for splits in data.values():
        _log.info(
            "%s: %d training, %d validation and %d test examples",
            splits.name,
            *map(len, (splits.train, splits.valid, splits.test)),
        )
        for note in splits.notes:
            _log.warning("%s", note)
        for path, reason in splits.skipped:
            _log.warning("left out %s: %s", path, reason)


def roles_of(settings: Mapping[str, Any]) -> Roles:
    """The roles of a table's columns that settings give."""
    group, ignore, include = (settings[name] or "" for name in ("group", "ignore", "include"))
    return Roles.parse(settings["label"], group, ignore, include, settings["impute"])


def _absolute_source(source: str) -> str:
    """A source of a run that goes on from any folder."""
    name, path = parse_source(source)
    absolute = path if path in BUILTINS or not Path(path).exists() else str(Path(path).absolute())
    return absolute if name is None else f"{name}={absolute}"


def resolve(request: Request, data: DataSets) -> Config:
    """The configuration in which everything is known that a request leaves open.

    Raises:
        UsageError: if the system does not exist or cannot be built, or does not say what nobody else knows.
    """
    game = absolute_named(request.game)
    system_settings = systems.settled(game, data, request.system)
    system = systems.build(game, data, system_settings)
    usual = {one.name: one.default for one in GENERAL} | _USUAL
    values = usual | dict(system.defaults) | dict(request.general)
    if "batch" not in request.general and values["batch"] is not None:
        values["batch"] = min([values["batch"], *map(len, data.train.values())])  # what is usual is too much for few
    if not values["for_this_model"] and "remove" not in request.general:
        values["remove"] = _REMOVE  # what systems say is for the end of one training
    _say_idle(request, values["for_this_model"])
    missing = [one.name for one in GENERAL if one.open is not None and values[one.name] is None]
    if missing:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise UsageError(f"the system {request.game} says nothing of {flags}; give them, or name them in its defaults")
    values |= {name: absolute_file(values[name]) for name in ("labels", "query")}
    values["features"] = _absolute_features(values["features"])
    values["metric"] = absolute_metrics(values["metric"])
    config = Config(tuple(map(_absolute_source, request.sources)), game, system_settings, {}, **values)
    trusted.remember(_executed(config))
    digests = {spec: fingerprint(spec) for spec in _named(config)}
    return config.having({"files": {spec: digest for spec, digest in digests.items() if digest is not None}})


def _say_idle(request: Request, for_this_model: bool) -> None:
    """Say which of the settings that were given have no say in the question that is asked."""
    others, question = (
        (_OF_NEW_MODELS, "of new models, which is asked without --for-this-model")
        if for_this_model
        else (_OF_THIS_MODEL, "of this very model, which is asked with --for-this-model")
    )
    idle = [f"--{name.replace('_', '-')}" for name in others if name in request.general]
    if idle:
        _log.warning("%s: only the question %s, looks at that", ", ".join(idle), question)


def absolute_metrics(text: str) -> str:
    """The names in ``--metric``, with the absolute path of those that are files."""
    return ",".join(absolute_named(name.strip()) for name in text.split(","))


def _named(config: Config) -> list[str]:
    """What may name a file of code or weights; built-in systems, metrics and features are no files of a person's."""
    game = [] if config.game in systems.SYSTEMS else [config.game]
    features = [] if config.features in FITTED or is_imagenet(config.features) else [config.features]
    return [*game, *filter(is_named, config.metrics), *features]


def _executed(config: Config) -> list[str]:
    """Everything that somebody may have written for this machine to execute: `_named`, and a cluster that answers."""
    return [*_named(config), *([config.cluster] if config.cluster and "://" in config.cluster else [])]


def absolute_file(path: str | None) -> str | None:
    """A file by its absolute path, so that a run goes on from any folder."""
    return path if path is None or not Path(path).exists() else str(Path(path).absolute())


def _absolute_features(spec: str) -> str:
    """Features that are named by a file, ``file``, ``file@convention`` or ``file.py:name``, by its absolute path."""
    script = None if spec in FITTED or is_imagenet(spec) else script_path(spec)
    if script is None:
        return absolute_named(spec)
    path, convention = script
    return f"{path.absolute()}@{convention}" if convention else str(path.absolute())


def _check_files(config: Config) -> None:
    """Refuse what was edited since; what is asked for the first time was never recorded."""
    for spec in _named(config):
        recorded = config.files.get(spec)
        if recorded is not None and fingerprint(spec) != recorded:
            raise UsageError(
                f"{spec}: this is not the file that the run was made with; it was edited, or is gone. Bring it back, "
                "or choose another --outdir."
            )


def check_scorable(place: Place) -> None:
    """Refuse whatever looks at examples beside a differentially private training.

    Raises:
        UsageError: if training is differentially private.
    """
    if place.promise is not None:
        raise UsageError(
            "a differentially private training keeps its promise only if nothing else looks at the examples, as scores "
            "and retraining do; give --until train"
        )


def check_metrics(place: Place) -> None:
    """Refuse metrics that the system does not have, and settings that they do not have.

    Raises:
        UsageError: for these, and for a query that there is not.
    """
    config = place.config
    for metric in config.metrics:
        make = systems.maker_of(place.system, place.data, metric, **config.judging)
        if "query" in systems.settings_of(place.system, metric):
            make()  # what is asked about is looked for before anything is trained


def check(place: Place) -> None:
    """Find what would be refused later, before any work is done.

    Raises:
        UsageError: for an unknown device, metric or amount of memory, or a metric that does not fit the data.
        TrainingError: for a game or a batch that is impossible.
    """
    config = place.config
    for part in place.train.values():
        check_batch(config.batch, len(part))
    check_device(config.device)
    if config.memory is not None:
        bytes_of(config.memory)
    place.game(0)
    check_metrics(place)
    if "features" in config.judging and len(place.data) == 1:
        check_features(place.data.only, config.features)
    place.plan().check()
