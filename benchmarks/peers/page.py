"""The tables, and the page docs/peers.md around them, from the saved results. Standard library only."""

# ruff: noqa: RUF001  minus signs, dashes and Greek letters are meant

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Results = dict[str, Any]

#: Packages that were looked at and have no row: what pip's dry run said, or why they would add nothing.
ABSENT = {
    "LogIX 0.1.1": "its wheels need Python below 3.11",
    "torch-influence": "the package index has no distribution",
    "OpenDataVal 1.2.1": "requires torch 2.0",
    "influenciae 0.1.0": "installs, but explains TensorFlow models only",
    "quanda 0.5.0": "installs with an older captum and numpy; it evaluates methods of others, captum's among them",
    "the papers' own code": "needs TensorFlow 1.15, or modules that are not in it; *Adam's moments frozen* is the "
    "derivative that the newer one takes, without its other deviations",
}

TRAPS = """\
- torchvision and torchaudio of another build than torch do not load, and some peers pull them in: the command removes
  them.
- captum 0.9.0 has its Arnoldi influence function only in a private module.
- dattri 0.3.0: `projector_kwargs=None` keeps a random projection to 512 dimensions, and what one attributor is given
  is written into the defaults of later ones. Its conjugate gradients keep the graph of every product, here 2.7 GB a
  call that are never given back, unless they are called under `torch.no_grad()`.
- dattri divides projected gradients by the root of their dimension and TRAK does not, so equal dampings are different
  numbers.
- TRAK explains a logit. Its targets are weighted by the slope of the loss, so that they add up to the query loss.
- TorchOpt's Adam corrects its moments by factors in torch's *default* type: on float64 tensors under a float32 default
  its gradients were off by 1e-7. Here the default is float64.
- bergson's trainer takes the size of a batch from the masks of language models; a custom stream has to carry one.
- higher has no epsilon inside Adam's root, so it trains a little differently; its gradient is correlated, not compared.
- kronfluence draws labels for its Fisher matrix: its scores vary a little with torch's seed.
- pyDVL 0.10.0 needs numpy below 2, hence an environment of its own.
"""


def page(results: Results) -> str:
    """The whole page."""
    setting = results["setting"]
    return f"""# gansift and its peers

This page is written by `python3 benchmarks/peers/run.py`, which installs the peers in environments of their own, runs
them on the same work and saves every number in `benchmarks/peers/results.json`. Measured with Python
{results["python"]} and {results["torch"].replace("==", " ")} on a CPU, one thread, on a machine shared with other work:
take times as good to ±50 %.

What to keep in mind:

- **The peers answer another question.** They explain the loss of *one* model. Here that is the discriminator, and the
  query is the generator's loss on 512 fixed generated samples. gansift differentiates the metric itself, through both
  players.
- **None of them claims to support GANs**, so this is no test of what they were built for. TRAK and EK-FAC in particular
  are used far from their intended scale.
- Every peer has the sign that it documents (or, where it is silent, that of its formula), and its defaults or a damping
  of common size. Nothing was tuned on the truth.
- The GAN is tiny and its training short and smooth, where exact derivatives are at their best.
  [The README](../README.md) says what happens in long or chaotic runs.

## Two players: which examples hurt the metric?

{setting["examples"]} points of the plane, a tenth of them a cluster far off; generator 4-16-16-2 and discriminator
2-16-16-1 with SiLU; alternating Adam with learning rate 5e-4, β 0.5/0.99 and 1e-6 inside the root, {setting["steps"]}
steps, batch 32. The metric is the Fréchet distance of 512 samples to 512 held-out points. The truth is the whole run
redone with the same seeds without each single example, and without 100 random sets of 5 %; removal is weight 0 with the
denominator kept. {setting["seeds"]} seeds, each with data, initial parameters, batches and latents of its own.

{two_players(results)}

Each number is the mean over seeds, with the lowest and the highest seed in brackets. Kendall's τ and Spearman's ρ
compare scores with the true change of the metric when each single example is removed. LDS is Spearman's ρ between
summed scores and true changes over the 100 sets; that of each example's true change shows how nearly single effects
add up at all. *Own question* is Spearman's ρ with the true change of what the peers are asked about: the generator loss
on the fixed samples after the discriminator alone was retrained without the example, on the fakes of the run. *Worst
5 % removed* is the true change of the metric, better when lower. Seconds are those of scoring, without training and
imports.

{findings(results)}

How each peer's number was read:

{readings(results)}

## One player: the same derivative, and its cost

Where there is one model with one loss, three peers differentiate exactly through training, too. A perceptron 4-16-16-1
with softplus learns a regression on 256 points in float64 with the same Adam; wanted is the gradient of the validation
loss in the 256 data weights. All methods run in one process one after the other; times are of the processor, and the
best of three (of one where there are more than 3,000 steps). Memory is what a method adds, in a process of its own, to
that of a run of 8 steps.

{one_player(results)}

gansift keeps some of the states and redoes the steps in between. TorchOpt and higher keep the graph of the whole run.
bergson keeps states on disk and replays, with machinery made for models whose step takes seconds, not a millisecond.

## Traps met

{TRAPS}
## Without a row

{absent(results)}
"""


