"""What a run is about: a function of named data sets and settings gives a game, its optimizers and its metrics."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gansift.catalogue import functions_named_after_files
from gansift.errors import UsageError, foreign
from gansift.named import import_named, is_named, suggestion
from gansift.systems.reading import manual
from gansift.systems.settings import checked

if TYPE_CHECKING:
    from gansift.data.examples import Splits
    from gansift.games import Game
    from gansift.metrics.metric import Metric
    from gansift.models import Architecture
    from gansift.training import Optimizer

#: The built-in systems, by the name that ``--game`` takes. Text, so that nothing is imported to list them.
SYSTEMS: dict[str, str] = functions_named_after_files("systems")


@dataclass(frozen=True)
class Judges:
    """One metric twice, made together: features are shared, reference data and latents are not.

    Attributes:
        validation: the metric against validation data; scores and choices use it.
        test: the metric against test data, with latents of its own; for reporting only.
    """

    validation: Metric
    test: Metric


@dataclass(frozen=True)
class System:
    """What a run is about.

    Attributes:
        game: makes the game. It is called once for every training, with torch's random state set by the training's
            seed (see `new_game`), so networks are to be made in it and not before.
        optimizers: one for all players, or one each by name.
        metrics: for each name that ``--metric`` takes, a function that makes the pair of metrics. Its keyword
            arguments, such as ``features`` and ``latents``, are settings of the question that is asked.
        defaults: defaults of the general settings ``steps``, ``batch``, ``ema``, ``seeds``, ``horizons``, ``remove``,
            ``verify``, ``metric`` and ``baselines`` that fit this system.
        view: how the page shows examples: ``images``, ``points`` or ``records``. None tells it from the data.
        architecture: of built-in networks, which is exported with their weights so that others can start from them.
    """

    game: Callable[[], Game]
    optimizers: Optimizer | Mapping[str, Optimizer]
    metrics: Mapping[str, Callable[..., Judges]]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    view: str | None = None
    architecture: Architecture | None = None

    def new_game(self, seed: int) -> Game:
        """The game of one training, with networks that start alike whenever the same training is begun or resumed.

        Args:
            seed: of the training.
        """
        return _seeded(self.game, seed)

    def maker(self, metric: str, **settings: Any) -> Callable[[], Judges]:
        """What makes the metric of this name, on validation and on test data; nothing is made yet.

        Args:
            metric: a key of ``metrics``.
            settings: keyword arguments of the function behind it.

        Raises:
            UsageError: for a metric that the system does not have, or a setting that the metric does not have.
        """
        if metric not in self.metrics:
            raise UsageError(
                f"--metric {metric!r} is unknown{suggestion(metric, self.metrics)}; choose from "
                f"{', '.join(self.metrics) or 'none'}, or give module:name or file.py:name"
            )
        _refuse_odd(metric, settings, settings_of(self, metric))
        return partial(self.metrics[metric], **settings)

    def judges(self, metric: str, **settings: Any) -> Judges:
        """The metric of this name, on validation and on test data; arguments and errors are those of `maker`."""
        return self.maker(metric, **settings)()


def spec_of(name: str) -> str:
    """``module:function`` or ``file.py:function`` of a built-in system's name, or of such a text itself.

    >>> spec_of("gan")
    'gansift.systems.gan:gan'

    Raises:
        UsageError: if it is neither, with the built-in name that comes nearest.
    """
    if name not in SYSTEMS and not is_named(name):
        raise UsageError(
            f"there is no system {name!r}{suggestion(name, SYSTEMS)}; choose from {', '.join(SYSTEMS)}, or give "
            "your own: --game module:function or --game file.py:function"
        )
    return SYSTEMS.get(name, name)


def find(name: str) -> Callable[..., Any]:
    """The function of a system.

    Args:
        name: of a built-in one, or ``module:function`` or ``file.py:function``.

    Raises:
        UsageError: if there is none, or what is there is no function.
    """
    function = import_named(spec_of(name), "the system")
    if not callable(function):
        raise UsageError(f"--game {name} names {function!r}, which is no function of the named data sets")
    return function


def build(name: str, data: Mapping[str, Splits], settings: Mapping[str, Any] | None = None) -> System:
    """The system that a function makes of these data sets and settings.

    The function may also return a `games.Game`, or a game and a dictionary of optimizers of some of its players. It is
    then called again for every training, and the rest is filled in: Adam with the rates of the built-in networks for
    such data, and the metrics of samples, if the game offers samples and there is one data set.

    Args:
        name: as for `find`.
        data: the data sets by name.
        settings: keyword arguments of the function; those that are left out have its defaults.

    Raises:
        UsageError: if the function cannot be imported or called, or makes something else.
    """
    function, given = find(name), dict(settings or {})
    _check_call(name, function, data, given)
    call = partial(_called, name, data, partial(function, data, **given))
    made = _seeded(call, 0)
    if isinstance(made, System):
        return replace(made, game=partial(_game_of_system, name, data, made))
    return _completed(name, data, call, made)


def maker_of(system: System, data: Mapping[str, Splits], metric: str, **settings: Any) -> Callable[[], Judges]:
    """What makes a metric of a system, or a person's own one, on validation and on test data; nothing is made yet.

    Args:
        system: what the run is about.
        data: the data sets by name.
        metric: a name that the system knows, or ``module:name`` or ``file.py:name``.
        settings: of the metric; ``features`` and ``latents`` for a person's own one.

    Raises:
        UsageError: for an unknown metric or setting.
    """
    if metric in system.metrics or not is_named(metric):
        return system.maker(metric, **settings)
    from gansift.systems import judges

    _refuse_odd(metric, settings, settings_of(system, metric))
    return partial(judges.own, metric, data, **settings)


def settings_of(system: System, metric: str) -> set[str]:
    """The settings that a metric of a system, or a person's own one, has; none of an unknown metric."""
    if metric in system.metrics:
        return set(inspect.signature(system.metrics[metric]).parameters)
    return {"features", "latents"} if is_named(metric) else set()


