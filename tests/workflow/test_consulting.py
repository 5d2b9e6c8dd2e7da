"""The doctor at work: its verb, and its veto before scoring."""

from __future__ import annotations

import json
import re

import pytest

from gansift.errors import GansiftError, UsageError
from gansift.influence.doctor import Finding
from gansift.workflow import stages
from gansift.workflow.request import requested
from tiny_run import gansift

SMALL = {
    "steps": 6, "seeds": 1, "horizons": "0.1", "remove": "5", "latents": 50, "width": 4,
    "jobs": 1, "verify": 0,
}  # fmt: skip
FAULT = Finding("mixing", "fault", "discriminator.norm (BatchNorm1d)", "mixes the examples.", "Use GroupNorm.")


def _verb(*arguments):
    flags = [part for key, value in SMALL.items() for part in (f"--{key}", value)]
    return gansift("doctor", "normal-1d", *flags, *arguments)


def test_the_verb_gives_a_built_in_game_a_clean_bill():
    done = _verb("--quick", "--json")
    assert done.exit_code == 0, done.output
    findings = json.loads(done.output)["findings"]
    assert {finding["verdict"] for finding in findings} == {"ok"}
    assert {"replay", "weights", "mixing", "derivatives"} <= {finding["check"] for finding in findings}


def test_a_fault_is_exit_code_3_and_says_what_to_use(monkeypatch):
    monkeypatch.setattr(stages, "examine", lambda *arguments, **named: [FAULT])
    done = _verb()
    assert done.exit_code == 3
    assert "FAULT" in done.output
    assert "discriminator.norm (BatchNorm1d) mixes the examples. Use GroupNorm." in done.output


def test_a_run_directory_is_examined_with_its_own_settings(tmp_path, monkeypatch):
    seen = {}

    def examine(game, examples, **named):
        seen.update(named)
        return [FAULT]

    stages.prepare(requested(["normal-1d"], {"for_this_model": True} | SMALL | {"batch": 7}), tmp_path)
    monkeypatch.setattr(stages, "examine", examine)
    assert gansift("doctor", tmp_path).exit_code == 3
    assert seen["batch_size"] == 7


@pytest.mark.parametrize("verb", ["doctor", "estimate"])
def test_flags_that_a_run_directory_has_fixed_are_refused_and_not_ignored(tmp_path, monkeypatch, verb):
    monkeypatch.setattr(
        stages, "doctor", lambda given, quick, directory: [Finding("x", "ok", "", f"{given.jobs} {given.steps}")]
    )
    stages.prepare(requested(["normal-1d"], {"for_this_model": True} | SMALL), tmp_path)
    with pytest.raises(UsageError, match="only --jobs, --cluster, --memory, --device, --accept-drift may be given"):
        gansift(verb, tmp_path, "--steps", "7")
    if verb == "doctor":
        assert "3 6" in gansift(verb, tmp_path, "--jobs", "3").output


@pytest.mark.parametrize("estimator", ["itd", "random"])
def test_a_faulty_game_is_not_scored_through_its_training_unless_told_to(tmp_path, monkeypatch, estimator):
    directory, config = stages.prepare(
        requested(["normal-1d"], {"for_this_model": True} | SMALL | {"estimator": estimator}), tmp_path
    )
    monkeypatch.setattr(stages, "examine", lambda *arguments, **named: [FAULT])
    assert _refusal(lambda: stages.work(directory, config, "score", config.way, True)) == (
        "GroupNorm" if estimator == "itd" else None
    )
    stages.work(directory, config, "score", config.way, True, consult=False)
    assert list(tmp_path.glob("seeds/0/scores/*.csv"))
    assert _refusal(lambda: stages.work(directory, config, "score", config.way, True)) is None  # it is scored already


def _refusal(work) -> str | None:
    try:
        work()
    except GansiftError as error:
        found = "mixes the examples. Use GroupNorm." in str(error) and re.search(
            "gansift score .* --no-doctor", str(error)
        )
        return "GroupNorm" if found else str(error)
    return None
