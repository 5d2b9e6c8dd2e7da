"""Every number that the command line takes, given as 22 texts of which few are meant: is each answered, and how fast?

    python benchmarks/every_number.py [--limit 2] [--verbs run data ...] [--out FILE]

A finished run of points is made first, and `gansift run` plans only (`--dry-run`). An answer is a result or one of
gansift's own errors; a verb that begins to work on a value that makes sense is stopped after `--limit` seconds, which
counts as an answer where the value is one that a person may mean. Needs `os.fork`.
"""

from __future__ import annotations

import inspect
import io
import os
import sys
import tempfile
import time
import typing
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import command_line

from gansift import cli

#: The texts. Those of `MEANT` may make sense, for one flag or another.
MEANT = ("1", "2", "10", "0.5", "1e-30", "0", "-0", "0.0")
VALUES = (
    *MEANT, "nan", "inf", "-inf", "-1", "1e30", "1e999", "99999999999", "9" * 40, "9" * 5000,
    "-99999999999", "", " ", "many", "½",
)  # fmt: skip
#: Flags that are texts and hold numbers.
TEXTS = ("remove", "horizons", "horizon", "memory", "fractions")
_SMALL = [
    "--for-this-model", "--steps", "8", "--seeds", "2", "--horizons", "1", "--remove", "5", "--latents", "50",
    "--verify", "0", "--quiet",
]  # fmt: skip
#: What each verb needs beside the flag; RUN stands for a finished run.
VERBS = {
    "run": ["normal-1d", "--for-this-model", "--dry-run"],
    "doctor": ["normal-1d", "--quick"],
    "estimate": ["normal-1d"],
    "data": ["normal-1d"],
    "audit": ["copies", "RUN"],
    "score": ["RUN", "--quiet"],
    "cleanse": ["RUN", "--quiet"],
    "verify": ["RUN", "--quiet"],
}


def numbers(verb: str) -> list[str]:
    """The flags of a verb whose value is a number, or holds one."""
    function = cli._with_flags(getattr(cli, verb), [verb, *VERBS[verb]])
    parameters = inspect.signature(function, eval_str=True).parameters
    found = [
        name for name, one in parameters.items() if name in TEXTS or {int, float} & set(_kinds(one.annotation))
    ]  # fmt: skip
    return [f"--{name.replace('_', '-')}" for name in found]


def _kinds(annotation: typing.Any) -> list[typing.Any]:
    """The types that an annotation is made of."""
    inner = typing.get_args(annotation)
    return [annotation, *(kind for one in inner[:2] for kind in _kinds(one))] if inner else [annotation]


def answer(arguments: Sequence[str], limit: float) -> tuple[str, float]:
    """How a command ended, in one word, and its seconds; it is done in a process that is forked off."""
    start, (ours, theirs) = time.monotonic(), os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.write(theirs, _ended(arguments).encode())
        os._exit(0)
    os.close(theirs)
    done = 0
    while not done and time.monotonic() - start < limit:
        done = os.waitpid(child, os.WNOHANG)[0]
        time.sleep(0.002)
    if not done:
        os.killpg(child, 9)  # with the processes that it works with
        os.waitpid(child, 0)
    with open(ours) as end:
        return end.read() or ("died" if done else "late"), time.monotonic() - start


def _ended(arguments: Sequence[str]) -> str:
    sys.argv = ["gansift", *arguments]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            cli.main()
    except SystemExit as end:
        return {0: "done", 1: "failed", 2: "refused", 3: "doubted"}.get(int(end.code or 0), "odd")
    except BaseException as error:
        return f"TRACEBACK {type(error).__name__}"
    return "done"


def main() -> None:
    """Give every value to every flag, and print what was not answered."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--limit", type=float, default=2.0)
    parser.add_argument("--verbs", nargs="+", default=list(VERBS))
    given = parser.parse_args()
    import gansift.workflow.forecast  # all that takes long to import is there before the clock runs
    import gansift.workflow.outcome  # noqa: F401

    columns = {"verb": "verb", "flag": "flag", "value": "value", "answer": "answer", "s": "seconds:.2f"}
    table, seconds = command_line.Table(columns), []
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        assert answer(["run", "normal-1d", "--outdir", run, *_SMALL], 300)[0] == "done"
        for verb, flag in [(one, flag) for one in given.verbs for flag in numbers(one)]:
            beside = [run if one == "RUN" else one for one in VERBS[verb]]
            for value in VALUES:
                found, took = answer([verb, *beside, f"{flag}={value}"], given.limit)
                seconds.append(took)
                if found not in ("done", "failed", "refused", "doubted") and not (found == "late" and value in MEANT):
                    table.add({"verb": verb, "flag": flag, "value": value[:40], "answer": found, "seconds": took})
    command_line.save(given.out, {"given": len(seconds), "unanswered": table.rows})
    print(f"{len(seconds)} values given, {len(table.rows)} not answered")
    raise SystemExit(bool(table.rows))


if __name__ == "__main__":
    main()
