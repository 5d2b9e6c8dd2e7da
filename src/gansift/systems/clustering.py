"""Clustering as a system: which kinds of examples there are, up to transformations, and which examples drag them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from gansift import games
from gansift.bounds import Range
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.metrics.clustering import cluster_loss
from gansift.systems.system import Judges, System, only
from gansift.training import Adam

# Prototypes alone can go faster than networks.
_RATES = {"kmeans": 0.02, "shifts": 0.02, "dti-kmeans": 0.004, "dti-gmm": 0.004}


def clustering(
    data: Mapping[str, Splits],
    *,
    kind: Literal["kmeans", "shifts", "dti-kmeans", "dti-gmm"] = "dti-kmeans",
    clusters: Annotated[int, Range(2, 10_000)] = 10,
    hidden: Annotated[int, Range(4, 65_536)] = 32,
    affine_from: Annotated[float, Range(0, 1)] = 0.05,
    splines_from: Annotated[float, Range(0, 1)] = 0.3,
    colour_from: Annotated[float, Range(0, 1)] = 0.05,
    reach: Annotated[int, Range(0, 16)] = 2,
    rotation: Annotated[float, Range(0, 180)] = 0.0,
    sigma_min: Annotated[float, Range(above=0, most=10)] = 0.5,
    reseed: Annotated[int, Range(0, 1_000_000)] = 50,
    lr: Annotated[float | None, Range(above=0, most=1000)] = None,
) -> System:
    """Clusters of images, each with a prototype that is moved, bent and recoloured towards every image (DTI).

    Labels are never learnt; where there are any, the share of them that clusters miss is reported. `gansift audit
    clusters` shows prototypes and members, of several runs side by side.

    Args:
        data: one data set.
        kind: plain prototypes (kmeans), under a finite set of shifts (shifts), under transformations that a network
            finds (dti-kmeans), or the same with Gaussians (dti-gmm); all but the first need images
        clusters: number of them
        hidden: features of the encoder, and width of its heads
        affine_from: share of training after which affine maps are learnt; 1 for never
        splines_from: the same of thin-plate splines
        colour_from: the same of a gain and a shift of each channel of colour images
        reach: largest shift of the kind shifts, in pixels
        rotation: degrees by which the kind shifts also rotates, to either side
        sigma_min: least standard deviation of a pixel, from -1 to 1, of the kind dti-gmm
        reseed: steps between two looks for clusters that starve and begin again as copies of large ones; 0 for none
        lr: learning rate; by default 0.02 without and 0.004 with a network

    Metrics:
        cluster-loss: what held-out examples cost their clusters, reported with missed labels (lower is better)

    Raises:
        UsageError: for several data sets, fewer examples than clusters, or no images where the kind needs some.
    """
    splits = only(data, "clustering")
    shape, count = splits.train.shape, len(splits.train)
    if kind != "kmeans" and len(shape) != 3:
        raise UsageError(f"--kind {kind} moves and bends images, and {splits.name} has none: --kind kmeans")
    if count < clusters:
        raise UsageError(f"--clusters {clusters}: {splits.name} has {count} training examples")

    def game() -> games.Clustering:
        return games.Clustering(
            kind, shape, clusters, hidden=hidden, affine_from=affine_from, splines_from=splines_from,
            colour_from=colour_from, reach=reach, rotation=rotation, sigma_min=sigma_min, reseed=reseed,
        )  # fmt: skip

    def judges() -> Judges:
        return Judges(*(cluster_loss(part, logarithmic=kind == "dti-gmm") for part in (splits.valid, splits.test)))

    defaults: dict[str, Any] = {
        "steps": 2000, "batch": min(max(64, clusters), count), "ema": 0.0, "metric": "cluster-loss", "seeds": 3,
        "horizons": "1,5,all", "remove": "2%,5%,10%", "verify": 20,
        "baselines": "far-neighbours,isolation-forest,density",
    }  # fmt: skip
    return System(
        game=game,
        optimizers=Adam(
            lr=_RATES[kind] if lr is None else lr,
            betas=(0.9, 0.99),
            eps=1e-3,
            eps_inside=True,
            decay="cosine",
            final=0.05,
        ),
        metrics={"cluster-loss": judges},
        defaults=defaults,
    )
