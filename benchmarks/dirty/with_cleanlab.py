"""cleanlab's outlier and near-duplicate scores of features; runs in an environment of its own, without gansift.

    python with_cleanlab.py FEATURES.npz SCORES.npz

FEATURES.npz holds one array (N, d) for each feature space. SCORES.npz gets two arrays (N,) for each, harm: cleanlab's
scores are low for what it finds wrong, so they are negated.
"""

import sys

import numpy as np
from cleanlab import Datalab


def main() -> None:
    source, target = sys.argv[1:]
    found = {}
    with np.load(source) as file:
        spaces = {name: file[name] for name in file.files}
    for name, features in spaces.items():
        lab = Datalab(data={"row": np.arange(len(features))})
        lab.find_issues(features=features, issue_types={"outlier": {}, "near_duplicate": {}})
        for issue in ("outlier", "near_duplicate"):
            found[f"{name}|{issue}"] = -lab.get_issues(issue)[f"{issue}_score"].to_numpy()
    np.savez(target, **found)


if __name__ == "__main__":
    main()
