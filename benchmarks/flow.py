"""What a flow between data sets transfers, what of the content it keeps, and which images carry a bias. Prints a table.

    python benchmarks/flow.py strokes [--seeds 3] [--steps 2000] [--out results.json]
    python benchmarks/flow.py scanners
    python benchmarks/flow.py emoji [--latent 64] [--width 256]
    python benchmarks/flow.py influence

strokes: MNIST at 14 x 14 pixels in two sets, a with 80 % thick strokes (those above the median thickness of their
digit) and b with 20 %. scanners: MNIST at 8 x 8 pixels and scikit-learn's digits, the same content from two scanners.
emoji: Noto and Twemoji, where every image of one set has its true pair in the other; which split an image is in is
decided for both together, and nothing in training knows of the pairs. influence: strokes again, where a tenth of a is
removed, by scores for the metric transfer-shift, or at random, and the flow trained anew from scratch.

Each row is a training seed and a direction, except for influence. Nothing is tuned on test images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from command_line import Table, parser
from torch.nn.functional import interpolate

from gansift import cleansing, data, influence, metrics, training
from gansift.audit import Subject, run_audit
from gansift.cleansing.statistics import mean_interval
from gansift.data import Examples, Splits
from gansift.games import Trained
from gansift.report import Answer
from gansift.systems import System, build

_SHARE = 0.8
_REMOVED = 0.1


def main() -> None:
    """One of the four tables."""
    arguments = _arguments()
    {"strokes": _strokes, "scanners": _scanners, "emoji": _emoji, "influence": _influence}[arguments.what](arguments)


def _strokes(arguments: Any) -> None:
    sets = strokes()
    table = Table(
        _AUDITED | {"thick, reconstructed": "before:.3f", "transferred": "after:.3f",
                    "reconstructed, there": "there:.3f", "moved towards": "moved:+.3f"},
        arguments.out,
    )  # fmt: skip
    rows = []
    for seed in range(arguments.seeds):
        answer = _audited(sets, arguments, seed)
        for source, target in (("a", "b"), ("b", "a")):
            before, after, there = _thick(answer, source, target)
            moved = (after - before) * (1 if there > before else -1)
            shares = {"before": before, "after": after, "there": there, "moved": moved}
            rows.append(_told(answer, source, target) | {"seed": seed} | shares)
            table.add(rows[-1])
    for pair in ("a to b", "b to a"):
        table.add(_mean([row for row in rows if row["pair"] == pair]))


def _scanners(arguments: Any) -> None:
    table, rows = Table(_AUDITED, arguments.out), []
    for seed in range(arguments.seeds):
        answer = _audited(scanners(), arguments, seed)
        for source, target in (("digits", "mnist"), ("mnist", "digits")):
            rows.append(_told(answer, source, target) | {"seed": seed})
            table.add(rows[-1])
    for pair in ("digits to mnist", "mnist to digits"):
        table.add(_mean([row for row in rows if row["pair"] == pair]))


def _emoji(arguments: Any) -> None:
    sets = emoji()
    table = Table(
        _AUDITED
        | {"found by": "by:<14", "top 1": "first:.3f", "top 5": "fifth:.3f"}
        | {"no transfer, top 1": "plain_first:.3f", "top 5 ": "plain_fifth:.3f"}
        | {"reconstructed, top 1": "back_first:.3f", "top 5  ": "back_fifth:.3f", "chance": "chance:.4f"},
        arguments.out,
    )
    spaces = {"pixels": lambda x: x.flatten(1), "ImageNet": _chunked(metrics.ImageNetFeatures(256))}
    rows = []
    for seed in range(arguments.seeds):
        trained = _trained(sets, arguments, seed)
        answer = run_audit("transfer", Subject("emoji", sets, [trained]))
        for source, target in (("noto", "twemoji"), ("twemoji", "noto")):
            x, there = sets[source].test.x, sets[target].test.x
            game: Any = trained.game
            made = trained.made_of(_between(game, source, target), x).float()
            back = trained.made_of(game.reconstruct, x).float()
            for name, features in spaces.items():
                found = [_ranks(features(one), features(there)) for one in (made, x, back)]
                numbers = {
                    f"{how}{count}": float((ranks < most).mean())
                    for how, ranks in zip(("", "plain_", "back_"), found, strict=True)
                    for count, most in (("first", 1), ("fifth", 5))
                }
                rows.append(_told(answer, source, target) | {"seed": seed, "by": name, "chance": 1 / len(x)} | numbers)
                table.add(rows[-1])
    for pair in ("noto to twemoji", "twemoji to noto"):
        for name in spaces:
            table.add(_mean([row for row in rows if (row["pair"], row["by"]) == (pair, name)]) | {"by": name})


def _influence(arguments: Any) -> None:
    """The shift before, and after a tenth of a is gone."""
    sets = strokes()
    table = Table(
        {"seed": "seed", "horizon": "horizon", "removed from a": "removed:<14", "thick among them": "thick:.2f",
         "predicted change": "predicted:+.3f", "shift, validation": "validation:.3f", "shift, test": "test:.3f",
         "change, validation": "change:+.3f"},
        arguments.out,
    )  # fmt: skip
    system = build("flow", sets, _settings(arguments))
    judges = system.judges("transfer-shift")
    rows = []
    for seed in range(arguments.seeds):
        run = _run(system, sets, arguments.steps, seed)
        before = judges.validation.value(run)
        table.add(
            {"seed": seed, "removed": "nothing", "validation": before, "test": judges.test.value(run), "change": 0.0}
        )
        for horizon in (arguments.steps // 20, arguments.steps // 4, arguments.steps):
            scores = influence.itd(run, judges.validation, horizon=horizon).of("a")
            count = round(_REMOVED * len(sets["a"].train))
            worst, drawn = scores.harmful(count), _at_random(sets["a"].train.ids, count, seed)
            for name, ids in (("by scores", worst.ids), ("at random", drawn)):
                players = cleansing.retrain(run, ids, horizon=horizon).trained()
                chosen = [scores.rows[one] for one in ids]
                value = judges.validation.value(players)
                rows.append({
                    "seed": seed, "horizon": horizon, "removed": name, "validation": value,
                    "thick": float((sets["a"].train.columns["stroke"].values[chosen] == 0).double().mean()),
                    "predicted": float(scores.values[chosen].sum()), "test": judges.test.value(players),
                    "change": value - before,
                })  # fmt: skip
                table.add(rows[-1])


# Data ----------------------------------------------------------------------------------------------------------------


def strokes(size: int = 14, share: float = _SHARE) -> dict[str, Splits]:
    """MNIST in two sets: ``share`` of a, and the rest of b, have strokes thicker than the median of their digit."""
    whole = _whole("mnist")
    assert whole.labels is not None
    assert whole.class_names is not None
    ink = (whole.x[:, 0].double() + 1) / 2
    edge = ink.diff(dim=1).abs().sum((1, 2)) + ink.diff(dim=2).abs().sum((1, 2))
    thickness = ink.sum((1, 2)) / edge
    medians = torch.stack([thickness[whole.labels == digit].median() for digit in range(10)])
    thick = (thickness > medians[whole.labels]).numpy()
    rng = np.random.default_rng(0)
    many, few = (rng.permutation(np.flatnonzero(one)) for one in (thick, ~thick))
    count = min(len(many), len(few))
    cut = round(share * count)
    rows = {"a": [many[:cut], few[cut:count]], "b": [many[cut:count], few[:cut]]}
    x = interpolate(whole.x, size=size, mode="area")
    sets = {}
    for name, parts in rows.items():
        order = rng.permutation(np.concatenate(parts))
        label = [whole.class_names[one] for one in whole.labels[torch.from_numpy(order)].tolist()]
        stroke = ["thick" if one else "thin" for one in thick[order].tolist()]
        examples = Examples.of(x[torch.from_numpy(order)].numpy(), name=name, label=label, stroke=stroke)
        sets[name] = data.split(examples, name)
    return sets


def scanners() -> dict[str, Splits]:
    """Scikit-learn's digits, and as many of MNIST at the same size."""
    digits, mnist = data.load("digits", seed=0), data.load("mnist", seed=0)
    few = [
        replace(part.subset(range(len(like))), x=interpolate(part.x[: len(like)], size=8, mode="area"))
        for part, like in zip(_parts(mnist), _parts(digits), strict=True)
    ]
    return {"digits": digits, "mnist": Splits("mnist", *few)}


