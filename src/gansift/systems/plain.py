"""A system around a game alone: what a person's function leaves open is filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gansift.data.examples import Splits
from gansift.games import Game
from gansift.systems.judges import conditional_metrics, sample_metrics
from gansift.systems.presets import OWN, general, preset
from gansift.systems.system import System
from gansift.training import Adam, Optimizer


def around(
    game: Callable[[], Game], made: Game, optimizers: Mapping[str, Optimizer], data: Mapping[str, Splits]
) -> System:
    """A system of a game, with the settings of the built-in networks for such data wherever it says nothing.

    Args:
        game: makes the game anew.
        made: one that it made, to see what it offers.
        optimizers: of some of its players; the others get Adam.
        data: the data sets by name. The metrics are those of samples, if there are samples and one data set.
    """
    first = next(iter(data.values()))
    usual = preset(first.train.shape, OWN)
    adam = Adam(
        betas=(0.0, usual["beta2"]),
        eps_inside=True,
        **{key: usual[key] for key in ("lr", "eps", "warmup", "decay", "final")},
    )
    metrics = sample_metrics(first) if len(data) == 1 and made.offers("sample") else {}
    if metrics and made.conditional and first.train.labels is not None:
        metrics |= conditional_metrics(first)
    defaults = general(usual) | {"baselines": _baselines(made, first)} | ({} if made.averaged else {"ema": 0.0})
    if not metrics:
        del defaults["metric"]
    return System(game, {**dict.fromkeys(made.learners, adam), **optimizers}, metrics, defaults)


def _baselines(game: Game, splits: Splits) -> str:
    """The usual baselines that need nothing which the game or the data do not have."""
    of_labels = ["own-loss"] if game.offers("predict") and splits.train.labels is not None else []
    own = ["discriminator-score"] if "discriminator" in game.players else []
    own += ["nearest-samples"] if game.offers("sample") else []
    return ",".join([*of_labels, "far-neighbours", "isolation-forest", "density", *own])