def tables(results: Results) -> str:
    """The tables alone, to print."""
    parts = [two_players(results), findings(results), one_player(results), absent(results)]
    return "\n\n".join(parts)


def two_players(results: Results) -> str:
    """One row for each method of part G, gansift's first."""
    seeds = results["two_players"]
    header = ["method", "Kendall τ", "Spearman ρ", "LDS", "own question", "worst 5 % removed", "seconds"]
    rows = [_row(name, _by_seed(seeds, name)) for name in _names(seeds)]
    exact = [seed["truth"] for seed in seeds]
    stacked = f"{_mean([seed['seconds_stacked'] for seed in seeds]):.0f}"
    removed = _spread([one["removed_worst"] for one in exact], 3)
    truth = ["*each example's true change*", "1", "1", _spread([one["lds"] for one in exact]), "", removed, stacked]
    random = [
        "*random sets of 5 %, mean*",
        "",
        "",
        "",
        "",
        _spread([seed["random_drops_mean"] for seed in seeds], 3),
        "",
    ]
    return _table(header, [*rows, truth, random])


def _row(name: str, found: list[dict[str, Any]]) -> list[str]:
    cells = [_spread([one[key] for one in found]) for key in ("kendall", "spearman", "lds")]
    own = "" if found[0]["package"] == "gansift" else _spread([one["own_spearman"] for one in found])
    seconds = f"{_mean([one['seconds'] for one in found]):.1f}"
    return [name, *cells, own, _spread([one["removed_worst"] for one in found], 3), seconds]


def findings(results: Results) -> str:
    """What the numbers say, in sentences that follow from them."""
    seeds = results["two_players"]
    alone = _mean([seed["seconds_of_one"] * seed["retrainings"] for seed in seeds])
    stacked = _mean([seed["seconds_stacked"] for seed in seeds])
    low = [seed["curvature"][0] for seed in seeds]
    high = [seed["curvature"][1] for seed in seeds]
    lines = [
        f"- Training brings the metric from {_spread([seed['metric_untrained'] for seed in seeds])} to "
        f"{_spread([seed['metric'] for seed in seeds])}.",
        f"- {seeds[0]['checked']} retrainings of every seed were redone one by one in plain PyTorch, without gansift. "
        f"They agree to {max(seed['relative_difference'] for seed in seeds):.0e}, relative to the largest.",
        f"- The {seeds[0]['retrainings']} retrainings of a seed took {stacked:.0f} s in stacks; one by one in plain "
        f"PyTorch they would take {alone:.0f} s.",
        "- Kendall's τ of the peers with the truth: " + _signs(seeds, "kendall"),
        "- Their ρ with their own question: " + _signs(seeds, "own_spearman"),
        "- Change of the metric after removing what they call the worst 5 % (positive is worse): "
        + _signs(seeds, "removed_worst"),
        f"- The Hessian that the solvers invert, of the loss on real examples, has eigenvalues from {_spread(low, 3)} "
        f"to {_spread(high, 3)}. Where they are negative beyond the damping, even the sign of a solution can change. "
        "Damping 1 makes it positive definite, and both solvers come close to a product of gradients, like TracIn.",
    ]
    return "\n".join(lines)


