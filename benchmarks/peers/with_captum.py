"""captum: TracInCP and the Arnoldi influence function, on the discriminator."""

from __future__ import annotations

# 0.9.0 exports neither Arnoldi nor the exact one from its public module.
from captum.influence._core.arnoldi_influence_function import ArnoldiInfluenceFunction
from captum.influence._core.tracincp import TracInCP
from on_discriminator import Task, losses, main
from torch import Tensor, nn
from torch.utils.data import TensorDataset

PROPONENT = "as given: positive is a proponent, which lowers the query loss, so removal raises it"


def tracin(task: Task) -> tuple[Tensor, str]:
    """Sum over checkpoints of learning rate times gradient product."""

    def load(model: nn.Module, state: dict[str, Tensor]) -> float:
        model.load_state_dict(state)
        return task.lr

    data = TensorDataset(*task.labelled(task.x))
    peer = TracInCP(task.model(), data, task.states(), load, loss_fn=losses, batch_size=len(task.x))
    return peer.influence(task.labelled(task.fakes)).sum(0), f"{len(task.checkpoints)} checkpoints"


def arnoldi(task: Task) -> tuple[Tensor, str]:
    """Influence function in the space of the leading eigenvectors of the Hessian."""

    def load(model: nn.Module, state: dict[str, Tensor]) -> float:
        model.load_state_dict(state)
        return 1.0

    data, last = TensorDataset(*task.labelled(task.x)), task.states()[-1]
    peer = ArnoldiInfluenceFunction(task.model(), data, last, load, loss_fn=losses, batch_size=len(task.x))
    return peer.influence(task.labelled(task.fakes)).sum(0), "projection, Krylov space and damping at their defaults"


if __name__ == "__main__":
    main("captum", {"captum TracInCP": (PROPONENT, tracin), "captum Arnoldi": (PROPONENT, arnoldi)})
