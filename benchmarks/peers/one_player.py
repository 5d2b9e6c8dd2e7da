"""Part S: the derivative of a validation loss in 256 data weights through Adam, by gansift and by its exact peers.

    python one_player.py --steps 240 --repeats 3 gansift torchopt bergson higher
    python one_player.py --steps 240 torchopt        # alone, so that the peak memory is its own

A perceptron 4-16-16-1 with softplus learns a regression in float64. All methods get the same initial parameters, the
same batches and, but for higher, the same optimizer. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor, nn

from gansift import games, influence, training
from gansift.data.examples import Examples
from gansift.games import Draw
from gansift.games.batch import weighted_mean
from gansift.games.parameters import Layout, Net
from gansift.training.order import batch_indices

COUNT, BATCH, SEED = 256, 32, 0
LR, BETAS, EPS = 5e-4, (0.5, 0.99), 1e-3  # eps^2 = 1e-6 stands in the root


@dataclass
class Result:
    """What one method found.

    Attributes:
        gradient: of the validation loss in the weights, (256,).
        forward: processor seconds of training, with whatever has to be recorded; other work on the machine, and waiting
            for the disk, do not count.
        backward: processor seconds from there to the gradient.
    """

    gradient: np.ndarray
    forward: float
    backward: float


class Perceptron(nn.Module):
    """4-16-16-1 with softplus: (B, 4) to (B,)."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(4, 16), nn.Softplus(), nn.Linear(16, 16), nn.Softplus(), nn.Linear(16, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Predictions."""
        return self.layers(x).squeeze(1)


def table(purpose: str) -> Tensor:
    """Rows of four inputs and a target, float32 (256, 5)."""
    draw = Draw(SEED, "one player", purpose, dtype=torch.float64)
    x, noise = draw.normal(COUNT, 4), draw.normal(COUNT)
    target = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * noise
    return torch.cat([x, target[:, None]], dim=1).float()


TRAIN, VALID = table("train").double(), table("valid").double()


def module() -> Perceptron:
    """The initial network, the same for all."""
    torch.manual_seed(SEED)
    return Perceptron().double()


def errors(predicted: Tensor, rows: Tensor) -> Tensor:
    """Squared errors, (B,)."""
    return (predicted - rows[:, 4]).square()


def valid_loss(call: Callable[[Tensor], Tensor]) -> Tensor:
    """What is differentiated: the mean squared error on the validation rows."""
    return errors(call(VALID[:, :4]), VALID).mean()


def batches(steps: int) -> list[Tensor]:
    """Row numbers of every batch, in gansift's order."""
    return [batch_indices(SEED, "data", number, COUNT, BATCH) for number in range(steps)]


class Regression(games.Game):
    """A game of one player."""

    def model_loss(self, net: Net, batch: games.Batch, draw: Draw) -> Tensor:
        """Weighted mean squared error."""
        return weighted_mean(errors(net.model(batch.x[:, :4]), batch.x), batch.weight)


class ValidationLoss:
    """The validation loss as a metric: its value and its gradient are all that gansift asks for."""

    name = "validation-loss"
    direction = "lower"

    def __init__(self, game: games.Game) -> None:
        self._game = game
        self._layouts = {name: Layout(player) for name, player in game.players.items()}

    def value(self, source: training.Run) -> float:
        """Of a run."""
        return float(self._loss(source.trained().parameters).detach())

    def gradient(self, source: training.Run) -> dict[str, Tensor]:
        """In the flat parameters."""
        leaf = source.trained().parameters["model"].detach().requires_grad_()
        return {"model": torch.autograd.grad(self._loss({"model": leaf}), leaf)[0]}

    def _loss(self, parameters: Mapping[str, Tensor]) -> Tensor:
        return valid_loss(Net(self._game.players, self._layouts, parameters).model)


def gansift(steps: int, outdir: str | None = None) -> Result:
    """Recorded run, one backward sweep."""
    ids = tuple(f"{row:03d}" for row in range(COUNT))
    data = Examples(ids=ids, x=TRAIN.float(), columns={}, paths=("",) * COUNT, hashes=ids)
    game = Regression(model=module())
    optimizer = training.Adam(lr=LR, betas=BETAS, eps=EPS, eps_inside=True)
    start = time.process_time()
    run = training.train(
        game, data, steps=steps, batch_size=BATCH, optimizers=optimizer, seed=SEED, dtype="float64", outdir=outdir
    )
    trained = time.process_time()
    scores = influence.itd(run, ValidationLoss(game))
    return Result(-scores.values, trained - start, time.process_time() - trained)


def gansift_on_disk(steps: int) -> Result:
    """The same with its checkpoints on disk, as bergson's are."""
    with tempfile.TemporaryDirectory() as folder:
        return gansift(steps, folder)


def torchopt(steps: int) -> Result:
    """Functional Adam with the graph of the whole run kept, and one call of autograd."""
    import torchopt

    model = module()
    parameters = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    optimizer = torchopt.adam(LR, betas=BETAS, eps=0.0, eps_root=EPS**2)
    state = optimizer.init(parameters)
    weights = torch.ones(COUNT, dtype=torch.float64, requires_grad=True)
    start = time.process_time()
    for rows in batches(steps):
        predicted = torch.func.functional_call(model, parameters, (TRAIN[rows, :4],))
        loss = (weights[rows] * errors(predicted, TRAIN[rows])).mean()
        found = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
        gradients = dict(zip(parameters, found, strict=True))
        updates, state = optimizer.update(gradients, state, params=parameters, inplace=False)
        parameters = torchopt.apply_updates(parameters, updates, inplace=False)
    trained = time.process_time()
    loss = valid_loss(lambda x: torch.func.functional_call(model, parameters, (x,)))
    (gradient,) = torch.autograd.grad(loss, weights)
    return Result(gradient.numpy(), trained - start, time.process_time() - trained)


