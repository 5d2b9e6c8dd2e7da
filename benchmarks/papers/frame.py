"""What every section of the page is given: results, comments, and a place for its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from papers.settings import setting
from papers.summary import PICTURES, Experiment

#: Headings of comments.md.
SLOTS = (
    "introduction", "iclr-accuracy", "iclr-cleansing", "tnnls-figure-1", "tnnls-figure-2", "tnnls-figure-3",
    "tnnls-figure-4", "tnnls-figure-5", "beyond-accuracy", "beyond-cleansing", "agreement",
)  # fmt: skip

#: What an experiment needs that does not come with gansift.
_FILES = {"beyond-cleansing-fashion": " --fashion FILE", PICTURES: " --fine-tuned RUN"}


@dataclass
class Page:
    """What the page is made of, and the figures that its sections leave.

    Attributes:
        results: by experiment; those that were not run are absent.
        pictures: what the fine-tuning's file says.
        folder: of the results, as commands name it.
        link: of the results, as seen from the page.
        stem: of the page's file, which begins the names of figures.
        comments: prose by slot.
        svgs: files to save beside the page.
    """

    results: Mapping[str, Experiment]
    pictures: Mapping[str, Any] | None
    folder: str
    link: str
    stem: str
    comments: Mapping[str, str]
    svgs: dict[str, str] = field(default_factory=dict)

    def figure(self, name: str, alt: str, svg: str) -> str:
        """Keep a figure, and the line that shows it."""
        file = f"{self.stem}-{name}.svg"
        self.svgs[file] = svg
        return f"![{alt}]({file})"

    def comment(self, slot: str) -> str:
        """The prose of a slot; empty if there is none."""
        assert slot in SLOTS
        return self.comments.get(slot, "")

    def command(self, experiment: str) -> str:
        """What runs an experiment."""
        sizes = [one.size for one in self.results.values()] or ["reduced"]
        size = self.results[experiment].size if experiment in self.results else max(sizes, key=sizes.count)
        given = f"--size {size} --out {self.folder}{_FILES.get(experiment, '')}"
        if experiment in self.results and len(self.results[experiment].seeds) > len(setting(experiment, size).seeds):
            given += f" --seeds {len(self.results[experiment].seeds)}"
        return f"`python benchmarks/papers/run.py {experiment} {given}`"

    def absent(self, experiment: str) -> str:
        """Says that an experiment was not run; empty if it was."""
        was_run = self.pictures is not None if experiment == PICTURES else experiment in self.results
        return "" if was_run else f"**{experiment} was not run at this size.** {self.command(experiment)} runs it."


def joined(*parts: str) -> str:
    """The parts that are not empty, as paragraphs."""
    return "\n\n".join(part for part in parts if part)
