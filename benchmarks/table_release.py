"""A table that a GAN made: does it give anybody away? gansift's audits, and beside them anonymeter and SDMetrics.

    python benchmarks/table_release.py ours adult.csv FOLDER [--members 500] [--steps 1500 12000]
    python benchmarks/table_release.py peers FOLDER

``ours`` trains a GAN on so many rows of a table, once for each number of steps, writes its samples as tables into the
folder, and audits them. Beside them stand two controls: rows that nobody was trained on, by which nothing leaks, and
the members themselves with a little noise in all numbers, by which everything does. ``peers`` reads these tables in an
environment of its own (pip install anonymeter sdmetrics), which needs neither gansift nor PyTorch.

The audits `membership` and `copies` are asked of the samples alone, before categories are rounded: the area of the
attack by the nearest sample, and the share of samples that are nearer to a member than to a held-out row (half, where
nothing is copied). anonymeter's risks are the success of an attack on members less that on other rows, with 95 %
intervals: singling out by several columns, linking two halves of the columns, and inferring the last column from all
others. Of SDMetrics, fidelity is its quality report, and protection says how little nearer samples are to members than
to other rows; 1 is best for both.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

# In standard deviations of a number, and the same of what stands for a category.
_NOISE = 0.05
_ATTACKS = 300


def main() -> None:
    """One of the two parts."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("part", choices=("ours", "peers"))
    made.add_argument("paths", type=Path, nargs="+", help="the table (of `ours`), and the folder")
    made.add_argument("--members", type=int, default=500)
    made.add_argument("--steps", type=int, nargs="+", default=[1500, 12_000])
    made.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    asked = made.parse_args()
    if asked.part == "ours":
        _ours(asked)
    else:
        _peers(asked)


# gansift's audits ----------------------------------------------------------------------------------------------------


def _ours(asked: argparse.Namespace) -> None:
    import torch
    from audit_membership import Emitter
    from command_line import Table

    from gansift import data, systems, training
    from gansift.audit import Subject, run_audit
    from gansift.games import Draw

    def write(name: str, x: torch.Tensor) -> None:
        assert splits.encoding is not None
        columns = splits.encoding.record(x.numpy())
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))

    def releases() -> Iterator[tuple[str, Any]]:
        yield "unseen rows", Emitter(later, 0)
        yield "members with noise", Emitter(splits.train.x, _NOISE)
        system = systems.build("gan", {"data": splits}, {})
        usual = system.defaults
        run = training.train(
            system.new_game(0), splits.train, steps=max(asked.steps), batch_size=usual["batch"], ema=usual["ema"],
            optimizers=system.optimizers, seed=0,
        )  # fmt: skip
        for steps in asked.steps:
            yield f"GAN, {steps} steps", run.trained(steps)

    folder, count = asked.paths[1], asked.members
    folder.mkdir(parents=True)
    whole = data.load(str(asked.paths[0]), seed=0)
    later = whole.test.x[count : 2 * count]
    splits = replace(
        whole, train=whole.train.subset(range(count)), valid=whole.valid.subset(range(2 * count)),
        test=whole.test.subset(range(count)),
    )  # fmt: skip
    write("members", splits.train.x)
    write("others", splits.test.x)
    table = Table({"release": "release", "nearest sample": "nearest:.2f", "nearer": "nearer:.2f"}, asked.out)
    for number, (name, players) in enumerate(releases()):
        write(f"release {number} {name}", players.sample(count, Draw(0, "release")))
        subject = Subject("table", {"data": splits}, players=[players], seed=0)
        nearest = run_audit("membership", subject).numbers["area: nearest sample"]
        nearer = run_audit("copies", subject).numbers["nearer_share_values"]
        table.add({
            "release": name, "nearest": (nearest.value, nearest.ci95), "nearer": (nearer.value, nearer.ci95),
        })  # fmt: skip


# Other packages ------------------------------------------------------------------------------------------------------


def _peers(asked: argparse.Namespace) -> None:
    import numpy as np
    import pandas

    np.random.seed(0)  # what both packages draw from
    folder = asked.paths[0]
    members, others = (pandas.read_csv(folder / f"{name}.csv") for name in ("members", "others"))
    print("| release | singled out | linked | inferred | fidelity | protection |\n|---|---|---|---|---|---|")
    for file in sorted(folder.glob("release *.csv")):
        synthetic = pandas.read_csv(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cells = (*_anonymeter(members, synthetic, others), *_sdmetrics(members, synthetic, others))
        print("| " + " | ".join((file.stem.split(" ", 2)[2], *cells)) + " |", flush=True)


def _anonymeter(members: Any, synthetic: Any, others: Any) -> Iterator[str]:
    """Three risks with their intervals."""
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    tables = {"ori": members, "syn": synthetic, "control": others, "n_attacks": _ATTACKS}
    names = list(members.columns)
    half = len(names) // 2
    singled = SinglingOutEvaluator(**tables, seed=0)
    singled.evaluate(mode="multivariate")
    linked = LinkabilityEvaluator(**tables, aux_cols=(names[:half], names[half:]), n_neighbors=1)
    linked.evaluate(n_jobs=1)
    inferred = InferenceEvaluator(**tables, aux_cols=names[:-1], secret=names[-1])
    inferred.evaluate(n_jobs=1)
    for attack in (singled, linked, inferred):
        risk = attack.risk()
        yield f"{risk.value:.2f} [{risk.ci[0]:.2f}, {risk.ci[1]:.2f}]"


def _sdmetrics(members: Any, synthetic: Any, others: Any) -> tuple[str, str]:
    """Fidelity and protection."""
    from sdmetrics.reports.single_table import QualityReport
    from sdmetrics.single_table import DCROverfittingProtection

    kinds = {name: {"sdtype": "numerical" if members[name].dtype.kind in "if" else "categorical"} for name in members}
    described = {"columns": kinds}
    report = QualityReport()
    report.generate(members, synthetic, described, verbose=False)
    protection = DCROverfittingProtection.compute(members, synthetic, others, described, table_name=None)
    return f"{report.get_score():.2f}", f"{protection:.2f}"


if __name__ == "__main__":
    main()