def emoji() -> dict[str, Splits]:
    """Both drawings of every emoji are in the same split, in the same order."""
    order = np.random.default_rng(0).permutation(1911)
    bounds = ((0, 1211), (1211, 1561), (1561, 1911))
    sets = {}
    for vendor in ("noto", "twemoji"):
        whole = data.builtin.emoji(vendor)
        sets[vendor] = Splits(vendor, *(whole.subset(order[start:end].tolist()) for start, end in bounds))
    return sets


def _whole(source: str) -> Examples:
    return Examples.joined(_parts(data.load(source, seed=0)))


def _parts(splits: Splits) -> list[Examples]:
    return [splits.train, splits.valid, splits.test]


# Trainings and what is told of them ----------------------------------------------------------------------------------

_AUDITED = {
    "seed": "seed", "direction": "pair:<15", "probe of z": "probe_z:.3f", "of v, linear": "linear:.3f",
    "of v, network": "network:.3f", "guessing": "guessing:.3f", "content, reconstructed": "back:.3f",
    "content kept": "kept:.3f", "unexplained": "unexplained:.3f", "badge": "badge",
}  # fmt: skip


def _audited(sets: Mapping[str, Splits], arguments: Any, seed: int) -> Answer:
    return run_audit("transfer", Subject("run", sets, [_trained(sets, arguments, seed)]))


