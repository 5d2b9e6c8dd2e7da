"""A person's own game, metrics and features, tried once before anything is trained."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansift import systems
from gansift.catalogue import SAMPLE_METRICS
from gansift.errors import UsageError, foreign
from gansift.games import Draw, Trained
from gansift.influence.doctor.judging import ROWS, features_faults, metric_faults
from gansift.metrics.features import features_name
from gansift.metrics.imagenet import is_imagenet
from gansift.named import is_named, source_file
from gansift.systems.judges import FITTED, features_of
from gansift.training.checks import check_game
from gansift.training.reach import ones
from gansift.training.state import PARAMETERS, readout
from gansift.training.step import Step
from gansift.training.train import settings_for
from gansift.workflow.place import Place
from gansift.workflow.plan import metric_key


def try_own(place: Place, metrics: Sequence[str], *, gradient: bool) -> None:
    """Try what a person wrote; what is built in has tests.

    Args:
        place: of the run.
        metrics: that are asked about, as ``--metric`` takes them.
        gradient: whether metrics are differentiated.

    Raises:
        UsageError: naming what is wrong with the game, a metric or the features, and the line of it.
        TrainingError: for a game that training refuses.
    """
    config = place.config
    if config.game not in systems.SYSTEMS:
        _try_game(place, differentiated=gradient and any(name in SAMPLE_METRICS for name in metrics))
    if is_named(config.features) or not (config.features in FITTED or is_imagenet(config.features)):
        _try_features(place)
    for name in metrics:
        if is_named(name) and name not in place.system.metrics:
            metric = place.judges(metric_key(config, name)).validation
            runs = [_untrained(_step(place, dtype)) for dtype in (config.dtype, "float64")]
            _refuse(f"--metric {name}", metric_faults(metric, runs[0], runs[1], gradient=gradient))


def _step(place: Place, dtype: str) -> Step:
    game, settings = place.game(0), place.training | {"dtype": dtype}
    return Step(game, place.train, settings_for(game, place.train, steps=place.config.steps, seed=0, **settings))


def _untrained(step: Step) -> Trained:
    return Trained(step.game, readout(step.initial()), torch.ones(len(step.ids), dtype=step.dtype))


def _try_game(place: Place, *, differentiated: bool) -> None:
    """Compute every loss once, check that training takes the game, and ask it for samples if it has any."""
    name, step = place.config.game, _step(place, place.config.dtype)
    parameters = {player: slots[PARAMETERS] for player, slots in step.initial().items()}
    rows = step.rows(0, 0)
    for player in step.game.players:
        loss = partial(step.loss, 0, player, 0, rows, parameters, ones(step, rows))
        _tried(name, f"{player}_loss", loss)
    _tried(name, "the check", lambda: check_game(step, torch.ones(len(step.ids), dtype=step.dtype)))
    if step.game.offers("sample"):
        _refuse(f"--game {name}", _sample_faults(name, place, _untrained(step), differentiated))


def _sample_faults(name: str, place: Place, trained: Trained, differentiated: bool) -> list[str]:
    leaves = {player: flat.detach().requires_grad_() for player, flat in trained.parameters.items()}

    def samples() -> Any:
        draw = Draw(0, "try", dtype=trained.dtype, device=trained.device)
        return _tried(name, "sample", lambda: trained.sample(ROWS, draw, leaves))

    first, again = samples(), samples()
    shapes = {part.shape for part in place.train.values()}
    if not isinstance(first, Tensor) or len(first) != ROWS or tuple(first.shape[1:]) not in shapes:
        found = tuple(first.shape) if isinstance(first, Tensor) else type(first).__name__
        wanted = " or ".join(str((ROWS, *shape)) for shape in shapes)
        return [f"its sample(net, {ROWS}, draw) gave {found}, where examples would be {wanted}"]
    if not torch.equal(first, again):
        return [
            "its samples are others for the same draw: sample takes random numbers from elsewhere, or keeps something "
            "between calls. Take all random numbers from draw (draw.normal)"
        ]
    if differentiated and not first.requires_grad:
        return [
            "its samples are cut off from the parameters, so that no metric of samples can be differentiated: leave "
            ".detach(), torch.no_grad() and rounding out of sample"
        ]
    return []


def _try_features(place: Place) -> None:
    if len(place.data) != 1:
        return
    splits = place.data.only
    function = features_of(splits, place.config.features)
    _refuse(
        f"--features {place.config.features}", features_faults(function, splits.valid.x[:ROWS], features_name(function))
    )


def _refuse(what: str, faults: Sequence[str]) -> None:
    if faults:
        found = "; ".join(fault.rstrip(".") for fault in faults)
        raise UsageError(f"{what} was tried before anything is trained: {found}.")


def _tried(game: str, what: str, call: Callable[[], Any]) -> Any:
    """What a person's code returns; whatever it raises is said with the line of their file."""

    def said(error: Exception) -> str:
        return (
            f"--game {game}: {what} failed when it was tried before anything is trained: {type(error).__name__}: "
            f"{error}{_line(game, error)}"
        )

    with foreign(said):
        return call()


def _line(spec: str, error: BaseException) -> str:
    path = source_file(spec)
    frames = [] if path is None else traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is not None and Path(frame.filename).absolute() == path.absolute()]
    return f" ({own[-1].filename}, line {own[-1].lineno}: {own[-1].line})" if own else ""
