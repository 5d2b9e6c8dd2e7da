"""The settings of a run: what a person may give, and the configuration in which all of them are known.

Settings of the system (``--game``) are keywords of its function; all others stand here. Nothing here imports torch, so
that help and mistakes are shown at once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gansift.bounds import Range
from gansift.catalogue import ESTIMATOR_LABELS, ROLLING
from gansift.errors import GansiftError, UsageError
from gansift.files import read_json, refuse_pipes, write_json
from gansift.systems.settings import Setting

Panel = Literal["Data", "Training", "Question", "Machine"]


#: The most random removals, the most jobs at the same time, and the most folds of a cross-fit.
MOST_REMOVALS, MOST_JOBS, MOST_FOLDS = 100_000, 10_000, 100

# What nobody means to exceed, so that a slip of the finger is named and not computed with.
_PIXELS, _STEPS, _EXAMPLES, _LATENTS = 4096, 100_000_000, 100_000_000, 10_000_000
_THREADS = 1024
# Of each role: their numbers lie a thousand apart, see `plan`.
_SEEDS = 1000
_SPLIT_SEEDS = 2**63 - 1


def _of(
    panel: Panel,
    default: Any,
    help_text: str,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
    first: bool = False,
) -> Any:
    bounds = Range(least, most, below=below)
    metadata = {"panel": panel, "default": default, "help": help_text, "range": bounds, "first": first}
    return field(metadata=metadata)


class Open(NamedTuple):
    """The default of a setting that the system chooses to fit the data; in words for the help."""

    words: str = "by the data"


_OPEN = Open()


@dataclass(frozen=True)
class Config:
    """The configuration of a run, as its ``config.json`` holds it; every setting is known.

    Attributes:
        sources: the sources of the data, ``SOURCE`` or ``NAME=SOURCE`` each.
        game: the name of the system, or ``module:function`` or ``file.py:function``.
        system: the settings of the system, by name.
        files: the SHA-256 of each file of code or weights that ``game``, ``metric`` or ``features`` name, by that name.
    """

    sources: tuple[str, ...]
    game: str
    system: Mapping[str, Any]
    files: Mapping[str, str]

    size: int | None = _of(
        "Data", None, "crop and resize every image to this many pixels a side", least=1, most=_PIXELS, first=True
    )
    resize: str = _of("Data", "crop-lanczos", "how: crop, stretch or pad, and lanczos, bicubic, bilinear or box")
    range: str = _of(
        "Data", "auto", "values of 16-bit grey that are black and white, e.g. 0,4095; auto: told from all images"
    )
    labels: str | None = _of("Data", None, "label file of images (CSV with path,label or dataset.json)")
    label: str | None = _of("Data", None, "column of a table that is the label", first=True)
    group: str | None = _of(
        "Data", None, "columns that are groups, of a table or of the label file of images, e.g. sex,camera"
    )
    ignore: str | None = _of("Data", None, "columns of a table that are not read")
    include: str | None = _of("Data", None, "columns among label and group that the model sees, too")
    impute: str | None = _of(
        "Data", None, "what stands for missing numbers of a table: mean or median (default: refuse)"
    )
    skip_bad: bool = _of("Data", False, "go on without images that cannot be read or have an odd size")
    fractions: str = _of("Data", "0.5,0.25,0.25", "shares of the training, validation and test examples")
    split_seed: int = _of("Data", 0, "seed of that split", least=-_SPLIT_SEEDS, most=_SPLIT_SEEDS)

    turn: float = _of(
        "Data", 0.0, "turn the split on by this share, so that other examples are held out", least=0, below=1
    )

    steps: int = _of("Training", _OPEN, "training steps", least=1, most=_STEPS, first=True)
    batch: int = _of("Training", _OPEN, "examples in a batch", least=1, most=_EXAMPLES, first=True)
    ema: float = _of("Training", _OPEN, "decay of the averaged players; 0 for none", least=0, below=1)
    renormalise: bool = _of("Training", False, "removal divides a batch's loss by the sum of weights, not its size")
    dtype: str = _of("Training", "float32", "float32 or float64")
    compiled: bool = _of("Training", False, "compile training steps and the sweep: faster for small networks")

    metric: str = _of(
        "Question",
        _OPEN,
        "what is to improve, a name of `gansift about` or module:name; further ones after a comma are measured, too",
        first=True,
    )
    features: str = _of(
        "Question", "auto", "of fid, kid, is: classifier, autoencoder, imagenet[:dims], module:name or a file"
    )
    latents: int = _of(
        "Question", 2000, "generated samples behind each value of a metric of samples", least=2, most=_LATENTS
    )
    query: str | None = _of(
        "Question", None, "what query-loss is asked about: an image file, or an example by its id in manifest.csv"
    )
    seeds: int = _of(
        "Question",
        _OPEN,
        "training seeds with --for-this-model; the first is your model, the others show if the gain holds",
        least=1,
        most=_SEEDS,
        first=True,
    )
    horizons: str = _of(
        "Question", _OPEN, "horizons to try, in epochs, e.g. 1,5,20,all; auto: as far as can be believed"
    )
    remove: str = _of("Question", _OPEN, "numbers to remove, as counts or shares, e.g. 20,5%", first=True)
    for_this_model: bool = _of(
        "Question", False, "ask what improves this very model, not the next one that is trained", first=True
    )
    scoring_seeds: int = _of(
        "Question", _OPEN, "trainings that score the examples, for new models", least=1, most=_SEEDS
    )
    choosing_seeds: int = _of(
        "Question", _OPEN, "fresh trainings that choose the number to remove", least=2, most=_SEEDS
    )
    judging_seeds: int = _of(
        "Question", _OPEN, "further fresh trainings that prove the gain", least=2, most=_SEEDS, first=True
    )
    remove_groups: str | None = _of(
        "Question", None, "kinds to remove whole, for new models, as the report names them: 'kind noise,label 3'"
    )
    from_start: bool = _of("Question", False, "remove from the whole run, not only from the horizon on")
    estimator: str = _of("Question", "itd", "what scores the examples; `gansift about` lists the estimators")
    baselines: str = _of("Question", _OPEN, "other estimators to compare the choice with, or none")
    verify: int = _of(
        "Question", _OPEN, "random removals retrained to verify the scores; 0 for none", least=0, most=MOST_REMOVALS
    )

    jobs: int | None = _of(
        "Machine", None, "jobs at the same time (default: one for each processor)", least=1, most=MOST_JOBS, first=True
    )
    cluster: str | None = _of("Machine", None, "spread jobs over a Ray cluster: ray://host:port, auto, local, or none")
    memory: str | None = _of("Machine", None, "memory for states while scoring, over all jobs, e.g. 2GiB")
    threads: int = _of(
        "Machine", 1, "processor threads of each job; the last bits of results depend on it", least=1, most=_THREADS
    )
    device: str = _of("Machine", Open("that of the run, or cpu"), "cpu, cuda, ...")
    accept_drift: bool = _of("Machine", Open("no"), "use a run of another device that replays here to other bits")

    @property
    def way(self) -> Way:
        """The way of cleansing that is configured."""
        return Way(self.estimator, self.from_start) if self.for_this_model else NEW_MODELS

    @property
    def metrics(self) -> list[str]:
        """The metrics that are asked about; the first one decides what is removed."""
        return [name.strip() for name in self.metric.split(",")]

    @property
    def judging(self) -> dict[str, Any]:
        """The keyword settings of metrics that differ from the usual ones."""
        usual = {name: general(name).default for name in ("features", "latents", "query")}
        return {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}

    @property
    def job_count(self) -> int:
        """How many jobs go on at the same time where that is decided; one until then."""
        return self.jobs or 1

    @property
    def cluster_address(self) -> str | None:
        """The address of the Ray cluster that does the work; None if this machine does."""
        return None if self.cluster == NO_CLUSTER else self.cluster

    def having(self, values: Mapping[str, Any]) -> Config:
        """The same with other values of some settings."""
        return replace(self, **values)

    def save(self, path: Path) -> None:
        """Write it as ``config.json``.

        Raises:
            GansiftError: if it cannot be written.
        """
        content = asdict(self)
        write_json(path, content | {_CHECKSUM: checksum(content)})


@dataclass(frozen=True)
class General:
    """A setting that every system has.

    Attributes:
        setting: its name, type, default, help and bounds; the default of an open one is None.
        panel: the heading of ``--help`` under which it stands; it also says what a change of it touches.
        open: the way its default is chosen, if neither the person nor this module says it; None for all others.
        first: whether ``--help`` shows it; ``--help-all`` shows all settings.
    """

    setting: Setting
    panel: Panel
    open: Open | None
    first: bool

    @property
    def name(self) -> str:
        """The name, with underscores."""
        return self.setting.name

    @property
    def default(self) -> Any:
        """Its default; None for an open one."""
        return self.setting.default


def _general() -> Iterator[General]:
    for item in fields(Config):
        if not item.metadata:
            continue
        kind, _, optional = str(item.type).partition(" | ")
        default = item.metadata["default"]
        chosen = default if isinstance(default, Open) else None
        setting = Setting(
            item.name,
            {"int": int, "float": float, "bool": bool, "str": str}[kind],
            None if chosen else default,
            item.metadata["help"],
            bool(optional),
            range=item.metadata["range"],
        )
        yield General(setting, item.metadata["panel"], chosen, item.metadata["first"])


#: The settings that every system has, in the order of ``--help``.
GENERAL: tuple[General, ...] = tuple(_general())


def general(name: str) -> General:
    """The general setting of that name."""
    return next(one for one in GENERAL if one.name == name)


def names_of(*panels: Panel) -> tuple[str, ...]:
    """The names of the general settings under these headings."""
    return tuple(one.name for one in GENERAL if one.panel in panels)


#: The file that says that a folder holds a cross-fit and no run, see `crossfit`.
CROSSFIT = "crossfit.json"

#: Settings that change how fast a result is reached, not what it is but for rounding.
MACHINE = tuple(name for name in names_of("Machine") if name != "threads")

#: Settings of what is asked of a trained run: they may change without another training.
QUESTION = names_of("Question")

#: The value of ``horizons`` that looks back as far as the adjoint's growth lets scores be believed.
AUTO = "auto"

#: The value of ``cluster`` that keeps to processes of this machine.
NO_CLUSTER = "none"


def load(path: Path) -> Config:
    """The configuration saved with a run directory.

    Raises:
        UsageError: if the folder holds no run.
        GansiftError: if the file is damaged, naming the setting, or there is a pipe or a device in the folder.
    """
    if not path.exists() and (path.parent / CROSSFIT).exists():
        raise UsageError(f"{path.parent} is a cross-fit; give the run of one of its folds, {path.parent / 'fold-0'}")
    if not path.exists():
        raise UsageError(f"{path.parent} holds no run (no {path.name} in it); start one with `gansift run SOURCE`")
    refuse_pipes(path.parent)
    try:
        return _read(path, read_json(path))
    except GansiftError as error:
        if isinstance(error, UsageError):
            raise
        raise GansiftError(
            f"{error}. Delete it and give the command that made this run again: it is written anew, and all results "
            "are kept."
        ) from error


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of settings; it stands among them in ``config.json``, so that a change is noticed."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_CHECKSUM = "checksum"

# What stands in `config.json` beside the general settings; and what a setting of a system may be.
_OF_RUN = ("sources", "game", "system", "files")
_PLAIN = (bool, int, float, str, type(None))
# What runs had before there was the setting.
_SINCE = {"turn": 0.0, "range": "auto", "query": None}


def _read(path: Path, content: Any) -> Config:
    known = {item.name for item in fields(Config)}
    sealed = content.pop(_CHECKSUM, None) if isinstance(content, dict) else None
    if sealed is not None and sealed != checksum(content):
        raise GansiftError(f"{path} is damaged: it was changed, for it does not match the {_CHECKSUM} in it")
    content = _SINCE | content if isinstance(content, dict) else {}
    unknown = ", ".join(sorted(content.keys() ^ known))
    if unknown and sealed is not None:
        raise GansiftError(f"{path} is of another version of gansift: {unknown} do not fit")
    if unknown:
        raise UsageError(
            f"{path.parent} is no run directory of `gansift run`: its {path.name} has other settings. Give the folder "
            "that holds report.html, not one of its seeds."
        )
    sources, game, system, named = (content[name] for name in _OF_RUN)
    fits = {
        "sources": isinstance(sources, list) and bool(sources) and all(isinstance(one, str) for one in sources),
        "game": isinstance(game, str),
        "system": isinstance(system, dict) and all(type(value) in _PLAIN for value in system.values()),
        "files": isinstance(named, dict) and all(isinstance(digest, str) for digest in named.values()),
    }
    for name in _OF_RUN:
        if not fits[name]:
            raise GansiftError(f"{path} is damaged: {name!r} is {content[name]!r}")
    values = {one.name: _checked(path, one, content[one.name]) for one in GENERAL}
    return Config(tuple(sources), game, system, named, **values)


def _checked(path: Path, one: General, value: Any) -> Any:
    try:
        return one.setting.check(value)
    except UsageError as error:
        raise GansiftError(f"{path} is damaged: {error}") from error


class Decided(NamedTuple):
    """What a person decided to remove.

    Attributes:
        digest: the digest of the set of examples, which names the copy of the decisions in the run directory.
        removed: the number of examples to remove.
    """

    digest: str
    removed: int


class Way(NamedTuple):
    """How a run is cleansed.

    Attributes:
        estimator: the estimator whose scores say what is harmful.
        from_start: whether examples are removed from the whole run, not only from the horizon on.
        decided: the decisions of a person, which take the place of the most harmful examples; the scores only predict
            then. None where scores decide.
        new_models: whether the question is what improves new models, trained from scratch, and not this very one.
    """

    estimator: str
    from_start: bool
    decided: Decided | None = None
    new_models: bool = False

    @property
    def chooser(self) -> str:
        """Who says what is removed: the estimator, or a person's ``decisions``."""
        return self.estimator if self.decided is None else "decisions"

    @property
    def flags(self) -> str:
        """The command line's flags for it, each after a space."""
        estimator = "" if self.estimator == "itd" else f" --estimator {self.estimator}"
        chosen = "" if self.decided is None else " --decisions FILE"
        return estimator + chosen + (" --from-start" if self.from_start else "")


