"""The command line on a run so tiny that it can be tried again and again, in this process."""

from __future__ import annotations

import typer
from click.testing import CliRunner

from gansift import cli

FLAGS = [
    "--steps", "8", "--seeds", "2", "--horizons", "0.5,1", "--remove", "5,10", "--latents", "50", "--width", "4",
    "--jobs", "1", "--verify", "4", "--batch", "20", "--quiet",
]  # fmt: skip


def gansift(*arguments):
    """What a command says; where the command line would exit with 1, its error is raised here."""
    given = [str(argument) for argument in arguments]
    asked = ["--help" if text == "--help-all" else text for text in given]
    done = CliRunner().invoke(typer.main.get_command(cli.application(given)), asked)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def run(folder, *flags):
    return gansift("run", "normal-1d", "--outdir", folder, *FLAGS, *flags)
