"""A cross-fit: the same run on several folds of the data, so that each example is held out once and scored otherwise.

Every fold is a run directory of its own, which all verbs take. Beside them lies what they say together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gansift.data.manifest import write_manifest
from gansift.errors import UsageError
from gansift.files import write_json
from gansift.lock import only_writer
from gansift.report.crossfit import write_crossfit_page
from gansift.report.export import write_lists
from gansift.workflow.config import load
from gansift.workflow.crossfit_result import Whole, crossfit_summary
from gansift.workflow.directory import RunDirectory
from gansift.workflow.folds import count_of, folders, is_crossfit, keep_count
from gansift.workflow.new_models import Study
from gansift.workflow.opening import opened
from gansift.workflow.outcome import finish
from gansift.workflow.request import Request
from gansift.workflow.stages import describe, prepare, resolved, work


@dataclass(frozen=True)
class CrossFit:
    """A request on several folds.

    Attributes:
        request: what is asked of each.
        folds: how many there are, 3 or more: one part of the data is for validation, one for testing, the others for
            training.
        root: the folder of all.

    Raises:
        UsageError: for settings that the folds decide, or a folder that holds something else.
    """

    request: Request
    folds: int
    root: Path

    def __post_init__(self) -> None:
        for name in ("turn", "fractions"):
            if name in self.request.general:
                raise UsageError(f"--{name} does not go with a cross-fit: the folds decide who is held out")
        if self.request.general.get("for_this_model"):
            raise UsageError("a cross-fit asks about new models; leave out --for-this-model")
        if (self.root / "config.json").exists():
            raise UsageError(f"{self.root} holds a single run; choose another --outdir for a cross-fit")
        if is_crossfit(self.root) and count_of(self.root) != self.folds:
            raise UsageError(f"{self.root} holds a cross-fit of {count_of(self.root)} folds; choose another --outdir")

    def parts(self) -> Iterator[tuple[Request, Path]]:
        """The request of each fold and its run directory."""
        held_out = 1 / self.folds
        fractions = ",".join(map(repr, (1 - 2 * held_out, held_out, held_out)))
        for number, folder in enumerate(folders(self.root, self.folds)):
            turned = {"fractions": fractions, "turn": number / self.folds}
            yield replace(self.request, general={**self.request.general, **turned}), folder

    def plan(self) -> dict[str, Any]:
        """What the first fold would do, see `stages.describe`; and how many there are."""
        self._check()
        request, folder = next(self.parts())
        return describe(request, folder) | {"folds": self.folds}

    def _check(self) -> None:
        """See that the split can be turned, before anything is trained."""
        _, (request, folder), *_ = self.parts()
        resolved(request, RunDirectory(folder).cache)

    def work(self, quiet: bool) -> None:
        """Do what is not done yet of every fold, one after the other.

        Raises:
            GansiftError: as `stages.prepare` and `stages.work`.
        """
        self._check()
        for request, folder in self.parts():
            folder.mkdir(parents=True, exist_ok=True)
            begun = time.monotonic()
            with only_writer(folder):
                directory, config = prepare(request, folder)
                keep_count(self.root, self.folds)
                work(directory, config, "verify", config.way, quiet)
                finish(directory, config, config.way, time.monotonic() - begun)


def finished(root: Path, folds: int) -> dict[str, Any]:
    """Write what all folds say together: the report, the lists, and the mean scores of all examples.

    Args:
        root: of the cross-fit, whose folds are done.
        folds: how many there are.

    Returns:
        The content of its ``report.json``.
    """
    studies = []
    for folder in folders(root, folds):
        directory = RunDirectory(folder)
        config = load(directory.config)
        place = opened(directory, config)
        studies.append(Study(directory, place, place.plan(config.way)))
    whole = Whole.of(studies)
    directory = RunDirectory(root)
    summary = replace(crossfit_summary(studies, whole), report=str(directory.page))
    removed = whole.scores.harmful(summary.removed).ids
    write_manifest(directory.manifest, whole.place.data)
    write_lists(root, whole.scores.ids, removed)
    whole.scores.to_csv(directory.chosen_scores(whole.scores.metric, whole.scores.estimator))
    write_json(directory.result, summary.to_json())
    write_crossfit_page(directory.page, summary, whole.shown(removed))
    return summary.to_json()
