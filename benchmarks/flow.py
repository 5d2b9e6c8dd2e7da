"""What a flow between data sets transfers, what of the content it keeps, and which images carry a bias. Prints a table.

    python benchmarks/flow.py strokes [--seeds 3] [--steps 2000] [--out results.json]
    python benchmarks/flow.py scanners
    python benchmarks/flow.py emoji [--latent 64] [--width 256]
    python benchmarks/flow.py tones --package FOLDER [--latent 64] [--width 256]
    python benchmarks/flow.py influence

strokes: MNIST at 14 x 14 pixels in two sets, a with 80 % thick strokes (those above the median thickness of their
digit) and b with 20 %. scanners: MNIST at 8 x 8 pixels and scikit-learn's digits, the same content from two scanners.
emoji: Noto and Twemoji, where every image of one set has its true pair in the other; which split an image is in is
decided for both together, and nothing in training knows of the pairs. tones: emoji of people and hands from the npm
package emoji-datasource-google 16.0.0, unpacked in FOLDER (emoji.json, img/google/sheets/32.png), in two sets, a with
80 % light skin and b with 20 %; content is the subcategory. influence: strokes again, where a tenth of a is
removed, by scores for the metric transfer-shift or at random, and the training repeated from where the scores begin: as
far back as the sweep itself lets be believed, and from the start.

Each row is a training seed and a direction, except for influence. The learning rate was chosen among five with seed 0
of the strokes, by these very figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command_line import Table, parser
from PIL import Image
from torch.nn.functional import interpolate

from gansift import cleansing, data, influence, metrics, training
from gansift.audit import Subject, run_audit
from gansift.cleansing.statistics import mean_interval
from gansift.data import Examples, Splits
from gansift.games import Trained
from gansift.influence.itd import believable
from gansift.report import Answer
from gansift.systems import System, build

_SHARE = 0.8
_LIGHT, _DARK = ("1F3FB", "1F3FC"), ("1F3FE", "1F3FF")
_REMOVED = 0.1


def main() -> None:
    """One of the tables."""
    arguments = _arguments()
    {
        "strokes": lambda: _shares(strokes(), "thick", "thin", arguments),
        "tones": lambda: _shares(tones(arguments.package), "light", "dark", arguments),
        "scanners": lambda: _scanners(arguments),
        "emoji": lambda: _emoji(arguments),
        "influence": lambda: _influence(arguments),
    }[arguments.what]()


def _shares(sets: Mapping[str, Splits], value: str, other: str, arguments: Any) -> None:
    """Two sets with shares of an attribute of two values."""
    table = Table(
        _AUDITED | {f"{value}, reconstructed": "before:.3f", "transferred": "after:.3f",
                    "reconstructed, there": "there:.3f", "moved towards": "moved:+.3f"},
        arguments.out,
    )  # fmt: skip
    rows = []
    for seed in range(arguments.seeds):
        answer = _audited(sets, arguments, seed)
        for source, target in (("a", "b"), ("b", "a")):
            before, after, there = _found(answer, value, other, source, target)
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
    """The shift before a tenth of a is gone, and after it."""
    sets = strokes()
    table = Table(
        {"seed": "seed", "horizon": "horizon", "removed from a": "removed:<14", "thick among them": "thick:.2f",
         "predicted change": "predicted:+.3f", "shift, validation": "validation:.3f", "shift, test": "test:.3f",
         "change, validation": "change:+.3f"},
        arguments.out,
    )  # fmt: skip
    system = build("flow", sets, _settings(arguments))
    judges = system.judges("transfer-shift")
    for seed in range(arguments.seeds):
        run = _run(system, sets, arguments.steps, seed)
        before = judges.validation.value(run)
        table.add(
            {"seed": seed, "removed": "nothing", "validation": before, "test": judges.test.value(run), "change": 0.0}
        )
        for found in (believable(run, judges.validation), influence.itd(run, judges.validation)):
            horizon, scores = found.horizon, found.of("a")
            count = round(_REMOVED * len(sets["a"].train))
            for name, ids in _chosen(scores, sets["a"].train, count, seed).items():
                players = cleansing.retrain(run, ids, horizon=horizon).trained()
                chosen = [scores.rows[one] for one in ids]
                value = judges.validation.value(players)
                table.add({
                    "seed": seed, "horizon": horizon, "removed": name, "validation": value,
                    "thick": float((sets["a"].train.columns["stroke"].values[chosen] == 0).double().mean()),
                    "predicted": float(scores.values[chosen].sum()), "test": judges.test.value(players),
                    "change": value - before,
                })  # fmt: skip


# Data ----------------------------------------------------------------------------------------------------------------


def strokes(size: int = 14) -> dict[str, Splits]:
    """MNIST in two sets: 80 % of a, and 20 % of b, have strokes thicker than the median of their digit."""
    loaded = data.load("mnist", seed=0)
    whole = Examples.joined(_parts(loaded))
    assert whole.labels is not None
    assert whole.class_names is not None
    ink = (whole.x[:, 0].double() + 1) / 2
    edge = ink.diff(dim=1).abs().sum((1, 2)) + ink.diff(dim=2).abs().sum((1, 2))
    thickness = ink.sum((1, 2)) / edge
    medians = torch.stack([thickness[whole.labels == digit].median() for digit in range(10)])
    thick = (thickness > medians[whole.labels]).numpy()
    label = [whole.class_names[one] for one in whole.labels.tolist()]
    x = interpolate(whole.x, size=size, mode="area").numpy()
    return _two_sets(x, label, thick, "stroke", "thick", "thin")


def tones(package: Path) -> dict[str, Splits]:
    """Emoji with a skin tone: 80 % of a, and 20 % of b, have one of the two light ones, the others of the two dark."""
    with Image.open(package / "img/google/sheets/32.png") as sheet:
        picture = sheet.convert("RGBA")
    x, label, light = [], [], []
    for one in json.loads((package / "emoji.json").read_text()):
        for tone, drawn in one.get("skin_variations", {}).items():
            if tone not in _LIGHT + _DARK or not drawn["has_img_google"]:
                continue
            left, top = (34 * drawn[f"sheet_{axis}"] + 1 for axis in "xy")
            white = Image.new("RGBA", (32, 32), "white")
            white.alpha_composite(picture.crop((left, top, left + 32, top + 32)))
            x.append(np.asarray(white.convert("RGB"), np.float32).transpose(2, 0, 1) / 127.5 - 1)
            label.append(one["subcategory"])
            light.append(tone in _LIGHT)
    return _two_sets(np.stack(x), label, np.array(light), "tone", "light", "dark")


def _two_sets(
    x: np.ndarray, label: list[str], has: np.ndarray, attribute: str, value: str, other: str
) -> dict[str, Splits]:
    """As many examples in a as in b, of which 80 % in a and 20 % in b have the value."""
    rng = np.random.default_rng(0)
    many, few = (rng.permutation(np.flatnonzero(one)) for one in (has, ~has))
    count = min(len(many), len(few))
    cut = round(_SHARE * count)
    rows = {"a": [many[:cut], few[cut:count]], "b": [many[cut:count], few[:cut]]}
    sets = {}
    for name, parts in rows.items():
        order = rng.permutation(np.concatenate(parts))
        values = {attribute: [value if one else other for one in has[order].tolist()]}
        examples = Examples.of(x[order], name=name, label=[label[row] for row in order.tolist()], **values)
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


def _found(answer: Answer, value: str, other: str, source: str, target: str) -> tuple[float, float, float]:
    """The share of a value among images of the source, transferred ones, and images of the target.

    All are reconstructed: the audit expects of a transfer the share that is found among those of the target.
    """
    told = value if f"{value}, {source} to {target}" in answer.numbers else other
    there, back = (answer.numbers[f"{told}, {pair}"] for pair in (f"{source} to {target}", f"{target} to {source}"))
    assert there.expected is not None
    assert back.expected is not None
    found = (back.expected, there.value, there.expected)
    before, after, target_share = found if told == value else (1 - one for one in found)
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


def _chosen(scores: influence.Scores, train: Examples, count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """The images that carry most of the shift, and as many at random: of all, and of those with thick strokes."""
    rng = np.random.default_rng(seed)
    thick = np.flatnonzero(train.columns["stroke"].values.numpy() == 0)
    drawn = {"at random": rng.permutation(len(train))[:count], "thick, random": rng.permutation(thick)[:count]}
    return {"by scores": scores.harmful(count).ids} | {
        name: tuple(scores.ids[row] for row in rows) for name, rows in drawn.items()
    }


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("what", choices=["strokes", "scanners", "emoji", "tones", "influence"])
    made.add_argument("--package", type=Path, default=Path("package"))
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=2000)
    made.add_argument("--latent", type=int, default=16)
    made.add_argument("--width", type=int, default=128)
    return made.parse_args()


if __name__ == "__main__":
    main()
