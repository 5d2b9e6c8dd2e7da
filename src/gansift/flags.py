"""Settings as flags: what the command line offers depends on the system that is named, and is known before torch is."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gansift import trusted
from gansift.errors import UsageError
from gansift.systems.reading import Manual, manual
from gansift.systems.settings import Setting, checked
from gansift.systems.system import SYSTEMS, spec_of
from gansift.workflow.config import GENERAL, General
from gansift.workflow.request import USUAL_GAME, read_toml


def named_game(arguments: Sequence[str]) -> str:
    """The system that a command line is about: of ``--game``, of the file of ``--config``, or of a run directory.

    Raises:
        UsageError: for the system of a run directory that the person has not named or confirmed, see `trusted.check`.

    >>> named_game(["run", "digits", "--game=dann"])
    'dann'
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--game")
    parser.add_argument("--config")
    try:
        known, rest = parser.parse_known_args(list(arguments))
    except (argparse.ArgumentError, SystemExit):
        return USUAL_GAME  # a flag without its value, which the parser proper explains
    if known.game is not None:
        return known.game
    if known.config is not None:
        return str(read_toml(Path(known.config)).get("game", USUAL_GAME))
    recorded = next((game for text in rest[1:] if (game := _recorded(Path(text))) is not None), None)
    if recorded is not None and recorded not in SYSTEMS and "--trust" not in rest:
        trusted.check([recorded])  # to tell its settings, parts of it may be executed
    return recorded or USUAL_GAME


def _recorded(folder: Path) -> str | None:
    """The system of a run directory; None where there is none."""
    path = folder / "config.json"
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        game = json.loads(path.read_text(encoding="utf-8")).get("game")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return game if isinstance(game, str) else None


def system_manual(game: str) -> Manual:
    """Text and settings of a system.

    Raises:
        UsageError: if there is none, or one of its settings is a general one as well.
    """
    found = manual(spec_of(game))
    twice = sorted({setting.name for setting in found.settings} & {one.name for one in GENERAL})
    if twice:
        raise UsageError(
            f"--game {game}: {', '.join(twice)} are settings that every system has; give its own other names"
        )
    return found


def with_settings(
    verb: Callable[..., None], game: str, system: Sequence[Setting], everything: bool
) -> Callable[..., None]:
    """Give a verb one flag for every setting; it receives those that were given as ``settings``.

    Args:
        verb: with a parameter ``settings``.
        game: the system's name, for the heading of its flags.
        system: the system's own settings.
        everything: show all flags in the help, and not those alone that most people need. The settings of a system
            other than the usual one are always shown.
    """
    flags = [_game_flag(game)]
    flags += [_flag(one.setting, _general_help(one), one.panel, everything or one.first) for one in GENERAL]
    chosen = everything or game != USUAL_GAME  # who names another system asks about its settings
    flags += [_flag(one, _system_help(one), f"System {_short(game)}", chosen) for one in system]
    return _receiving(verb, flags, [*(one.setting for one in GENERAL), *system])


def with_audit(verb: Callable[..., None], name: str, audit: Manual) -> Callable[..., None]:
    """Give a verb the flags of the audit that it is about and of how data are read, all received as ``settings``.

    An audit that reads files by itself has none but its own.

    Raises:
        UsageError: if the audit has a setting of the same name as one of how data are read.
    """
    reading = [] if audit.reads_files else [one for one in GENERAL if one.panel == "Data"]
    twice = sorted({one.name for one in audit.settings} & {one.setting.name for one in reading})
    if twice:
        raise UsageError(f"audit {name}: {', '.join(twice)} are settings of how data are read; give others to its own")
    flags = [_flag(one, _system_help(one), f"Audit {name}", True) for one in audit.settings]
    flags += [_flag(one.setting, _general_help(one), "Data, of an audit without a run", True) for one in reading]
    return _receiving(verb, flags, [*audit.settings, *(one.setting for one in reading)])


def without_settings(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that is only listed, for whose flags nobody asks."""
    return _receiving(verb, (), ())


def _receiving(
    verb: Callable[..., None], flags: Sequence[inspect.Parameter], bounded: Sequence[Setting]
) -> Callable[..., None]:
    """The verb with these flags, of which those that are given come as the dictionary ``settings``.

    A value that is out of the bounds of its setting is refused before the verb begins.
    """
    names = {flag.name for flag in flags}

    def wrapped(**given: Any) -> None:
        settings = {key: value for key, value in given.items() if key in names and value is not None}
        checked(bounded, {one.name: settings[one.name] for one in bounded if one.name in settings}, verb.__name__)
        verb(settings=settings, **{key: value for key, value in given.items() if key not in names})

    own = [item for name, item in inspect.signature(verb, eval_str=True).parameters.items() if name != "settings"]
    _give(wrapped, verb, [*own, *flags])
    return wrapped


def _give(wrapped: Any, verb: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    wrapped.__signature__ = inspect.Signature(list(parameters))
    wrapped.__name__, wrapped.__doc__ = verb.__name__, verb.__doc__
    wrapped.__annotations__ = {item.name: item.annotation for item in parameters}


def _game_flag(game: str) -> inspect.Parameter:
    text = "the system: a name of `gansift about`, module:function or file.py:function (default: gan)"
    return _flag(Setting("game", str, None, text), text, "Training", True)


def _flag(setting: Setting, text: str, panel: str, shown: bool) -> inspect.Parameter:
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            Optional[setting.type],  # noqa: UP045
            typer.Option(help=text, rich_help_panel=panel, hidden=not shown),
        ],
    )


def _general_help(one: General) -> str:
    if one.open is not None:
        return f"{one.setting.help} (default: {one.open.words})"
    return _system_help(one.setting)


def _system_help(setting: Setting) -> str:
    """In round brackets: what stands in square ones is taken for markup."""
    text = setting.help.rstrip(".")
    if setting.default is None:
        return text
    default = {True: "yes", False: "no"}[setting.default] if setting.type is bool else setting.default
    return f"{text} (default: {default})"


def _short(game: str) -> str:
    return Path(game.rpartition(":")[0]).name + ":" + game.rpartition(":")[2] if ":" in game else game