#: The way that is asked of whoever trains anew: rolling scores, and retraining from scratch with other seeds.
NEW_MODELS = Way(ROLLING, from_start=True, new_models=True)


def moved(recorded: Config, settings: Mapping[str, Any]) -> Config:
    """A recorded configuration with the settings of the machine as they are given now.

    A device is not left for the default one by saying nothing.
    """
    machine = {name: settings.get(name) for name in MACHINE}
    kept = {name: getattr(recorded, name) for name in ("device", "accept_drift") if machine[name] is None}
    return recorded.having(machine | kept)


def parse_horizons(text: str, epoch: float, steps: int, flag: str = "--horizons") -> list[int]:
    """Horizons in steps from a list in epochs, ascending; ``all`` is the whole run.

    Longer ones are left out (`longer_horizons` names them); the whole run is what is left where all are longer.

    ``auto`` stands for 1, 2, 4, 8, ... epochs and the whole run.

    >>> parse_horizons("1,5,all", epoch=10, steps=30)
    [10, 30]

    Raises:
        UsageError: for an entry that is neither a positive number nor ``all``.
    """
    horizons = set()
    parts = text.split(",")
    if text.strip() == AUTO:
        parts = [str(2**power) for power in range(math.ceil(math.log2(max(1, steps / epoch))))] + ["all"]
    for part in parts:
        if part.strip() == "all":
            horizons.add(steps)
            continue
        epochs = _number(part, flag, "epochs such as 1,5,20 or all")
        if not _is_longer(epochs, epoch, steps):
            horizons.add(max(1, round(epochs * epoch)))
    horizons = {horizon for horizon in horizons if horizon <= steps}
    return sorted(horizons) or [steps]


