"""Imports run one way, from data to the command line, and the public names stay."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import gansift

# Each package may import from those before it.
ORDER = [
    "errors", "bounds", "files", "lock", "named", "trusted", "catalogue", "progress", "notebook", "data", "models",
    "games", "training", "metrics", "systems", "influence", "cleansing", "report", "audit", "spread", "workflow",
    "flags", "terminal", "about", "cli", "command", "__main__",
]  # fmt: skip
# What a package knows nothing of, although it comes earlier.
BLIND = {
    "data": {"models"},
    "models": {"data"},
    "metrics": {"training", "models"},
    "influence": {"systems"},
    "cleansing": {"systems"},
    "report": {"models", "games", "training", "influence", "cleansing", "metrics", "systems"},
    "audit": {"systems"},
    "spread": set(ORDER) - {"errors", "progress", "spread"},
}
PUBLIC = {
    "data": {"Examples", "Splits", "load"},
    "models": {"DCGANDiscriminator", "DCGANGenerator", "FCDiscriminator", "FCGenerator", "LQDiscriminator",
               "LQGenerator", "MLPDiscriminator", "MLPGenerator"},
    "games": {"GAN", "Game", "weighted_mean"},
    "training": {"SGD", "Adam", "AdamW", "RMSprop", "train"},
    "metrics": {"ALL", "FID", "IS", "KID", "AutoencoderFeatures", "ClassifierFeatures", "ImageNetFeatures",
                "load_features", "load_metric"},
    "systems": {"SYSTEMS", "Judges", "System", "build", "find", "manual"},
    "influence": {"ESTIMATORS", "Scores", "aid", "estimate", "itd", "itd_horizons"},
    "cleansing": {"choose", "retrain", "verify"},
    "report": {"Answer", "Number", "Shown", "Summary", "write_page"},
    "audit": {"AUDITS", "Subject", "find", "run_audit"},
}  # fmt: skip
ROOT = Path(gansift.__file__).parent


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("gansift.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "gansift":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gansift."):
            found.add(node.module.split(".")[1])
    return found - {"__version__"}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in ORDER
    allowed = set(ORDER[: ORDER.index(own) + 1]) - BLIND.get(own, set())
    assert _imported(path) <= allowed, f"{path} imports {_imported(path) - allowed}"


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_stay(package):
    module = importlib.import_module(f"gansift.{package}")
    assert set(module.__all__) >= PUBLIC[package]
    assert all(hasattr(module, name) for name in module.__all__)
