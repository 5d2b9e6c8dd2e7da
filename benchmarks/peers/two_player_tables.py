"""Part G, second half: judge every score file by the true retrainings, and retrain without what each calls worst.

    python two_player_tables.py FOLDER --steps 240 --examples 256

Writes ``judged.json`` into each seed's folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr
from two_player_truth import SHARE, train

from gansift import cleansing, metrics, training
from gansift.influence.scores import Scores


def judged(values: np.ndarray, truth: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Agreement of scores, (N,), with what happened.

    Args:
        values: the scores.
        truth: ``removed``, boolean (N + drops, N), of which the first N leave one example out; ``true``, the change of
            the metric after each; ``own``, that of the loss that the peers are asked about.
    """
    count = len(values)
    return {
        "kendall": float(kendalltau(values, truth["true"][:count]).statistic),
        "spearman": float(spearmanr(values, truth["true"][:count]).statistic),
        "lds": float(spearmanr(truth["removed"][count:] @ values, truth["true"][count:]).statistic),
        "own_spearman": float(spearmanr(values, truth["own"][:count]).statistic),
        "own_lds": float(spearmanr(truth["removed"][count:] @ values, truth["own"][count:]).statistic),
    }


def after_removal(run: training.Run, metric: metrics.FID, worst: list[list[str]]) -> list[float]:
    """Change of the metric after retraining the whole run without each of these sets."""
    before = metric.value(run)
    players = cleansing.retrained_players(run, worst, run.steps)
    return [float("nan") if trained is None else metric.value(trained) - before for trained in players]


def one_seed(folder: Path, seed: int, steps: int, count: int) -> None:
    """Judge every method of one seed."""
    run, metric = train(seed, steps, count)
    truth = dict(np.load(folder / "truth.npz"))
    alone, drops = truth["true"][:count], truth["true"][count:]
    size = round(SHARE * count)
    oracle = [run.ids[row] for row in np.argsort(alone, kind="stable")[:size]]
    methods, worst = [], [oracle]
    for path in sorted((folder / "scores").glob("*.json")):
        about = json.loads(path.read_text())
        if "failed" not in about:
            scores = Scores.read(path.with_suffix(".csv"))
            if scores.ids != run.ids:
                raise SystemExit(f"{path} is of other examples than the run")
            about |= judged(-scores.harm, truth)
            worst.append(list(scores.harmful(size).ids))
        methods.append(about)
    changes = after_removal(run, metric, worst)
    rest = iter(changes[1:])
    for about in methods:
        if "failed" not in about:
            about["removed_worst"] = next(rest)
    summary = {
        "truth": judged(alone, truth) | {"removed_worst": changes[0]},
        "random_drops_mean": float(drops.mean()),
        "removed": size,
        "outliers_among_worst": sum(int(identity) >= count - round(0.1 * count) for identity in oracle),
    }
    text = json.dumps(json.loads((folder / "truth.json").read_text()) | summary | {"methods": methods}, indent=2)
    (folder / "judged.json").write_text(text)


def main() -> None:
    """Do every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--examples", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for folder in sorted(arguments.folder.glob("seed-*")):
        one_seed(folder, int(folder.name.split("-")[1]), arguments.steps, arguments.examples)


if __name__ == "__main__":
    main()
