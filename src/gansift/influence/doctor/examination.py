"""All checks of the doctor on one game; a check that cannot be carried out is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from gansift.data.examples import Examples
from gansift.errors import GansiftError
from gansift.games.game import Game
from gansift.influence.doctor.derivatives import derivatives
from gansift.influence.doctor.finding import Finding, first_line
from gansift.influence.doctor.forward import forward_mode
from gansift.influence.doctor.mixing import mixing
from gansift.influence.doctor.modules import modules
from gansift.influence.doctor.operators import operators
from gansift.influence.doctor.replay import replay
from gansift.influence.doctor.smoothness import STRETCH, smoothness
from gansift.influence.doctor.stacking import stacking
from gansift.influence.doctor.still import copied, ones
from gansift.influence.doctor.weights import weights
from gansift.training.checks import check_game
from gansift.training.optimizers import Optimizer
from gansift.training.step import Step
from gansift.training.train import settings_for
from gansift.training.trajectory import Run

#: From a step to what was found; the step is not changed.
Check = Callable[[Step], list[Finding]]

_LONG = 10_000  # steps of a run so long that no decay of the learning rate has begun where the checks look


def examine(
    game: Game,
    data: Examples | Mapping[str, Examples],
    *,
    batch_size: int | Mapping[str, int],
    optimizers: Optimizer | Mapping[str, Optimizer],
    ema: float = 0.0,
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    renormalise: bool = False,
    quick: bool = False,
) -> list[Finding]:
    """Say everything that is wrong with a game before it is trained; nothing of it is changed.

    Args:
        game: what would be trained, also one that `training.train` refuses.
        data: the training examples, or several named sets.
        batch_size: as in `training.train`, like all that follow.
        optimizers: one for all players, or one each by name.
        ema: decay of the averaged generator.
        seed: of the run.
        dtype: ``float32`` or ``float64``; derivatives are tested in float64 in either case.
        device: where it is computed.
        renormalise: removal convention.
        quick: leave out what takes longer than a few seconds, see `examine_step`.

    Returns:
        What every check found, in the order of the checks; at least one finding each, but for `stacking` of a game that
        does not say that it is stackable.

    Raises:
        TrainingError: for arguments that do not fit.
    """
    data = {"data": data} if isinstance(data, Examples) else dict(data)
    settings = settings_for(
        game,
        data,
        steps=_LONG,
        batch_size=batch_size,
        optimizers=optimizers,
        ema=ema,
        seed=seed,
        renormalise=renormalise,
        dtype=dtype,
        device=device,
    )
    return _examined(Step(game, data, settings), quick, smoothness, game)


def examine_run(run: Run, *, quick: bool = False) -> list[Finding]:
    """Examine the game of a recorded run as `examine_step` does, and how smooth its last steps were."""
    start = max(run.start, run.steps - STRETCH)
    return _examined(run.step, quick, lambda step: smoothness(step, run.steps - start, start, run.state(start)))


def examine_step(step: Step, *, quick: bool = False) -> list[Finding]:
    """Examine the game of a pure step; the step is copied, never run.

    Args:
        step: with game, data and settings.
        quick: only whether training accepts and replay repeats it, weights, mixing, operators, stacking and the
            derivative of one step; module by module only if that is wrong. Otherwise also every module, forward mode
            and smoothness.

    Returns:
        What every check found, in the order of the checks; at least one finding each, but for `stacking` of a game that
        does not say that it is stackable.
    """
    return _examined(step, quick, smoothness)


def _examined(step: Step, quick: bool, how_smooth: Check, given: Game | None = None) -> list[Finding]:
    findings = _carried_out("training", partial(accepted, given=given), step)
    findings += _carried_out("replay", replay, step)
    findings += _carried_out("weights", weights, step)
    findings += _carried_out("mixing", mixing, step)
    findings += _carried_out("operators", operators, step)
    findings += _carried_out("stacking", stacking, step)
    of_step = _carried_out("derivatives", derivatives, step)
    findings += of_step
    if not quick or any(finding.verdict == "fault" for finding in of_step):
        findings += _carried_out("modules", modules, step)
    if not quick:
        findings += _carried_out("forward-mode", forward_mode, step)
        findings += _carried_out("smoothness", how_smooth, step)
    return findings


def accepted(step: Step, given: Game | None = None) -> list[Finding]:
    """Whether `training.train` accepts the game, and what it warns of.

    Args:
        step: with game, data and settings.
        given: the game that the step was made of, if it is known.
    """
    own = copied(step, Step)
    try:
        warnings = check_game(own, ones(own), given)
    except GansiftError as error:
        return [Finding("training", "fault", "", f"training refuses this game: {error}", "Mend what it names.")]
    if warnings:
        return [Finding("training", "warning", "", warning, _UNREACHED) for warning in warnings]
    return [Finding("training", "ok", "", "training accepts this game")]


_UNREACHED = (
    "If they are meant to be trained, use them in the player's own loss through net; leave them out of the network, or "
    "set requires_grad_(False), if not."
)


def _carried_out(name: str, check: Check, step: Step) -> list[Finding]:
    try:
        return check(step)
    except Exception as error:  # a user's loss may raise anything, and the other checks still have something to say
        return [
            Finding(
                name,
                "fault",
                "",
                f"this check could not be carried out: {type(error).__name__}: {first_line(error)}",
                "Mend what the other findings name, or else the loss or network that raises this.",
            )
        ]
