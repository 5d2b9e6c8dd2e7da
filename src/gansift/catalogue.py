"""What there is to choose from by name, in plain strings: known before torch is imported."""

from __future__ import annotations

import re
from pathlib import Path

#: The labels of the estimators that differentiate through training or solve for its end.
EXACT_LABELS: dict[str, str] = {
    "itd": "exact scores (ITD)",
    "itd-first-order": "ITD by differences",
    "itd-repeated": "exact scores, repeated",
    "aid": "fixed point (AID)",
}

#: The name that scores carry which are means over windows and seeds. They say what helps new models, and are no
#: estimator of what would have become of one.
ROLLING = "rolling"


def functions_named_after_files(package: str) -> dict[str, str]:
    """``package.file:function`` of every function that is named after the file of a package in which it stands.

    So a new system or audit is one new file, and is found without being imported.

    >>> functions_named_after_files("systems")["dann"]
    'gansift.systems.dann:dann'

    Args:
        package: of gansift, such as ``systems``.
    """
    folder = Path(__file__).parent / package
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    return {
        name: f"gansift.{package}.{name}:{name}"
        for name, text in texts.items()
        if re.search(rf"^def {re.escape(name)}\(", text, flags=re.MULTILINE)
    }


def _baselines() -> dict[str, tuple[str, str]]:
    """Module and label of every baseline, as its file says in its record ``ESTIMATOR``, by name."""
    found = {}
    for path in sorted((Path(__file__).parent / "influence" / "baselines").glob("*.py")):
        record = re.search(
            r'^ESTIMATOR = Estimator\([^"]*"([\w-]+)".*?label="([^"]+)"', path.read_text("utf-8"), _LINES
        )
        if record:
            found[record[1]] = f"gansift.influence.baselines.{path.stem}", record[2]
    return found


_LINES = re.MULTILINE | re.DOTALL

#: The module of every baseline, by its name.
BASELINES: dict[str, str] = {name: module for name, (module, _) in _baselines().items()}

#: Every estimator's name, and what it calls harmful in the few words that a chart has room for. The records in
#: `influence.estimators` complete it.
ESTIMATOR_LABELS: dict[str, str] = EXACT_LABELS | {name: label for name, (_, label) in _baselines().items()}


#: The built-in data sets, and what each of them is. `data.builtin.BUILTINS` completes it.
DATA: dict[str, str] = {
    "digits": "1,797 handwritten digits of 8x8 pixels, 10 classes",
    "digits-dirty": "the same with 192 wrong images planted among those to train on, of eight kinds",
    "mnist": "10,000 handwritten digits of 28x28 pixels, 10 classes",
    "emoji-noto": "Noto emoji of 32x32 pixels",
    "emoji-twemoji": "Twemoji of 32x32 pixels",
    "normal-1d": "points of a normal distribution on a line",
    "normal-2d": "points of a normal distribution in the plane",
    "diabetes": "a table of 442 patients with 10 measurements, labelled by how fast the disease progressed",
}

#: The metrics of samples. The section ``Metrics:`` of a system's docstring names those that it has, beside its own.
SAMPLE_METRICS: dict[str, str] = {
    "fid": "Fréchet distance of features to held-out data (lower is better)",
    "kid": "kernel distance of features to held-out data (lower is better)",
    "is": "Inception Score, by a classifier of held-out data (higher is better)",
    "all": "average log-likelihood of held-out points (higher is better)",
}

#: The audits, by name.
AUDITS: dict[str, str] = functions_named_after_files("audit")
