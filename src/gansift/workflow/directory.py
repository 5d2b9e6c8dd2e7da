"""Where everything lies in a run directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gansift.errors import GansiftError


@dataclass(frozen=True)
class RunDirectory:
    """The paths of a run directory, and its lists of ids.

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
        names = [
            path.name for path in (self.config, self.manifest, self.encoding, self.result, self.metrics, self.page)
        ]
        for name in (*names, "kept.txt", "removed.txt"):
            yield from self.root.glob(f".{name}.*.tmp")
        for folder in ("scores", "weights", "seeds", "verify", "decisions", "cache"):
            yield from (self.root / folder).rglob(".*.tmp")

    @property
    def manifest(self) -> Path:
        """Every example with its id, path, hash, split and label."""
        return self.root / "manifest.csv"

    @property
    def encoding(self) -> Path:
        """How the records of a table became numbers; not there for other data."""
        return self.root / "encoding.json"

    @property
    def result(self) -> Path:
        """The numbers of the report."""
        return self.root / "report.json"

    @property
    def metrics(self) -> Path:
        """Losses and metric all through the first seed's training, a line for each moment."""
        return self.root / "metrics.jsonl"

    @property
    def page(self) -> Path:
        """The report."""
        return self.root / "report.html"

    def listed(self, name: str) -> frozenset[str] | None:
        """The ids in ``kept.txt`` or ``removed.txt``; None if there is no such list.

        Raises:
            GansiftError: if it is damaged.
        """
        path = self.root / f"{name}.txt"
        try:
            return frozenset(path.read_text("utf-8").splitlines())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise GansiftError(
                f"{path} is damaged: {error}. Delete it; `gansift report {self.root}` writes it anew."
            ) from error

    @property
    def audits(self) -> Path:
        """The folder of answers of audits."""
        return self.root / "audits"

    @property
    def cache(self) -> Path:
        """The folder of decoded images, which may be deleted."""
        return self.root / "cache"

    def training(self, seed: int) -> Path:
        """The recorded run of one seed."""
        return self.root / "seeds" / str(seed)

    def checkpoints(self, seed: int) -> Path:
        """The recorded states of one seed."""
        return self.training(seed) / "checkpoints"

    def values(self, seed: int, metric: str) -> Path:
        """Values of a metric for one seed's run, untrained and trained."""
        return self.training(seed) / "values" / f"{metric}.json"

    def seconds(self, seed: int) -> Path:
        """Seconds of work on one seed by stage, over all calls."""
        return self.training(seed) / "seconds.json"

    def scores(self, seed: int, metric: str, estimator: str, horizon: int) -> Path:
        """The scores of one seed, metric, estimator and horizon."""
        return self.training(seed) / "scores" / f"{metric}-{estimator}-{horizon}.csv"

    def unscored(self, seed: int, metric: str, estimator: str, horizon: int) -> Path:
        """Why one seed has no scores of a horizon that was tried; beside the scores of others."""
        return self.training(seed) / "scores" / f"{metric}-{estimator}-{horizon}-none.json"

    def looks(self, seed: int, metric: str, scored: int) -> Path:
        """What the windows of one seed's training say of every example, if ``scored`` seeds are scored."""
        return self.training(seed) / "scores" / f"{metric}-looks-of-{scored}.npz"

    def from_scratch(self, seed: int, metric: str, removals: str) -> Path:
        """Values of a metric for one seed trained from scratch; ``removals`` is a digest of what was removed."""
        return self.training(seed) / "from-scratch" / f"{metric}-{removals}.json"

    def growth(self, seed: int, metric: str, estimator: str) -> Path:
        """Norms of the metric's adjoint along one seed's longest sweep."""
        return self.training(seed) / "scores" / f"{metric}-{estimator}-growth.json"

    def checks(self, seed: int, metric: str, estimator: str) -> Path:
        """What a few retrainings of one seed said of the scores that the sweep let be believed."""
        return self.training(seed) / "scores" / f"{metric}-{estimator}-checks.json"

    def retrained(self, seed: int, metric: str, horizon: int, removals: str) -> Path:
        """What retraining one seed did to a metric; ``removals`` is a digest of what was removed."""
        return self.training(seed) / "retrained" / f"{metric}-{horizon}-{removals}.json"

    @property
    def verifications(self) -> Path:
        """The folder of what verification found, one file for each."""
        return self.root / "verify"

    def chosen_scores(self, metric: str, estimator: str) -> Path:
        """The first seed's scores at the chosen horizon."""
        return self.root / "scores" / f"{metric}-{estimator}.csv"

    def decisions(self, digest: str) -> Path:
        """A copy of a person's decisions that the run was cleansed with."""
        return self.root / "decisions" / f"{digest}.csv"

    def weights(self, name: str) -> Path:
        """What was trained of the first seed's networks, ``original`` or ``cleansed``."""
        return self.root / "weights" / f"{name}.safetensors"
