"""Recorded states: kept in memory, or one safetensors file each under a run's ``checkpoints/``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gansift.errors import ReplayError, TrainingError
from gansift.files import write_bytes
from gansift.training.checksums import Checksums
from gansift.training.memory import state_bytes
from gansift.training.shards import Shards
from gansift.training.state import Gradients, State, checksum

_log = logging.getLogger(__name__)


class Checkpoints(Protocol):
    """A store of states by step number; number t holds the state before step t."""

    def save(self, number: int, state: State, gradients: Gradients | None = None) -> None:
        """Keep a state, and in memory also the gradients of the step that led to it, where they are given."""

    def gradients(self, number: int) -> Gradients | None:
        """The gradients of the step that led to a state, if they were kept."""

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring a state back."""

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending."""

    def held(self, size: int) -> int:
        """Bytes of memory that the kept states take, each of ``size``."""


class MemoryCheckpoints:
    """States in memory. They are never changed in place, so no copy is made."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}
        self._gradients: dict[int, Gradients] = {}

    def save(self, number: int, state: State, gradients: Gradients | None = None) -> None:
        """Keep a state, and the gradients of the step that led to it, where they are given."""
        self._states[number] = state
        if gradients is not None:
            self._gradients[number] = gradients

    def gradients(self, number: int) -> Gradients | None:
        """The gradients of the step that led to a state, if they were kept."""
        return self._gradients.get(number)

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring a state back, where it was computed."""
        return self._states[number]

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending."""
        return sorted(self._states)

    def held(self, size: int) -> int:
        """Bytes of memory that the kept states take, each of ``size``, and the gradients."""
        moves = [move for gradients in self._gradients.values() for move in gradients]
        return size * len(self._states) + sum(state_bytes({"": move}) for move in moves)


class DiskCheckpoints:
    """States in ``folder/step-<number>.safetensors``, each with the checksum of its bits.

    The checksums are also written down in ``folder/checksums.txt``, so that a file that is damaged or gone is missed,
    and its state, once computed again, known to be the same. Keys are ``<player>/<slot>``; nothing is ever pickled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checksums = Checksums(folder / "checksums.txt")

    @cached_property
    def _kept(self) -> set[int]:
        there = {int(path.stem.removeprefix("step-")) for path in self.folder.glob("step-*.safetensors")}
        return there | self._checksums.known.keys()

    def path(self, number: int) -> Path:
        """The file of a state."""
        return self.folder / f"step-{number:08d}.safetensors"

    def save(self, number: int, state: State, gradients: Gradients | None = None) -> None:
        """Keep a state; written whole or not at all. Gradients are not written.

        Raises:
            ReplayError: if another state was kept under this number before.
            GansiftError: if it cannot be written.
        """
        found = checksum(state)
        if self._checksums.known.get(number, found) != found:
            raise ReplayError(
                f"computing the state before step {number} again did not give the one that was recorded in "
                f"{self.folder}. The run was recorded with other code, another number of threads or another device; "
                f"delete {self.folder.parent} to train it again here."
            )
        self._checksums.add(number, found)
        tensors = {
            f"{player}/{slot}": value.detach().cpu().contiguous()
            for player, slots in state.items()
            for slot, value in slots.items()
        }
        write_bytes(self.path(number), save(tensors, metadata={"checksum": found}))
        self._kept.add(number)

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring a state back.

        Raises:
            TrainingError: naming the file, if it is missing, damaged, or does not match its checksum.
        """
        path = self.path(number)
        state: State = {}
        try:
            with safe_open(path, framework="pt") as file:
                written = (file.metadata() or {}).get("checksum")
                for key in file.keys():  # noqa: SIM118 - not a dictionary
                    player, slot = key.split("/")
                    # Cloned into memory that torch aligns: the matrix products' last bits depend on the alignment.
                    state.setdefault(player, {})[slot] = file.get_tensor(key).clone().to(device)
        except FileNotFoundError as error:
            raise TrainingError(f"the checkpoint {path} is missing") from error
        except (OSError, SafetensorError, ValueError) as error:
            raise TrainingError(f"the checkpoint {path} is damaged: {error}") from error
        if not checksum(state) == written == self._checksums.known.get(number, written):
            raise TrainingError(f"the checkpoint {path} is damaged: it does not match its checksum")
        return state

    def gradients(self, number: int) -> None:
        """None: they are not written."""

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending; also of those whose file is damaged or gone."""
        return sorted(self._kept)

    def held(self, size: int) -> int:
        """None: they are on disk."""
        return 0


class SharedCheckpoints:
    """States on disk of a run in several processes: the first one writes, the others wait for it.

    Args:
        folder: on a disk that all processes see.
        shards: tell the processes apart.
    """

    def __init__(self, folder: Path, shards: Shards) -> None:
        self._store = DiskCheckpoints(folder)
        self._shards = shards

    def save(self, number: int, state: State, gradients: Gradients | None = None) -> None:
        """Keep a state; every process returns once it is there."""
        if self._shards.writes:
            self._store.save(number, state)
        self._shards.wait()
        if not self._shards.writes:  # what it has read of the folder before is out of date
            self._store = DiskCheckpoints(self._store.folder)

    def load(self, number: int, device: str = "cpu") -> State:
        """See `DiskCheckpoints.load`."""
        return self._store.load(number, device)

    def gradients(self, number: int) -> None:
        """None: they are not written."""

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending; the same in every process."""
        self._shards.wait()
        numbers = self._store.numbers()
        self._shards.wait()
        return numbers

    def held(self, size: int) -> int:
        """None: they are on disk."""
        return self._store.held(size)


def last_kept(
    store: Checkpoints, start: int, number: int, initial: Callable[[], State], device: str
) -> tuple[int, State]:
    """The last kept state that can be read, from ``start`` to before step ``number``, with its own number.

    What cannot be read on the way there is named in the log, and passed over: the state before it leads there again.
    Where there is none, the ``initial`` one before step ``start`` is kept.
    """
    for known in reversed(store.numbers()):
        if start <= known <= number:
            try:
                return known, store.load(known, device)
            except TrainingError as error:
                _log.warning("%s; it is computed again", error)
    store.save(start, initial())
    return start, store.load(start, device)
