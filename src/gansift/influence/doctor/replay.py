"""Does a replayed step give the same bits? If not, which random numbers or which hidden state."""

from __future__ import annotations

import torch

from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.still import copied, ones
from gansift.influence.doctor.trace import trace
from gansift.training.checks import buffers, changed
from gansift.training.state import checksum
from gansift.training.step import Step

_CHECK = "replay"


def replay(step: Step) -> list[Finding]:
    """Compute step 0 twice, with another step and other random numbers in between, in the run's own precision."""
    own = copied(step, Step)
    start, weights = own.initial(), ones(own)
    before = buffers(own.game)
    with torch.random.fork_rng():
        after = own(start, 0, weights)
        torch.rand(7)
        own(after, 1, weights)
        same = checksum(own(start, 0, weights)) == checksum(after)
    findings = [
        Finding(
            _CHECK,
            "fault",
            where,
            f"its {' and '.join(names)} change with every call (running statistics? spectral norm?), which a replay "
            "cannot repeat",
            "Put that layer into eval mode, or use gansift.models.layers.LayerNorm or torch.nn.GroupNorm.",
        )
        for where, names in _by_module(own, changed(before, own.game)).items()
    ]
    if same:
        return findings or [Finding(_CHECK, "ok", "", "the same step, computed again, gives the same bits")]
    sources = {call.where: call.name for traced in trace(step).values() for call in traced.calls if call.random}
    findings += [
        Finding(
            _CHECK,
            "fault",
            where,
            f"it draws random numbers ({name}) that a replay cannot repeat: scores would belong to another training",
            "Leave it out, or take the numbers from `draw` in the loss and hand them to the network.",
        )
        for where, name in sources.items()
    ]
    if findings:
        return findings
    return [
        Finding(
            _CHECK,
            "fault",
            "",
            "the same step, computed again, gives other bits, and no module or torch function shows why",
            "Look for numpy's or Python's random numbers, values kept between calls, or threads in the losses.",
        )
    ]


def _by_module(step: Step, names: list[str]) -> dict[str, list[str]]:
    """Names of buffers, ``player.path.name``, by the module that holds them."""
    held: dict[str, list[str]] = {}
    for full in names:
        owner, _, name = full.rpartition(".")
        player, _, path = owner.partition(".")
        kind = type(step.game.players[player].get_submodule(path)).__name__
        held.setdefault(f"{owner} ({kind})", []).append(name)
    return held
