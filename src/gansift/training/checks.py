"""What is refused before the first step: layers and losses for which removing one example would have no meaning."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.training.reach import check_outside, initial_parameters, ones, unreached
from gansift.training.shards import Shard
from gansift.training.step import Step


def check_game(step: Step, weights: Tensor, given: Game | None = None) -> list[str]:
    """Refuse a game whose steps cannot be replayed, or in which an example's weight does not govern its effect.

    Args:
        step: the pure step.
        weights: one weight per example, shape (N,).
        given: the game that the step was made of.

    Raises:
        TrainingError: naming the player, the layer or the loss, and what to do.

    Returns:
        What is allowed but probably not meant, a sentence each.
    """
    _check_players(step.game)
    if step.settings.ema and not step.game.averaged:
        raise TrainingError(
            f"ema={step.settings.ema} needs a player to average, and {type(step.game).__name__} names none. Set "
            "`averaged = (...)` on the class, or train with ema=0."
        )
    parameters = initial_parameters(step)
    rows = step.rows(0, 0)
    step.game.check(step.net(parameters), step.batch(0, 0, rows, step.batch_weights(rows, weights)))
    for player in step.game.players:
        _check_loss(step, player, rows, parameters)
        if step.shards.count > 1:
            _check_mean(step, player, rows, parameters)
        if player not in step.game.learners:
            _check_memory(step, player, rows, parameters)
    check_outside(step, given)
    return [str(found) for found in unreached(step)]


def _check_players(game: Game) -> None:
    owners: dict[int, str] = {}
    for player, module in game.players.items():
        for name, parameter in module.named_parameters():
            owner = owners.setdefault(id(parameter), player) if parameter.requires_grad else player
            if owner != player:
                raise TrainingError(
                    f"the players {owner!r} and {player!r} share the parameter {player}.{name}. Each player trains "
                    "parameters of its own, so it would become two: make the shared part a player, which the losses "
                    "of the others call through net, or give a copy (copy.deepcopy)."
                )
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise TrainingError(f"the player {player!r} has no parameter that requires a gradient")
        for name, layer in module.named_modules():
            if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0 and layer.training:
                raise TrainingError(
                    f"{player}.{name} ({type(layer).__name__}) draws random numbers that a replay cannot repeat. "
                    "Leave it out, or multiply by a mask from `draw` in the loss."
                )


def _check_loss(step: Step, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Take the last example of each data set's batch out by weight 0; what it is must then not matter to the loss."""
    before = buffers(step.game)
    first, again = (step.loss(0, player, 0, rows, parameters, ones(step, rows)).detach() for _ in range(2))
    for name in changed(before, step.game):
        raise TrainingError(
            f"{name} changes with every call (running statistics? spectral norm?), which a replay cannot repeat. "
            "Put that layer into eval mode, or use models.layers.LayerNorm or torch.nn.GroupNorm."
        )
    if not abs(float(first - again)) <= 1e-6 * (1 + abs(float(first))) and bool(first.isfinite()):
        raise TrainingError(
            f"the {player}'s loss is {float(first):.6g}, and {float(again):.6g} when it is computed again with the "
            "same parameters, examples and draw: it takes random numbers from elsewhere (functional.dropout, "
            "torch.randn, numpy or Python's random), or keeps something between calls. A replay cannot repeat that: "
            "take all random numbers from draw (draw.normal, draw.uniform, draw.permutation)."
        )
    for name, index in rows.items():
        if len(index) >= 2 and matters_without_weight(step, player, rows, parameters, name, count=1):
            raise TrainingError(
                f"the {player}'s loss depends on an example of {name!r} whose weight is 0. Either a term of it does "
                "not go through weighted_mean(values, batch.weight), or a layer mixes the examples of a batch"
                f"{_suspects(step.game)}."
            )