def _refuse_odd(metric: str, settings: Mapping[str, Any], taken: set[str]) -> None:
    odd = [f"--{name.replace('_', '-')}" for name in settings if name not in taken]
    if odd:
        raise UsageError(f"{', '.join(odd)}: --metric {metric} has no such setting. Leave it out.")


def only(data: Mapping[str, Splits], system: str) -> Splits:
    """The one data set of a system that takes one, whatever its name.

    Raises:
        UsageError: if there are several.
    """
    if len(data) != 1:
        raise UsageError(f"the system {system} takes one data set, not {len(data)} ({', '.join(data)})")
    return next(iter(data.values()))


def _completed(name: str, data: Mapping[str, Splits], call: Callable[[], Any], made: Any) -> System:
    """A system around what a function returned that gives a game alone."""
    from gansift.systems import plain

    game, optimizers = _checked_game(name, *_game_and_optimizers(made))

    def again() -> Game:
        return _checked_game(name, *_game_and_optimizers(call()))[0]

    return plain.around(again, game, optimizers, data)


def _game_and_optimizers(made: Any) -> tuple[Any, Any]:
    return made if isinstance(made, tuple) and len(made) == 2 else (made, {})


def _game_of_system(name: str, data: Mapping[str, Splits], system: System) -> Game:
    return _checked_game(name, _called(name, data, system.game), system.optimizers)[0]


def _checked_game(name: str, game: Any, optimizers: Any) -> tuple[Game, dict[str, Optimizer]]:
    """A game, and the optimizers that are given by player.

    Raises:
        UsageError: if they are something else, or name players that the game does not have.
    """
    from gansift.games import Game
    from gansift.training import Optimizer

    if not isinstance(game, Game):
        raise UsageError(
            f"--game {name} must return a gansift.systems.System, a gansift.games.Game, or a game and a dictionary of "
            f"optimizers; the game that it gave is {game!r}"
        )
    if isinstance(optimizers, Optimizer):
        return game, dict.fromkeys(game.learners, optimizers)
    if not isinstance(optimizers, Mapping) or not all(isinstance(value, Optimizer) for value in optimizers.values()):
        raise UsageError(
            f"--game {name}: the optimizers must be a dictionary from players to gansift.training optimizers"
        )
    unknown = sorted(set(optimizers) - set(game.players))
    if unknown:
        raise UsageError(
            f"--game {name} gives optimizers for {', '.join(unknown)}; the players are {', '.join(game.players)}"
        )
    return game, dict(optimizers)


def _check_call(name: str, function: Callable[..., Any], data: Mapping[str, Splits], settings: dict[str, Any]) -> None:
    try:
        inspect.signature(function).bind(data, **settings)
    except (TypeError, ValueError) as error:
        given = f" and the settings {', '.join(settings)}" if settings else ""
        raise UsageError(
            f"--game {name} must be a function that can be called with the named data sets{given}: {error}"
        ) from error


def _called(name: str, data: Mapping[str, Splits], call: Callable[[], Any]) -> Any:
    """What a person's function returns; whatever it stumbles over is said with its name and what it was given."""

    def said(error: Exception) -> str:
        sets = ", ".join(
            f"{key} ({len(part.train)} examples of shape {part.train.shape})" for key, part in data.items()
        )
        return f"--game {name} failed on the training data {sets}: {error!r}"

    with foreign(said):
        return call()


def _seeded(call: Callable[[], Any], seed: int) -> Any:
    """What a call returns with torch's random state set by the seed; the previous state is restored."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return call()


def settled(name: str, data: Mapping[str, Splits], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a system, with what is left open filled in as the system's ``presets(data, **given)`` says.

    A function ``presets`` beside that of the system, in the same module, is for defaults that depend on the data. It
    returns settings by name.

    Args:
        name: as for `find`.
        data: the data sets by name.
        given: the settings that a person gave.

    Raises:
        UsageError: as `build`, or for a setting that the system does not have.
    """
    settings = manual(spec_of(name)).settings
    known = checked(settings, given, f"--game {name}")
    presets = getattr(sys.modules[find(name).__module__], "presets", None)
    chosen = {} if presets is None else _called(name, data, partial(presets, data, **known))
    names = {setting.name: setting.default for setting in settings}
    return names | {key: value for key, value in chosen.items() if key in names} | known
