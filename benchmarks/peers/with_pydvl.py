"""pyDVL: the influence function by a direct solve, on the discriminator. Runs in an environment of its own."""

from __future__ import annotations

from functools import partial

from on_discriminator import DAMPINGS, Task, losses, main
from pydvl.influence.torch import DirectInfluence
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

READ = "as given: query gradient times inverse Hessian times gradient, positive if removal raises the query loss"


def direct(damping: float, task: Task) -> tuple[Tensor, str]:
    """With the exact Hessian of the loss on real examples."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return losses(logits, labels).mean()

    peer = DirectInfluence(task.model(), loss, regularization=damping)
    peer = peer.fit(DataLoader(TensorDataset(*task.labelled(task.x)), batch_size=len(task.x)))
    return peer.influences(*task.labelled(task.fakes), *task.labelled(task.x)).sum(0), "full Hessian"


if __name__ == "__main__":
    main("pyDVL", {f"pyDVL direct, damping {damping}": (READ, partial(direct, damping)) for damping in DAMPINGS})