def _check_mean(step: Step, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Compare the loss of a whole batch with the mean over its parts; every process looks at all of them."""
    count = step.shards.count
    weights = {
        name: 1 + torch.arange(len(weight)).to(weight) / len(weight) for name, weight in ones(step, rows).items()
    }
    with torch.no_grad():
        whole = float(step.loss(0, player, 0, rows, parameters, weights))
        parts = [float(step.loss(0, player, 0, rows, parameters, weights, Shard(part, count))) for part in range(count)]
    mean = sum(parts) / count
    if not abs(whole - mean) <= 1e-4 * (abs(whole) + max(abs(part) for part in parts)):
        raise TrainingError(
            f"the {player}'s loss is not a mean over the batch: {whole:.6g} for all of it, {mean:.6g} for the mean of "
            f"{count} parts. A batch can be split only if every loss is such a mean: no layer or term that mixes "
            "generated samples, no group_mean (the weights of a group differ from part to part; where a fixed share of "
            "all examples can stand for them, weighted_mean(values * member / share, batch.weight) is such a mean), "
            "and random numbers with a row for each of len(batch) examples. Otherwise train in one process with "
            "micro_batches=1."
        )


def _check_memory(step: Step, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Tell from slopes at several places how far each number goes towards its target, also with an example removed."""
    own, draw = parameters[player], Draw("memory")
    signs = torch.where(draw.uniform(len(own)) < 0.5, 1, -1) * (0.5 + draw.uniform(len(own)))
    moves = [way * (1 + own.abs()) for way in (torch.ones_like(own), signs.to(own))]
    whole, without = ones(step, rows), ones(step, rows)
    for weight in without.values():
        weight[-1:] = 0

    def slope(at: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        at = at.detach().requires_grad_()
        value = step.loss(0, player, 0, rows, {**parameters, player: at}, weights)
        return torch.autograd.grad(value, at, allow_unused=True, materialize_grads=True)[0]

    for weights in (whole, without):
        rates = torch.stack([(slope(own + move, weights) - slope(own, weights)) / move for move in moves])
        if ((rates > -1e-3) & (rates < 1 + 1e-3) & (rates.diff(dim=0).abs() < 1e-3)).all():
            continue
        raise TrainingError(
            f"the memory {player!r} does not go to its target: its loss must be what net.{player}.towards(target, "
            f"rate) or net.{player}.write(slots, values, weight) returns, with rates within 0 and 1 (batch.raw_weight "
            "in place of batch.weight, no slot twice), and targets that do not depend on the memory itself (.detach() "
            "it there)."
        )


def matters_without_weight(
    step: Step, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor], name: str, count: int
) -> bool:
    """Whether the loss depends on what examples of weight 0 are.

    Args:
        step: the pure step.
        player: whose loss.
        rows: of the batch, by data set.
        parameters: flat parameters of every player.
        name: the data set.
        count: how many examples of it, the last of the batch, get weight 0 and are exchanged for the first one.
    """
    index, weights = rows[name], ones(step, rows)
    weights[name][len(index) - count :] = 0
    other = torch.cat([index[: len(index) - count], index[:1].expand(count)])
    losses = [
        float(step.loss(0, player, 0, {**rows, name: chosen}, parameters, weights).detach())
        for chosen in (index, other)
    ]
    return abs(losses[0] - losses[1]) > 1e-6 * (1 + abs(losses[0]))


def buffers(game: Game) -> dict[str, Tensor]:
    """Copies of every buffer of the players, by ``player.path``."""
    return {
        f"{player}.{name}": value.clone()
        for player, module in game.players.items()
        for name, value in module.named_buffers()
    }


def changed(before: Mapping[str, Tensor], game: Game) -> list[str]:
    """The buffers that are no longer what they were."""
    return [name for name, value in buffers(game).items() if not torch.equal(value, before[name])]


def _suspects(game: Game) -> str:
    found = [
        f"{player}.{name} ({type(layer).__name__})"
        for player, module in game.players.items()
        for name, layer in module.named_modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    return f": {', '.join(found)}. Use models.layers.LayerNorm or torch.nn.GroupNorm there" if found else ""
