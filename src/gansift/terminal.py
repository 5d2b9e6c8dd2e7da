"""How results read on a terminal: each function turns one result into lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gansift.files import in_words

_MARKS = {"ok": "ok     ", "warning": "WARNING", "fault": "FAULT  "}


def findings_text(findings: Sequence[Mapping[str, str]]) -> str:
    """What the doctor found, a line each."""
    return "\n".join(
        f"{_MARKS[one['verdict']]} {one['check']:13} {one['where']} {one['message']} {one['remedy']}".rstrip()
        for one in findings
    )


def estimate_text(found: Mapping[str, Any]) -> str:
    """What a run takes, stage by stage."""
    lines = [f"{'':8}{'time':>10}{'work':>10}{'job':>12}{'memory':>12}{'disk':>12}"]
    for row in (*found["stages"], found["total"]):
        times = "".join(f"{_clock(row[name]):>10}" for name in ("seconds", "work"))
        amounts = "".join(f"{in_words(row[name]):>12}" for name in ("memory_job", "memory", "disk"))
        lines.append(f"{row['stage']:8}{times}{amounts}")
    jobs, available = found["jobs"], found["available"]
    memory = "" if available["memory"] is None else f"{in_words(available['memory'])} of memory and "
    lines.append(
        f"{jobs} job{'s' if jobs > 1 else ''} at a time. Available here: {memory}{in_words(available['disk'])} of disk."
    )
    if not found["fits"]:
        lines.append("It does not fit: fewer --jobs, a smaller --memory, --batch, --width or --steps take less.")
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def plan_text(plan: Mapping[str, Any]) -> str:
    """What a run would do, as ``--dry-run`` shows it."""
    settings = plan["settings"]
    several = len(plan["examples"]) > 1
    names = {name: f"{name} = {of['name']}" if several else of["name"] for name, of in plan["examples"].items()}
    counts = "; ".join(_counts(names[name], of) for name, of in plan["examples"].items())
    epochs = ", ".join(_horizon(horizon, plan["epoch"]) for horizon in plan["horizons"])
    removals = ", ".join(f"{count:,}" for count in plan["removals"])
    lines = [
        f"Data      {counts}",
        f"System    {settings['game']}: {settings['steps']:,} steps of training",
        *_question(settings, epochs, removals),
        *(f"Left out  {path}: {reason}" for path, reason in plan["skipped"]),
        "",
        "Settings that this run would have; give any of them as a flag:",
        *_settings(settings["system"]),
        *_settings({name: value for name, value in settings.items() if name not in _NO_FLAGS}),
        "Nothing was done.",
    ]
    return "\n".join(lines)


def _horizon(steps: int, epoch: float) -> str:
    """Epochs first: that is how horizons are given."""
    epochs = f"{steps / epoch:.3g}"
    return f"{epochs} epoch{'' if epochs == '1' else 's'} ({steps:,} steps)"


def _question(settings: Mapping[str, Any], epochs: str, removals: str) -> list[str]:
    if settings["for_this_model"]:
        return [
            f"Question  what improves {settings['metric']} of this very model; horizons {epochs}; numbers to remove "
            f"{removals}; {settings['seeds']} training seeds",
        ]
    return [
        f"Question  what improves {settings['metric']} of new models; numbers to remove {removals}",
        f"Trainings {settings['scoring_seeds']} scored, {settings['choosing_seeds']} fresh ones choose, "
        f"{settings['judging_seeds']} further ones judge",
    ]


def _counts(name: str, of: Mapping[str, Any]) -> str:
    return f"{name}: {of['train']:,} training, {of['validation']:,} validation, {of['test']:,} test examples"


_NO_FLAGS = ("sources", "game", "system", "files")


def _settings(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"  --{name.replace('_', '-'):18} {_setting(value)}" for name, value in settings.items() if value is not None
    ]


def _setting(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def verification_text(found: Mapping[str, Any], chance: bool) -> str:
    """Scores beside retraining, and what the exit code says of them.

    Args:
        found: an entry of ``verification`` in ``report.json``.
        chance: whether the ranking may be chance.
    """
    several = f"without {found['removed']} random examples"
    what = "leaving one example out" if found["kind"] == "leave-one-out" else several
    seeds = "one seed" if found["seeds"] == 1 else f"mean over {found['seeds']} seeds"
    epochs = f"{found['horizon']} steps ({found['epochs']:g} epochs)"
    lines = [f"{found['estimator']}: {found['count']} retrainings of the last {epochs} {what}, {seeds}"]
    for name in ("spearman", "kendall", "pearson", "slope", "jaccard", "ceiling"):
        statistic = found[name]
        if statistic is not None and statistic["value"] is not None:
            ends = statistic["ci95"]
            interval = "" if ends is None else f"  95 % interval {ends[0]:.3f} to {ends[1]:.3f}"
            lines.append(f"{name:9} {statistic['value']:7.3f}{interval}")
    if chance:
        lines.append(_why_chance(found))
    return "\n".join(lines)


def _why_chance(found: Mapping[str, Any]) -> str:
    for name, what in (
        ("predicted", "the scores predict the same change for"),
        ("true", "the metric does the same in"),
    ):
        if len(set(found[name])) == 1:
            return f"There is no ranking to compare: {what} all {found['count']} removals ({found[name][0]:g})."
    if found["spearman"]["ci95"] is None:
        return (
            f"{found['count']} removals are too few for an interval, so this may be chance; give --removals 8 or more."
        )
    return "The interval of the rank correlation reaches 0 or below, so the ranking may be chance."


def truth_text(found: Mapping[str, Any], chance: bool) -> str:
    """Scores beside a stored truth: a row for each size of removals, and what the exit code says of them.

    Args:
        found: what `gansift verify --json` prints of a truth.
        chance: whether the ranking may be chance.
    """
    seeds = found["seeds"]
    lines = [
        f"{found['estimator']} beside the truth {found['truth']}: {found['metric']}, {found['direction']} is better, "
        f"{found['examples']} training examples, mean over {len(seeds)} seeds",
        "",
        f"{'removed':>14} {'times':>6} {'spearman, 95 % interval':>26} {'kendall':>8} {'pearson':>8} {'slope':>9} "
        f"{'ceiling':>8}  spearman with one seed alone",
    ]
    for row in found["removals"]:
        ends, value = row["spearman"]["ci95"], _number(row["spearman"])
        what = "1" if row["removed"] == 1 else f"{row['removed']} ({100 * row['share']:.2g} %)"
        interval = f"{value} [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else value
        by_seed = " ".join("-" if one is None else f"{one:.2f}" for one in row["by_seed"])
        rest = f"{_number(row['kendall']):>8} {_number(row['pearson']):>8} {_number(row['slope'], '.3g'):>9}"
        lines.append(
            f"{what:>14} {row['count']:>6} {interval:>26} {rest} {_number(row['ceiling'], '.2f'):>8}  {by_seed}"
        )
    lines += [
        "",
        "Spearman over sets is the LDS. The ceiling is what the truth of as many other seeds would show.",
    ]
    if chance:
        lines.append("No interval of the rank correlation is above 0, so the ranking may be chance.")
    return "\n".join(lines)


def _number(statistic: Mapping[str, Any] | None, form: str = ".3f") -> str:
    """The value of a statistic; a dash for one that is not defined."""
    return "-" if statistic is None or statistic["value"] is None else format(statistic["value"], form)


def values_text(values: Mapping[str, Any]) -> str:
    """The metric of every seed, untrained and trained."""
    lines = [f"{values['metric']} ({values['direction']} is better)"]
    for row in values["values"]:
        untrained, trained = row["untrained"], row["trained"]
        lines.append(
            f"seed {row['seed']}: validation {trained['validation']:.4g}, test {trained['test']:.4g} "
            f"(untrained: {untrained['validation']:.4g}, {untrained['test']:.4g})"
        )
    floor = values["floor"]
    if floor["test"] is not None:
        lines.append(f"real against real: validation {floor['validation']:.4g}, test {floor['test']:.4g}")
    return "\n".join(lines)


def result_text(result: Mapping[str, Any]) -> str:
    """The verdict of a run, the kinds that hurt most, warnings, and where the page is."""
    lines = [result["verdict"]["sentence"], *_kinds(result), *result["warnings"], f"Report: {result['report']}"]
    return "\n".join(lines)


# Kinds that are named on the terminal; the page has them all.
_KINDS = 3


def _kinds(result: Mapping[str, Any]) -> list[str]:
    """The kinds of examples that hurt, in a line; where none was measured, those that are predicted to, in another."""
    kinds = result.get("kinds", ())
    hurtful = [kind for kind in kinds if kind["advice"].startswith(("remove", "keep"))]
    if hurtful:
        return [f"Kinds that hurt: {_named(hurtful[:_KINDS])}."]
    predicted = [kind for kind in kinds if kind["advice"].startswith("try")]
    if predicted:
        return [f"Kinds that may hurt (--remove-groups tries it): {_named(predicted[:_KINDS])}."]
    return []


def _named(kinds: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{kind['name']} ({kind['count']:,}, predicted {kind['predicted']:+.3g}"
        + (")" if kind["proved"] is None else f", measured {kind['proved']:+.3g})")
        for kind in kinds
    )


def about_text(about: Mapping[str, Mapping[str, str]]) -> str:
    """What there is to choose from, by kind."""
    blocks = []
    for kind, names in about.items():
        width = max(map(len, names))
        blocks.append("\n".join([kind.capitalize(), *(f"  {name:{width}}  {text}" for name, text in names.items())]))
    return "\n\n".join(blocks)


def manual_text(name: str, manual: Mapping[str, Any]) -> str:
    """The text and the settings of a system or an audit, and the metrics of a system."""
    lines = [name, "", manual["text"]]
    if manual["settings"]:
        lines += ["", "Settings"]
        lines += [f"  {one['flag']:20} {one['help']} ({one['wanted']})" for one in manual["settings"]]
    if manual.get("metrics"):
        lines += ["", "Metrics"]
        lines += [f"  {metric:20} {text}".rstrip() for metric, text in manual["metrics"].items()]
    return "\n".join(lines)
