"""A batch computed in equal parts: one after the other to save memory, or by several processes at the same time.

A loss that is a mean over the batch is the mean of the losses of its parts, and so are all of its derivatives. Their
sums over processes are taken here, by hand: torch's own data parallelism cannot be differentiated twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from gansift.errors import TrainingError


@dataclass(frozen=True)
class Shard:
    """One of the equal parts of a batch."""

    index: int
    count: int

    def of(self, values: Tensor) -> Tensor:
        """Its rows of what has one row for each example of the batch."""
        length = len(values) // self.count
        return values[self.index * length : (self.index + 1) * length]


#: A batch in one piece.
WHOLE = Shard(0, 1)


@dataclass(frozen=True)
class Shards:
    """The parts of a batch that this process computes.

    Attributes:
        count: parts of a batch over all processes.
        processes: that share them; 1 for a run in a single process.

    Raises:
        TrainingError: if there are not that many processes, or their number does not divide that of the parts.
    """

    count: int = 1
    processes: int = 1

    def __post_init__(self) -> None:
        there = distributed.get_world_size() if distributed.is_initialized() else 1
        if self.processes not in (1, there):
            raise TrainingError(
                f"this run takes {self.processes} processes and there are {there}. Start it with `torchrun "
                f"--nproc-per-node {self.processes}` and call torch.distributed.init_process_group() first."
            )
        if self.count % self.processes:
            raise TrainingError(f"{self.count} parts of a batch cannot be shared by {self.processes} processes evenly")

    @property
    def own(self) -> list[Shard]:
        """The parts that this process computes."""
        each = self.count // self.processes
        first = distributed.get_rank() * each if self.processes > 1 else 0
        return [Shard(index, self.count) for index in range(first, first + each)]

    @property
    def writes(self) -> bool:
        """Whether this process writes what all of them have computed."""
        return self.processes == 1 or distributed.get_rank() == 0

    def mean(self, of_shard: Callable[[Shard], list[Tensor]]) -> list[Tensor]:
        """The mean over all parts of what ``of_shard`` gives for one; the same numbers in every process."""
        total: list[Tensor] = []
        for shard in self.own:
            values = of_shard(shard)
            total = [old + new for old, new in zip(total, values, strict=True)] if total else values
        if self.processes > 1:
            total = _sum(total)
        return total if self.count == 1 else [value / self.count for value in total]

    def first(self, value: Any) -> Any:
        """What the first process gives, in all of them."""
        if self.processes == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.processes > 1:
            distributed.barrier()


def _sum(values: list[Tensor]) -> list[Tensor]:
    """The sums over all processes, in one message."""
    flat = torch.cat([value.reshape(-1) for value in values])
    distributed.all_reduce(flat)
    pieces = flat.split([value.numel() for value in values])
    return [piece.view(value.shape) for piece, value in zip(pieces, values, strict=True)]
