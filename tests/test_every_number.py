"""Whatever text is given where a number belongs: a value that fits, or an error that names the flag; no traceback.

`benchmarks/every_number.py` does the same for all verbs, on a run that is there and with the verbs at work.
"""

from __future__ import annotations

import every_number
import pytest
import typer.main
from click.testing import CliRunner

from gansift import cli
from gansift.about import audit_manual
from gansift.audit import AUDITS
from gansift.errors import GansiftError
from gansift.systems import SYSTEMS, manual, spec_of
from gansift.workflow import stages
from gansift.workflow.config import GENERAL

ON_OFFER = {
    "every run": [one.setting for one in GENERAL],
    **{name: manual(spec_of(name)).settings for name in SYSTEMS},
    **{name: audit_manual(name).settings for name in AUDITS},
}


@pytest.mark.parametrize("name", ON_OFFER)
def test_every_number_that_is_on_offer_has_a_lower_and_an_upper_bound(name):
    numbers = [one for one in ON_OFFER[name] if one.type in (int, float) and not one.choices]
    unbounded = [one.flag for one in numbers if one.range.holds(-1e300) or one.range.holds(1e300)]
    assert numbers
    assert not unbounded


class BegunError(GansiftError):
    """A verb has accepted its flags."""


@pytest.fixture(autouse=True)
def only_checked(monkeypatch):
    """Every verb ends where work on what it was given would begin."""

    def begun(*arguments, **named):
        raise BegunError

    monkeypatch.setattr(stages, "describe", begun)
    monkeypatch.setattr("gansift.workflow.auditing.audited", begun)
    monkeypatch.setattr(cli, "_opened", begun)
    monkeypatch.setattr("gansift.workflow.looking.survey", begun)


@pytest.mark.parametrize("verb", ["run", "data", "audit", "verify"])
def test_every_text_is_a_number_within_bounds_or_refused_by_the_name_of_its_flag(verb):
    beside = every_number.VERBS[verb]
    command = typer.main.get_command(cli.application([verb, *beside]))
    flags = every_number.numbers(verb)
    assert {"run": "--steps", "data": "--size", "audit": "--samples", "verify": "--horizon"}[verb] in flags
    for flag in flags:
        begun = set()
        for value in every_number.VALUES:
            done = CliRunner().invoke(command, [verb, *beside, f"{flag}={value}"])
            if isinstance(done.exception, SystemExit):  # of the parser, which shows the flag
                assert flag in done.output, (flag, value, done.output)
            elif isinstance(done.exception, BegunError):
                begun.add(value)
            else:
                assert isinstance(done.exception, GansiftError), (flag, value, done.exception)
                assert flag in str(done.exception), (flag, value)
        # Texts of several numbers are read where it is known how many examples and steps there are.
        if flag.removeprefix("--") not in every_number.TEXTS:
            assert begun & set(every_number.MEANT), flag
            assert not begun & {"nan", "inf", "-inf", "1e30", "1e999", "9" * 5000, "", " ", "many", "½"}, (flag, begun)
