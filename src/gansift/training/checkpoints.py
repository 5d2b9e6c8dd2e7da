"""Recorded states: kept in memory, or one safetensors file each under a run's ``checkpoints/``."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gansift.errors import TrainingError
from gansift.files import write_bytes
from gansift.training.shards import Shards
from gansift.training.state import State, checksum


class Checkpoints(Protocol):
    """A store of states by step number; number t holds the state before step t."""

    def save(self, number: int, state: State) -> None:
        """Keep a state."""

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

    def save(self, number: int, state: State) -> None:
        """Keep a state."""
        self._states[number] = state

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring a state back, where it was computed."""
        return self._states[number]

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending."""
        return sorted(self._states)

    def held(self, size: int) -> int:
        """Bytes of memory that the kept states take, each of ``size``."""
        return size * len(self._states)


class DiskCheckpoints:
    """States in ``folder/step-<number>.safetensors``, each with the checksum of its bits.

    Keys are ``<player>/<slot>``; nothing is ever pickled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        """The file of a state."""
        return self.folder / f"step-{number:08d}.safetensors"

    def save(self, number: int, state: State) -> None:
        """Keep a state; written whole or not at all."""
        tensors = {
            f"{player}/{slot}": value.detach().cpu().contiguous()
            for player, slots in state.items()
            for slot, value in slots.items()
        }
        write_bytes(self.path(number), save(tensors, metadata={"checksum": checksum(state)}))

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring a state back.

        Raises:
            TrainingError: naming the file, if it is missing, damaged, or does not match its checksum.
        """
        path = self.path(number)
        state: State = {}
        try:
            with safe_open(path, framework="pt", device=device) as file:
                expected = (file.metadata() or {}).get("checksum")
                for key in file.keys():  # noqa: SIM118 - not a dictionary
                    player, slot = key.split("/")
                    # Cloned into memory that torch aligns: the matrix products' last bits depend on the alignment.
                    state.setdefault(player, {})[slot] = file.get_tensor(key).clone()
        except (OSError, SafetensorError, ValueError) as error:
            raise TrainingError(f"the checkpoint {path} cannot be read: {error}. Delete it to recompute it.") from error
        if checksum(state) != expected:
            raise TrainingError(f"the checkpoint {path} does not match its checksum. Delete it to recompute it.")
        return state

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending."""
        return sorted(int(path.stem.removeprefix("step-")) for path in self.folder.glob("step-*.safetensors"))

    def held(self, size: int) -> int:
        """None: they are on disk."""
        return 0


class SharedCheckpoints:
    """States on disk of a run in several processes: the first one writes, the others wait for it.

    Args:
        store: on a disk that all processes see.
        shards: tell the processes apart.
    """

    def __init__(self, store: DiskCheckpoints, shards: Shards) -> None:
        self._store = store
        self._shards = shards

    def save(self, number: int, state: State) -> None:
        """Keep a state; every process returns once it is there."""
        if self._shards.writes:
            self._store.save(number, state)
        self._shards.wait()

    def load(self, number: int, device: str = "cpu") -> State:
        """See `DiskCheckpoints.load`."""
        return self._store.load(number, device)

    def numbers(self) -> list[int]:
        """Numbers of the kept states, ascending; the same in every process."""
        self._shards.wait()
        numbers = self._store.numbers()
        self._shards.wait()
        return numbers

    def held(self, size: int) -> int:
        """None: they are on disk."""
        return self._store.held(size)