def longer_horizons(text: str, epoch: float, steps: int) -> list[str]:
    """The entries of a list of horizons that are longer than the run, which has none of them, as they were given.

    >>> longer_horizons("1, 5,all", epoch=10, steps=30)
    ['5']
    """
    numbers = [part.strip() for part in text.split(",") if part.strip() not in ("all", AUTO)]
    return [part for part in numbers if _is_longer(float(part), epoch, steps)]


def _is_longer(epochs: float, epoch: float, steps: int) -> bool:
    return epochs * epoch >= steps + 1  # also where the product is infinite


def parse_estimators(text: str) -> list[str]:
    """Names of estimators from a list; ``none`` is the empty one.

    >>> parse_estimators("itd,density")
    ['itd', 'density']

    Raises:
        UsageError: for a name that is not in `influence.estimators.ESTIMATORS`.
    """
    names = [] if text.strip() == "none" else [part.strip() for part in text.split(",")]
    for name in names:
        if name not in ESTIMATOR_LABELS:
            raise UsageError(f"there is no estimator {name!r}; choose from {', '.join(ESTIMATOR_LABELS)}")
    return names


def parse_estimator(text: str) -> str:
    """The one estimator whose scores are wanted.

    Raises:
        UsageError: for none, several, or a name that does not exist.
    """
    names = parse_estimators(text)
    if len(names) != 1:
        raise UsageError(f"--estimator {text}: give one estimator")
    return names[0]


def parse_counts(text: str, count: int) -> list[int]:
    """Numbers of examples from counts and shares of ``count``, ascending.

    >>> parse_counts("5%,20", 200)
    [10, 20]

    Raises:
        UsageError: for an entry that is neither, or more than there are.
    """
    counts = set()
    for part in text.split(","):
        share = part.strip().endswith("%")
        number = _number(part.strip().rstrip("%"), "--remove", "counts or shares such as 20,5%")
        removed = max(1, round(number / 100 * count)) if share else round(number)
        if not 1 <= removed < count:
            shown = removed if abs(removed) < 10**12 else f"{float(removed):.1e}"
            raise UsageError(f"--remove {part.strip()} is {shown} of {count} training examples; at least one must stay")
        counts.add(removed)
    return sorted(counts)


def _number(text: str, flag: str, example: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise UsageError(f"{flag}: {text.strip()!r} is not understood; give {example}")
    return number
