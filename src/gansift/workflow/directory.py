"""Where everything lies in a run directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunDirectory:
    """The paths of a run directory.

    Attributes:
        root: the directory itself.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.root / "config.json"

    @property
    def started(self) -> bool:
        """Whether the training of any seed has begun with the configuration that is there."""
        return any(self.root.glob("seeds/*/config.json"))

    def unfinished(self) -> Iterator[Path]:
        """Files that a killed process was writing. Only gansift's own: the directory may hold other things."""
        own = [path.name for path in (self.config, self.manifest, self.result, self.page)]
        for name in (*own, "kept.txt", "removed.txt"):
            yield from self.root.glob(f".{name}.*.tmp")
        for folder in ("scores", "generator", "seeds"):
            yield from (self.root / folder).rglob(".*.tmp")

    @property
    def manifest(self) -> Path:
        """Every example with its id, path, hash, split and label."""
        return self.root / "manifest.csv"

    @property
    def result(self) -> Path:
        """The numbers of the report."""
        return self.root / "report.json"

    @property
    def page(self) -> Path:
        """The report."""
        return self.root / "report.html"

    def training(self, seed: int) -> Path:
        """The recorded run of one seed."""
        return self.root / "seeds" / str(seed)

    def values(self, seed: int) -> Path:
        """Metric values of one seed's run, untrained and trained."""
        return self.training(seed) / "values.json"

    def seconds(self, seed: int) -> Path:
        """Seconds of work on one seed by stage, over all calls."""
        return self.training(seed) / "seconds.json"

    def scores(self, seed: int, metric: str, horizon: int) -> Path:
        """The scores of one seed and horizon."""
        return self.training(seed) / "scores" / f"{metric}-itd-{horizon}.csv"

    def growth(self, seed: int) -> Path:
        """Norms of the adjoint along one seed's sweep."""
        return self.training(seed) / "scores" / "growth.json"

    def trials(self, seed: int, horizon: int, from_start: bool) -> Path:
        """What retraining gave for one seed and horizon."""
        suffix = "-from-start" if from_start else ""
        return self.training(seed) / "cleanse" / f"horizon-{horizon}{suffix}.json"

    def chosen_scores(self, metric: str) -> Path:
        """The first seed's scores at the chosen horizon."""
        return self.root / "scores" / f"{metric}-itd.csv"

    def generator(self, name: str) -> Path:
        """Weights of the first seed's generator, ``original`` or ``cleansed``."""
        return self.root / "generator" / f"{name}.safetensors"
