"""The command line on a run so tiny that it can be tried again and again, in this process."""

from __future__ import annotations

import typer
from click.testing import CliRunner

from gansift import cli
from gansift.workflow import stages
from gansift.workflow.request import Request, requested

FLAGS = [
    "--for-this-model",
    "--steps", "8", "--seeds", "2", "--horizons", "0.5,1", "--remove", "5,10", "--latents", "50", "--width", "4",
    "--jobs", "1", "--verify", "4", "--batch", "20", "--quiet",
]  # fmt: skip


def invoke(arguments):
    """What a command says, with the exception that it raised."""
    given = [str(argument) for argument in arguments]
    asked = ["--help" if text == "--help-all" else text for text in given]
    return CliRunner().invoke(typer.main.get_command(cli.application(given)), asked)


def gansift(*arguments):
    """What a command says; where the command line would exit with 1, its error is raised here."""
    done = invoke(arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def run(folder, *flags):
    return gansift("run", "normal-1d", "--outdir", folder, *FLAGS, *flags)


def request(settings) -> Request:
    """What a person asks for with these settings, the source among them."""
    flags = dict(settings)
    return requested([flags.pop("source")], flags)


def place(settings):
    """Data, system and configuration that these settings make."""
    return stages.resolved(request(settings))
