"""dattri: TracIn, the influence function by conjugate gradients, and TRAK, on the discriminator."""

from __future__ import annotations

from functools import partial

import torch
from dattri.algorithm.influence_function import IFAttributorCG
from dattri.algorithm.tracin import TracInAttributor
from dattri.algorithm.trak import TRAKAttributor
from dattri.task import AttributionTask
from on_discriminator import DAMPINGS, RELATIVE_DAMPING, Task, losses, main, mean_eigenvalue
from torch import Tensor
from torch.nn.functional import logsigmoid
from torch.utils.data import DataLoader, TensorDataset

INNER = "as given: gradient times (inverse Hessian times) gradient, positive if training on it lowers the query loss"
OUTPUT = "as given: positive raises the target, the log-probability of real, so removal raises the query loss"


def loaders(task: Task) -> tuple[DataLoader, DataLoader]:
    """Training data as one batch, and the queries in batches of 64, to bound the memory of their products."""
    train, query = (TensorDataset(*task.labelled(x)) for x in (task.x, task.fakes))
    return DataLoader(train, batch_size=len(train), shuffle=False), DataLoader(query, batch_size=64, shuffle=False)


def attribution(task: Task, states: list[dict[str, Tensor]], logit: bool = False) -> AttributionTask:
    """The loss, or for TRAK the logit with the log-probability as target."""
    model = task.model()

    def call(parameters: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        return torch.func.functional_call(model, parameters, batch[0].reshape(-1, 2)).reshape(-1)

    def loss(parameters: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        return losses(call(parameters, batch), batch[1]).mean()

    def output(parameters: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        return call(parameters, batch).mean()

    def target(parameters: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        return logsigmoid(call(parameters, batch)).mean()

    if logit:
        return AttributionTask(loss_func=output, model=model, checkpoints=states, target_func=target)
    return AttributionTask(loss_func=loss, model=model, checkpoints=states)


def tracin(task: Task) -> tuple[Tensor, str]:
    """Sum over checkpoints of learning rate times gradient product."""
    states = task.states()
    peer = TracInAttributor(
        attribution(task, states), weight_list=torch.full((len(states),), task.lr), normalized_grad=False
    )
    peer.projector_kwargs = None  # passing None keeps a projection to 512 dimensions, more than there are parameters
    return peer.attribute(*loaders(task)).sum(1), f"{len(states)} checkpoints, no projection"


def conjugate_gradients(damping: float, task: Task) -> tuple[Tensor, str]:
    """Influence function with the Hessian of the loss on real examples."""
    train, query = loaders(task)
    peer = IFAttributorCG(attribution(task, task.states()[-1:]), regularization=damping)
    peer.cache(train)
    with torch.no_grad():  # or the graph of every product is kept for good, gigabytes a call
        return peer.attribute(train, query).sum(1), "10 iterations, its default"


def trak(task: Task) -> tuple[Tensor, str]:
    """TRAK of the last model."""
    train, query = loaders(task)
    attributed = attribution(task, task.states()[-1:], logit=True)
    model, size = task.model(), len(task.x) // 4

    def probability(parameters: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        return torch.func.functional_call(model, parameters, batch[0].reshape(-1, 2)).squeeze().sigmoid()

    peer = TRAKAttributor(
        attributed,
        correct_probability_func=probability,
        projector_kwargs={"proj_dim": size},
        regularization=RELATIVE_DAMPING
        * mean_eigenvalue(task)
        / size,  # its projection divides by the root of ``size``
    )
    peer.cache(train)
    return peer.attribute(query).sum(
        1
    ), f"1 model, {size} dimensions, damping {RELATIVE_DAMPING} of the mean eigenvalue"


if __name__ == "__main__":
    solved = {f"dattri CG, damping {damping}": (INNER, partial(conjugate_gradients, damping)) for damping in DAMPINGS}
    main("dattri", {"dattri TracIn": (INNER, tracin), **solved, "dattri TRAK": (OUTPUT, trak)})
