"""What there is to choose from by name, in plain strings: known before torch is imported."""

from __future__ import annotations

#: Every estimator's name, and what it calls harmful in the few words that a chart has room for. The records in
#: `influence.estimators` complete it.
ESTIMATOR_LABELS: dict[str, str] = {
    "itd": "exact scores (ITD)",
    "itd-first-order": "ITD by differences",
    "itd-repeated": "exact scores, repeated",
    "aid": "fixed point (AID)",
    "without-propagation": "without propagation",
    "discriminator-loss": "discriminator's loss",
    "discriminator-score": "discriminator's score",
    "isolation-forest": "Isolation Forest",
    "density": "rare features",
    "nearest-samples": "unlike the samples",
    "random": "at random",
}