def higher(steps: int) -> Result:
    """The inner loop of higher around torch's Adam, whose epsilon stands outside the root."""
    import higher

    model = module()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPS)
    weights = torch.ones(COUNT, dtype=torch.float64, requires_grad=True)
    start = time.process_time()
    with higher.innerloop_ctx(model, optimizer) as (functional, unrolled):
        for rows in batches(steps):
            unrolled.step((weights[rows] * errors(functional(TRAIN[rows, :4]), TRAIN[rows])).mean())
        trained = time.process_time()
        (gradient,) = torch.autograd.grad(valid_loss(functional), weights)
    return Result(gradient.numpy(), trained - start, time.process_time() - trained)


def bergson(steps: int) -> Result:
    """The trainer of bergson with root-T checkpoints on disk; the stream carries the weights."""
    os.environ["TQDM_DISABLE"] = "1"
    import torchopt
    from bergson.magic.trainer import BackwardState, Trainer
    from torchopt.pytree import tree_iter

    class Loss(nn.Module):
        """The perceptron that returns its own weighted loss, as the trainer wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = module()

        def forward(self, rows: Tensor, weight: Tensor, shift_loss_mask: Tensor) -> Tensor:
            return (weight * errors(self.model(rows[:, :4]), rows)).mean()

    class Stream:
        """Batches in order, with a weight for each example."""

        device = torch.device("cpu")

        def __init__(self) -> None:
            self.rows = batches(steps)
            self.weights = nn.Parameter(torch.ones(COUNT, dtype=torch.float64))

        def __len__(self) -> int:
            return steps

        def __getitem__(self, number: int) -> dict[str, Tensor]:
            rows = self.rows[number]
            mask = torch.ones(len(rows))  # the number of valid tokens, by which micro-batches would be rescaled
            return {"rows": TRAIN[rows], "weight": self.weights[rows], "shift_loss_mask": mask}

        @property
        def requires_grad(self) -> bool:
            return self.weights.requires_grad

        @requires_grad.setter
        def requires_grad(self, value: bool) -> None:
            self.weights.requires_grad = value

    optimizer = torchopt.adam(LR, betas=BETAS, eps=0.0, eps_root=EPS**2)
    stream, model = Stream(), module()
    trainer, state = Trainer.initialize(Loss(), optimizer)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        state = trainer.train(state, stream, save_dir=folder, save_mode="sqrt")
        trained = time.process_time()
        leaves = {name.removeprefix("model."): value.detach().requires_grad_() for name, value in state.params.items()}
        loss = valid_loss(lambda x: torch.func.functional_call(model, leaves, (x,)))
        found = torch.autograd.grad(loss, list(leaves.values()))
        nothing = [
            torch.zeros_like(part)
            for part in tree_iter(state.opt_state)
            if isinstance(part, Tensor) and part.is_floating_point()
        ]
        end = BackwardState(dict(zip(state.params, found, strict=True)), nothing, torch.zeros_like(stream.weights))
        swept = trainer.backward(folder, stream, end, state, save_mode="sqrt")
    return Result(swept.weight_grads.detach().numpy(), trained - start, time.process_time() - trained)


METHODS: dict[str, tuple[str, Callable[[int], Result]]] = {
    "gansift": ("gansift", gansift),
    "gansift-on-disk": ("gansift", gansift_on_disk),
    "torchopt": ("torchopt", torchopt),
    "bergson": ("bergson", bergson),
    "higher": ("higher", higher),
}


def peak() -> float:
    """Largest resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(name: str, steps: int, repeats: int) -> dict[str, object]:
    """Best times of one method, its gradient, and the peak memory after a first short run and after all."""
    package, method = METHODS[name]
    about: dict[str, object] = {"name": name, "version": _version(package), "steps": steps}
    try:
        method(8)  # imports and first calls are not timed
        before = peak()
        results = [method(steps) for _ in range(repeats)]
    except Exception as error:
        return about | {"failed": f"{type(error).__name__}: {error}"}
    best = min(results, key=lambda result: result.forward + result.backward)
    about |= {"forward": best.forward, "backward": best.backward, "peak_before": before, "peak_after": peak()}
    return about | {"gradient": best.gradient.tolist()}


def _version(package: str) -> str:
    if package == "gansift":
        import gansift

        return gansift.__version__
    return version(package)


def compared(rows: list[dict[str, object]]) -> None:
    """Replace gradients by their largest relative difference from, and correlation with, the first method's."""
    reference = np.array(rows[0]["gradient"])
    for row in rows:
        if "failed" not in row:
            found = np.array(row.pop("gradient"))
            row["difference"] = float(np.abs(found - reference).max() / np.abs(reference).max())
            row["correlation"] = float(np.corrcoef(found, reference)[0, 1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+", choices=list(METHODS))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # or TorchOpt corrects Adam's moments by float32 factors
    rows = [measured(name, arguments.steps, arguments.repeats) for name in arguments.methods]
    if "failed" in rows[0]:
        raise SystemExit(str(rows[0]["failed"]))
    compared(rows)
    print("\n" + json.dumps(rows))


if __name__ == "__main__":
    main()
