"""What a person asks for: sources, a system, and the settings that were given, on the command line or in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansift.errors import UsageError
from gansift.named import suggestion
from gansift.systems.reading import manual
from gansift.systems.settings import Setting, checked
from gansift.systems.system import spec_of
from gansift.workflow.config import GENERAL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The system of whoever names none.
USUAL_GAME = "gan"


@dataclass(frozen=True)
class Request:
    """What a person asks for; everything that is not given is still open.

    Attributes:
        sources: the sources of the data, ``SOURCE`` or ``NAME=SOURCE`` each.
        game: the name of the system, or ``module:function`` or ``file.py:function``.
        general: the settings that every system has, by name.
        system: the settings of the system, by name.
    """

    sources: tuple[str, ...]
    game: str = USUAL_GAME
    general: Mapping[str, Any] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)


def requested(sources: Sequence[str], flags: Mapping[str, Any], toml: Path | None = None) -> Request:
    """A request from flags over the values of a ``config.toml``.

    Args:
        sources: of the data.
        flags: by name, also ``game``; those that are None were not given.
        toml: a file of settings of the same names.

    Raises:
        UsageError: naming a setting that does not exist, or a value that does not fit.
    """
    values = dict(read_toml(toml)) if toml is not None else {}
    values |= {name: value for name, value in flags.items() if value is not None}
    game = values.pop("game", USUAL_GAME)
    if not isinstance(game, str):
        raise UsageError(f"{toml}: game must be a text, not {game!r}")
    of_system = manual(spec_of(game)).settings
    general = [one.setting for one in GENERAL]
    _refuse_unknown(values, general, of_system, game, toml)
    return Request(
        tuple(sources),
        game,
        checked(general, {name: value for name, value in values.items() if name in _names(general)}, "gansift"),
        checked(
            of_system, {name: value for name, value in values.items() if name in _names(of_system)}, f"--game {game}"
        ),
    )


def read_toml(path: Path) -> Mapping[str, Any]:
    """The settings in a ``config.toml``.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # an editor may have put a byte order mark first
    except OSError as error:
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the configuration {path} is not in UTF-8: {error.reason} at byte {error.start}. Save it in that encoding."
        ) from error
    except (ValueError, RecursionError) as error:  # no TOML; a number of thousands of digits; lists within lists
        raise UsageError(f"the configuration {path} is not TOML: {error}") from error


def _refuse_unknown(
    values: Mapping[str, Any], general: Sequence[Setting], of_system: Sequence[Setting], game: str, toml: Path | None
) -> None:
    names = [*_names(general), *_names(of_system)]
    for name in values:
        if name not in names:
            near = suggestion(name, names)
            raise UsageError(
                f"{toml}: there is no setting {name!r}{near} with --game {game}; there are {', '.join(names)}"
            )


def _names(settings: Sequence[Setting]) -> list[str]:
    return [setting.name for setting in settings]
