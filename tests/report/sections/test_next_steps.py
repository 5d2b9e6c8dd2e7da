"""What a person is advised to do next, with a gain and without one."""

from __future__ import annotations

from dataclasses import replace

import made_up_report as made_up
from test_new_models_report import FOUND

from gansift.report.sections import next_steps


def _steps(summary):
    return next_steps.content(summary, made_up.images())["steps"]


def test_a_gain_is_taken_along():
    commands = [command for _, command in _steps(made_up.summary())]
    assert "gansift export RUN clean/" in commands


def test_without_a_gain_everything_is_kept_and_more_seeds_are_advised():
    summary = made_up.nothing_helped()
    steps = _steps(summary)
    assert steps[0][0].startswith("Keep every example")
    assert f"--seeds {2 * summary.seeds}" in [command for _, command in steps]
    assert "gansift cleanse RUN --decisions decisions.csv" in [command for _, command in steps]
    tables = replace(summary, source=replace(summary.source, kind="records"))
    assert "gansift cleanse RUN --decisions decisions.csv" not in [command for _, command in _steps(tables)]


def test_new_models_want_more_trainings_where_these_are_too_few():
    found = replace(FOUND, reliability=0.5, seeds_needed=16, finding="unproven")
    verdict = replace(made_up.summary().verdict, helped=False)
    summary = replace(made_up.summary(), question="new-models", new_models=found, verdict=verdict)
    commands = [command for _, command in _steps(summary)]
    assert f"--scoring-seeds {found.seeds_needed}" in commands
    assert f"--judging-seeds {4 * found.judging_seeds}" in commands
    sure = replace(summary, new_models=replace(found, reliability=0.9))
    assert not any("--scoring-seeds" in command for _, command in _steps(sure))
