"""Does the audit of copies find a diffusion model that has learnt its images by heart, and is it silent on more images?

    python benchmarks/denoiser_copies.py [mnist] [--size 14] [--counts 200 4500] [--steps 6000] [--out FILE]

The same network is trained for as many steps on few and on many images of one data set, and two audits ask: are samples
copies (2,000 samples, in pixels and features), and can it be told by the network's own loss who was trained on?
"""

from __future__ import annotations

from typing import Any

from command_line import Table, parser
from smaller import smaller

from gansift import data, systems, training
from gansift.audit import Subject, run_audit
from gansift.systems.judges import features_of


def main() -> None:
    """A row for each system, number of images and seed."""
    arguments = _arguments()
    whole = smaller(data.load(arguments.source, seed=0), arguments.size)
    features = features_of(whole, "auto")
    table = Table(
        {"system": "system", "images": "images", "seed": "seed", "test FID": "fid:.2f", "copies": "badge",
         "very close samples": "close:.3f", "nearer to training": "nearer:.3f", "area by own loss": "area:.3f",
         "members": "membership"},
        arguments.out,
    )  # fmt: skip
    for name in arguments.systems:
        for count in arguments.counts:
            part = smaller(whole, examples=count)
            system = systems.build(name, {"data": part}, {"model": "mlp", "width": arguments.width})
            for seed in range(arguments.seeds):
                run = training.train(
                    system.new_game(seed), part.train, steps=arguments.steps, batch_size=50, ema=0.98, seed=seed,
                    optimizers=system.optimizers, checkpoint_every=arguments.steps,
                )  # fmt: skip
                subject = Subject(f"{name} {count}", {"data": part}, [run.trained()], features=features)
                copies, members = (run_audit(audit, subject) for audit in ("copies", "membership"))
                pixels = copies.numbers
                table.add(
                    {"system": name, "images": count, "seed": seed, "fid": system.judges("fid").test.value(run),
                     "badge": copies.badge, "close": _pair(pixels["close_share_pixels"]),
                     "nearer": _pair(pixels["nearer_share_pixels"]), "membership": members.badge,
                     "area": _pair(members.numbers["area: own score"])}
                )  # fmt: skip


def _pair(number: Any) -> Any:
    return number.value, number.ci95


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("source", nargs="?", default="mnist")
    made.add_argument("--size", type=int, default=14)
    made.add_argument("--systems", nargs="+", default=["diffusion", "matching"])
    made.add_argument("--counts", type=int, nargs="+", default=[200, 4500])
    made.add_argument("--steps", type=int, default=6000)
    made.add_argument("--width", type=int, default=256)
    made.add_argument("--seeds", type=int, default=2)
    return made.parse_args()


if __name__ == "__main__":
    main()
