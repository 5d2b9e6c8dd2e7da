"""Do refined images teach more than simulated ones? Digits rendered in fonts, and refined to look like MNIST.

    python benchmarks/refine.py mnist [--size 14] [--penalties 0.3 2 10 40] [--seeds 3] [--out results.json]
    python benchmarks/refine.py mnist --spare --seeds 1 --classifiers 6 --penalties 10 --set refinements=5

Simulated digits are drawn in every face of DejaVu that comes with matplotlib, turned and moved a little, 4,000 of them;
3,000 real ones are unlabelled training images, 200 labelled ones choose the penalty, and 4,000 others test. Each row is
a penalty: the mean over training seeds, with 95 % intervals that count seeds, classifiers and test images as the audit
`refinement` does. The last row is a classifier of the 3,000 real images with their labels, which nobody has; below it
stands what the penalty that was chosen gains on test images. With ``--spare`` 2,800 images that are neither of these
test, so that other settings can be tried. For data of your own, `gansift audit refinement RUN --penalties 0.3,2,10,40`
does the same.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import built_in
import matplotlib
import numpy as np
import torch
from command_line import Table, cell, parser
from PIL import Image, ImageDraw, ImageFont
from torch.nn.functional import interpolate

from gansift import data, training
from gansift.audit import Subject, run_audit
from gansift.audit.classifiers import classifier_of
from gansift.data import Examples, Splits
from gansift.systems import build, manual, spec_of

_SIMULATED, _REAL, _CHOOSING, _TEST, _SPARE = 4000, 3000, 200, 4000, 2800


def main() -> None:
    """A row for each penalty, and the bound."""
    arguments = _arguments()
    splits = {"simulated": rendered(arguments.size), "real": real(arguments.source, arguments.size)}
    if arguments.spare:
        splits["real"] = replace(splits["real"], test=spare(arguments.source, arguments.size))
    settings = built_in.settings(arguments.set, manual(spec_of("simgan")).settings)
    table = Table(
        {"penalty": "penalty:<8", "change of a pixel": "change:.3f", "critic's gradient": "gradients:.2f",
         "200 choose": "choosing:.3f", "rendered alone": "plain:.3f", "refined": "refined:.3f", "gain": "gain:+.3f",
         "badge": "badge"},
        arguments.out,
    )  # fmt: skip
    for penalty in arguments.penalties:
        system = build("simgan", splits, {**settings, "penalty": penalty})
        runs = [_trained(system, splits, seed, arguments.steps) for seed in range(arguments.seeds)]
        answer = run_audit(
            "refinement", Subject(f"{penalty:g}", splits, runs), rounds=arguments.classifiers * arguments.seeds
        )
        number = answer.numbers
        table.add(
            {"penalty": f"{penalty:g}", "change": number["change"].value, "gradients": number["gradients"].value,
             "plain": _interval(number["accuracy_simulated"]), "refined": _interval(number["accuracy_refined"]),
             "gain": _interval(number["gain"]), "choosing": number["accuracy_choosing"].value, "badge": answer.badge}
        )  # fmt: skip
    best = max(table.rows, key=lambda row: row["choosing"])
    known, test = splits["real"].train, splits["real"].test
    assert known.labels is not None
    assert test.labels is not None
    right = [
        classifier_of("network", 10, 400)(known.x, known.labels, seed)(test.x) == test.labels.numpy()
        for seed in range(4)
    ]
    table.add({"penalty": "labelled", "refined": float(np.mean(right)), "badge": "a bound"})
    print(
        f"{_CHOOSING} real images choose the penalty {best['penalty']}; on others it gains {cell(best['gain'], '+.3f')}"
    )


def _trained(system: Any, splits: dict[str, Splits], seed: int, steps: int) -> Any:
    train = {name: part.train for name, part in splits.items()}
    run = training.train(
        system.new_game(seed), train, steps=steps, batch_size=64, optimizers=system.optimizers, seed=seed
    )
    return run.trained()


def _interval(number: Any) -> Any:
    return number.value, number.ci95


def rendered(size: int, count: int = _SIMULATED) -> Splits:
    """Digits in all faces, 28 pixels a side and then made smaller: so many to train on, and twice 500 others."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = [
        path for path in sorted(folder.glob("DejaVu*.ttf")) if "Display" not in path.name and "Math" not in path.name
    ]
    rng = np.random.default_rng(0)
    x, labels = [], []
    for row in range(count + 2 * 500):
        digit = row % 10
        picture = Image.new("L", (56, 56))
        font = ImageFont.truetype(str(faces[rng.integers(len(faces))]), int(rng.integers(34, 46)))
        where = 28 + rng.uniform(-3, 3, size=2)
        ImageDraw.Draw(picture).text(tuple(where.tolist()), str(digit), 255, font, anchor="mm")
        turned = picture.rotate(rng.uniform(-15, 15), Image.Resampling.BICUBIC).resize((28, 28), Image.Resampling.BOX)
        x.append(np.asarray(turned, np.float32) / 127.5 - 1)
        labels.append(str(digit))
    images = _smaller(torch.tensor(np.stack(x))[:, None], size)
    bounds = ((0, count), (count, count + 500), (count + 500, count + 1000))
    parts = [
        Examples.of(images[start:end].numpy(), name=f"rendered{start}", label=labels[start:end])
        for start, end in bounds
    ]
    return Splits("rendered", *parts)


def real(source: str, size: int, count: int = _REAL, choosing: int = _CHOOSING) -> Splits:
    """So many training images, those that choose, and 4,000 that test."""
    bounds = itertools.pairwise((0, count, count + choosing, count + choosing + _TEST))
    return Splits("real", *(_part(source, size, start, end) for start, end in bounds))


def spare(source: str, size: int) -> Examples:
    """The images behind all of those of `real`."""
    start = _REAL + _CHOOSING + _TEST
    return _part(source, size, start, start + _SPARE)


def _part(source: str, size: int, start: int, end: int) -> Examples:
    """Some images of a data set in an order of chance."""
    loaded = data.load(source, seed=0)
    whole = Examples.joined([loaded.train, loaded.valid, loaded.test])
    rows = torch.from_numpy(np.random.default_rng(0).permutation(len(whole))[start:end])
    assert whole.class_names is not None
    assert whole.labels is not None
    names = [whole.class_names[one] for one in whole.labels[rows].tolist()]
    return Examples.of(_smaller(whole.x[rows], size).numpy(), name=f"real{start}", label=names)


def _smaller(x: torch.Tensor, size: int) -> torch.Tensor:
    return x if x.shape[-1] == size else interpolate(x, size=size, mode="area")


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source", nargs="?", default="mnist")
    made.add_argument("--size", type=int, default=14)
    made.add_argument("--penalties", type=float, nargs="+", default=[0.3, 2, 10, 40])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=700)
    made.add_argument("--classifiers", type=int, default=2, help="of each training")
    made.add_argument("--spare", action="store_true", help="test on images that are otherwise not looked at")
    made.add_argument("--set", nargs="*", default=[], help="settings of `--game simgan`, name=value")
    return made.parse_args()


if __name__ == "__main__":
    main()
