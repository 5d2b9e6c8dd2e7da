"""What a fair representation hides, and what it costs: LAFTR on a table about people. Prints a table.

    python benchmarks/fair.py adult.csv [--label salary --group sex --positive '>50K'] [--seeds 5] [--out results.json]

Each row is a way of training, a mean over training seeds with a 95 % interval over them. A naive classifier is fitted
to the frozen representation and a fresh auditor tries to tell the groups from it, both as networks of one hidden layer,
as in the paper, and as gradient-boosted trees. Beside them stand classifiers of the data themselves, and fairlearn's
reductions and thresholds (pip install fairlearn), which yield decisions and no representation. Nothing is tuned here;
the split is `--split-seed`, by default 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from command_line import Table, parser

from gansift import data, training
from gansift.audit import Subject, run_audit
from gansift.cleansing.statistics import mean_interval
from gansift.data import Splits
from gansift.systems import build

_WAYS: dict[str, dict[str, Any]] = {
    "gamma 0": {"gamma": 0.0},
    "dp, gamma 1": {"gamma": 1.0},
    "dp, gamma 3": {"gamma": 3.0},
    "eo, gamma 3": {"gamma": 3.0, "criterion": "eo"},
    "dp by L1, 1 audit, gamma 1": {"gamma": 1.0, "audit_by": "l1", "audits": 1},
}
_NUMBERS = ("accuracy", "dp", "eo")


def main() -> None:
    """Every way, then what is compared with."""
    arguments = _arguments()
    group = arguments.group
    splits = data.load(arguments.source, seed=arguments.split_seed, label=arguments.label, group=[group])
    table = Table(
        {"trained": "trained:<28", "read by": "read_by:<9", "accuracy": "accuracy:.3f", "dp": "dp:.3f",
         "eo": "eo:.3f", "auditor": "auditor:.3f"},
        arguments.out,
    )  # fmt: skip
    for reader in ("network", "trees"):
        alone = run_audit("fairness", Subject("d", {"d": splits}), classifier=reader, cells=0,
                          positive=arguments.positive).numbers  # fmt: skip
        found = [{what: alone[f"plain classifier: {what}"].value for what in (*_NUMBERS, f"auditor of {group}")}]
        table.add({"trained": "the data themselves", "read_by": reader} | _row(found, group))
    for name, settings in _WAYS.items():
        subjects = [
            _trained(splits, settings | {"positive": arguments.positive}, seed) for seed in range(arguments.seeds)
        ]
        for reader in ("network", "trees"):
            found = []
            for subject in subjects:
                numbers = run_audit("fairness", subject, classifier=reader, cells=0).numbers
                asked = (*_NUMBERS, f"auditor of {group}")
                found.append({what: numbers[f"representation: {what}"].value for what in asked})
            table.add({"trained": name, "read_by": reader} | _row(found, group))
    for name, decided in _fairlearn(splits, group, arguments.positive):
        table.add({"trained": name, "read_by": ""} | _row([decided], group))


def _trained(splits: Splits, settings: dict[str, Any], seed: int) -> Subject:
    system = build("laftr", {"d": splits}, settings)
    steps, batch = system.defaults["steps"], system.defaults["batch"]
    run = training.train(
        system.new_game(seed), splits.train, steps=steps, batch_size=batch, optimizers=system.optimizers, seed=seed
    )
    return Subject("run", {"d": splits}, [run.trained()])


def _row(found: list[dict[str, float]], group: str) -> dict[str, Any]:
    """Means over the training seeds, with intervals; numbers that there are not are left out."""
    row = {}
    for what in (*_NUMBERS, f"auditor of {group}"):
        values = [one[what] for one in found if what in one]
        if values:
            row[what.partition(" ")[0]] = mean_interval(values) if len(values) > 1 else values[0]
    return row


def _fairlearn(splits: Splits, group: str, positive: str) -> Iterator[tuple[str, dict[str, float]]]:
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
    from sklearn.linear_model import LogisticRegression

    names = splits.train.class_names
    assert names is not None
    number = names.index(positive) if positive else len(names) - 1
    train, test = (
        (part.x.double().numpy(), (part.labels == number).numpy().astype(int), part.columns[group].values.numpy())
        for part in (splits.train, splits.test)
    )

    def judged(decided: np.ndarray) -> dict[str, float]:
        return {
            "accuracy": float((decided == test[1]).mean()),
            "dp": demographic_parity_difference(test[1], decided, sensitive_features=test[2]),
            "eo": equalized_odds_difference(test[1], decided, sensitive_features=test[2]),
        }

    plain: Callable[[], Any] = lambda: LogisticRegression(max_iter=500)  # noqa: E731
    yield "logistic regression", judged(plain().fit(train[0], train[1]).predict(test[0]))
    for name, constraint in (("demographic parity", DemographicParity()), ("equalized odds", EqualizedOdds())):
        reduced = ExponentiatedGradient(plain(), constraint).fit(train[0], train[1], sensitive_features=train[2])
        yield f"reduction, {name}", judged(reduced.predict(test[0], random_state=0))
    for constraint in ("demographic_parity", "equalized_odds"):
        moved = ThresholdOptimizer(estimator=plain(), constraints=constraint, predict_method="predict_proba")
        moved.fit(train[0], train[1], sensitive_features=train[2])
        decided = moved.predict(test[0], sensitive_features=test[2], random_state=0)
        yield f"thresholds, {constraint.replace('_', ' ')}", judged(np.asarray(decided))


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source")
    made.add_argument("--label", default="salary")
    made.add_argument("--group", default="sex")
    made.add_argument("--positive", default=">50K")
    made.add_argument("--split-seed", type=int, default=1)
    made.add_argument("--seeds", type=int, default=5)
    return made.parse_args()


if __name__ == "__main__":
    main()