def _signs(seeds: Sequence[dict[str, Any]], key: str) -> str:
    """Which peers' numbers are positive in all seeds, negative in all, or change sign."""
    groups: dict[str, list[str]] = {"positive": [], "negative": [], "of both signs": []}
    for name in _peers(seeds):
        values = [one[key] for one in _by_seed(seeds, name)]
        kind = "positive" if min(values) > 0 else "negative" if max(values) < 0 else "of both signs"
        groups[kind].append(f"*{name}*")
    where = "" if len(seeds) == 1 else " in every seed"
    said = [
        f"{kind}{'' if kind == 'of both signs' else where} for {', '.join(names)}"
        for kind, names in groups.items()
        if names
    ]
    return "; ".join(said) + "."


def readings(results: Results) -> str:
    """Version, reading and settings of every peer."""
    seeds = results["two_players"]
    found = {name: _by_seed(seeds, name)[0] for name in _peers(seeds)}
    rows = [[name, f"{one['package']} {one['version']}", one["read"], one["settings"]] for name, one in found.items()]
    return _table(["peer", "package", "read as", "settings"], rows)


def one_player(results: Results) -> str:
    """One row for each method and length of part S."""
    rows = []
    for steps, found in results["one_player"].items():
        memory = {one["name"]: _memory(one) for one in found["alone"]}
        ours = found["together"][0]
        for one in found["together"]:
            name = one["name"] if one["name"].startswith("gansift") else f"{one['name']} {one['version']}"
            if "failed" in one:
                rows.append([steps, name, one["failed"], *[""] * 5])
                continue
            times = [f"{seconds:.2f} s" for seconds in (one["forward"], one["backward"], _total(one))]
            ratio = f"{_total(one) / _total(ours):.1f}"
            rows.append([steps, name, *times, ratio, memory.get(one["name"], ""), _agreement(one, ours)])
    header = [
        "steps",
        "method",
        "training",
        "then to the gradient",
        "both",
        "over gansift",
        "memory",
        "largest difference",
    ]
    return _table(header, rows)


def _agreement(one: dict[str, Any], ours: dict[str, Any]) -> str:
    """Relative to the largest entry; where another optimizer was used, the correlation."""
    if one is ours:
        return "–"
    if one["name"] == "higher":
        return f"(correlation {one['correlation']:.4f})"
    return f"{one['difference']:.0e}" if one["difference"] else "0"


def _memory(one: dict[str, Any]) -> str:
    return "" if "failed" in one else f"{one['peak_after'] - one['peak_before']:.0f} MiB"


def absent(results: Results) -> str:
    """Peers that gave no numbers, and why."""
    lines = [f"- {name}: {reason}" for name, reason in results["missing"].items()]
    for seed in results["two_players"]:
        lines += [
            f"- {one['name']}, seed {seed['seed']}: {one['failed']}" for one in seed["methods"] if "failed" in one
        ]
    return "\n".join([*lines, *(f"- {name}: {reason}" for name, reason in ABSENT.items())])


def _names(seeds: Sequence[dict[str, Any]]) -> list[str]:
    """All methods with scores: gansift's own by their agreement, then the peers by theirs."""
    packages = {one["name"]: one["package"] for seed in seeds for one in seed["methods"] if "failed" not in one}

    def order(name: str) -> tuple[bool, float]:
        return packages[name] != "gansift", -_mean([one["kendall"] for one in _by_seed(seeds, name)])

    return sorted(packages, key=order)


def _peers(seeds: Sequence[dict[str, Any]]) -> list[str]:
    return [name for name in _names(seeds) if _by_seed(seeds, name)[0]["package"] != "gansift"]


def _by_seed(seeds: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for seed in seeds for one in seed["methods"] if one["name"] == name and "failed" not in one]


def _total(one: dict[str, Any]) -> float:
    return one["forward"] + one["backward"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean and, of several, the lowest and highest."""
    mean = _number(_mean(values), digits)
    if len(values) == 1:
        return mean
    return f"{mean} [{_number(min(values), digits)}, {_number(max(values), digits)}]"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