def _settings(arguments: Any) -> dict[str, Any]:
    return {"latent": arguments.latent, "width": arguments.width}


def _trained(sets: Mapping[str, Splits], arguments: Any, seed: int) -> Trained:
    return _run(build("flow", sets, _settings(arguments)), sets, arguments.steps, seed).trained()


def _run(system: System, sets: Mapping[str, Splits], steps: int, seed: int) -> training.Run:
    train = {name: part.train for name, part in sets.items()}
    return training.train(
        system.new_game(seed), train, steps=steps, batch_size=64, optimizers=system.optimizers, seed=seed
    )


def _told(answer: Answer, source: str, target: str) -> dict[str, Any]:
    """What the audit says of one direction."""
    numbers = answer.numbers
    content, linear = numbers[f"content, {source} to {target}"], numbers["probe of v, linear"]
    return {
        "pair": f"{source} to {target}", "badge": answer.badge, "probe_z": numbers["probe of z, network"].value,
        "linear": linear.value, "network": numbers["probe of v, network"].value, "guessing": linear.expected or 0.0,
        "back": content.expected or 0.0, "kept": content.value,
        "unexplained": numbers[f"reconstruction error, {source}"].value,
    }  # fmt: skip


def _thick(answer: Answer, source: str, target: str) -> tuple[float, float, float]:
    """The share of thick strokes among images of the source, transferred ones, and images of the target.

    All are reconstructed: the audit expects of a transfer the share that is found among those of the target.
    """
    value = "thick" if f"thick, {source} to {target}" in answer.numbers else "thin"
    there, back = answer.numbers[f"{value}, {source} to {target}"], answer.numbers[f"{value}, {target} to {source}"]
    assert there.expected is not None
    assert back.expected is not None
    found = (back.expected, there.value, there.expected)
    before, after, target_share = found if value == "thick" else (1 - one for one in found)
    return before, after, target_share


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of all numbers over seeds, with an interval where there are several."""
    numbers = [key for key, value in rows[0].items() if isinstance(value, float) and key != "guessing"]
    made = {key: mean_interval([row[key] for row in rows]) for key in numbers}
    return {"seed": "mean", "pair": rows[0]["pair"], "guessing": rows[0]["guessing"]} | made


def _between(game: Any, source: str, target: str) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    return lambda net, x: game.transfer(net, x, source, target)


def _ranks(made: torch.Tensor, there: torch.Tensor) -> np.ndarray:
    """How many images are nearer to each transferred one than its true pair, which stands in the same row."""
    distances = torch.cdist(made.double(), there.double())
    return (distances < distances.diagonal()[:, None]).sum(1).numpy()


def _chunked(features: metrics.ImageNetFeatures) -> Any:
    def all_of(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([features(part) for part in x.split(features.chunk)])

    return all_of


def _at_random(ids: tuple[str, ...], count: int, seed: int) -> tuple[str, ...]:
    rows = np.random.default_rng(seed).permutation(len(ids))[:count]
    return tuple(ids[row] for row in rows)


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("what", choices=["strokes", "scanners", "emoji", "influence"])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=2000)
    made.add_argument("--latent", type=int, default=16)
    made.add_argument("--width", type=int, default=128)
    return made.parse_args()


if __name__ == "__main__":
    main()
