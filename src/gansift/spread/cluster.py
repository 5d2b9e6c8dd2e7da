"""Calls on a Ray cluster. Ray is an extra, so nothing imports this file unless a cluster is asked for."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from gansift.errors import GansiftError
from gansift.progress import Tick
from gansift.spread.executors import Call, Outcome, Workers, attempt, gathered, logged

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise GansiftError(
        "--cluster needs Ray, which is not installed here: python -m pip install 'ray[client]>=2.40'"
    ) from missing

_log = logging.getLogger(__name__)

# A ray:// address starts a server on the head for each client, by a fork beside threads of gRPC; now and then that
# process dies at once (seen with Ray 2.60), and the next one does not.
_STILLBORN = "Starting Ray client server failed"
_TRIES = 3

#: The address that starts a Ray on this machine, for as long as the command runs.
LOCAL = "local"


class Cluster:
    """Calls on the machines of a Ray cluster, which share a file system.

    Args:
        address: of the cluster.
        workers: what each call may take, and the file by which every machine is asked whether it shares the file
            system.

    Raises:
        GansiftError: if the cluster cannot be reached or has no room for a call.
    """

    def __init__(self, address: str, workers: Workers) -> None:
        self._shared = workers.shared.absolute()
        self._fingerprint = _fingerprint(self._shared)
        needed = {"CPU": workers.processors, "GPU": workers.gpus}
        _connect(address, (workers.jobs or 0) * workers.processors)
        self.size = workers.jobs or room(ray.nodes(), needed)
        if self.size == 0:
            ray.shutdown()
            raise GansiftError(
                f"no machine of the cluster {address} has room for a job of {needed['CPU']} processors and "
                f"{needed['GPU']} GPUs. Give fewer --threads, or --jobs if machines will join."
            )
        # Not on any machine of the cluster: one that loses its network would let everybody wait for it.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        counting = ray.remote(_Progress).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here)
        self._progress = counting.remote()
        # Not tried again by Ray: how often a call is begun is decided, and said, in one place.
        self._task = ray.remote(_attempt).options(
            num_cpus=needed["CPU"], num_gpus=needed["GPU"], max_retries=0, name="gansift"
        )
        self._references: dict[Future[Outcome], Any] = {}

    def submit(self, call: Call, tick: Tick) -> Future[Outcome]:
        """Hand the call to Ray."""
        reference = self._task.remote(self._shared, self._fingerprint, call, self.size, self._progress)
        future: Future[Outcome] = reference.future()
        self._references[future] = reference
        return future

    def relay(self, tick: Tick) -> None:
        """Pass on what the workers reported and logged."""
        with suppress(RayError):  # the machine that counts may be lost; the calls go on
            amount, records = ray.get(self._progress.take.remote())
            tick(amount)
            for record in records:
                logging.getLogger(record.name).handle(record)

    def died(self, error: BaseException) -> bool:
        """Whether the worker or its machine was lost, not whether the call's own code failed."""
        return isinstance(error, RayError) and not isinstance(error, RayTaskError)

    def close(self) -> None:
        """Cancel what is running, and leave the cluster; a local one ends."""
        for future, reference in self._references.items():
            if not future.done():
                ray.cancel(reference, force=True)
        ray.shutdown()


def _connect(address: str, processors: int) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR}
    if address == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray's own, which would go over the net
        quiet |= {"include_dashboard": False, "num_cpus": max(processors, os.cpu_count() or 1)}
    for left in reversed(range(_TRIES)):
        try:
            ray.init(address=address, **quiet)
            return
        except (ConnectionError, ImportError, RuntimeError, ValueError) as error:
            if left and _STILLBORN in str(error):
                _log.warning("the cluster %s did not start the server of this command; it is asked again", address)
                continue
            raise GansiftError(
                f"cannot use the Ray cluster {address}: {error}. Start one by `ray start --head` and give its "
                "ray://HOST:10001, or --cluster local for one on this machine, or --cluster none."
            ) from error


def room(nodes: Sequence[Mapping[str, Any]], needed: Mapping[str, int]) -> int:
    """How many calls fit on a cluster at the same time.

    Args:
        nodes: as `ray.nodes` describes them.
        needed: resources of one call by name.
    """
    return sum(
        min(int(node["Resources"].get(name, 0) // amount) for name, amount in needed.items() if amount)
        for node in nodes
        if node["Alive"]
    )


class _Progress:
    """Adds up the workers' progress, and keeps what they log, on the cluster."""

    def __init__(self) -> None:
        self._amount = 0.0
        self._records: list[logging.LogRecord] = []

    def add(self, amount: float) -> None:
        self._amount += amount

    def log(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    def take(self) -> tuple[float, list[logging.LogRecord]]:
        taken = self._amount, self._records
        self._amount, self._records = 0.0, []
        return taken


def _attempt(shared: Path, fingerprint: str, call: Call, size: int, progress: Any) -> Outcome:
    try:
        _check_shared(shared, fingerprint)
    except GansiftError as error:
        return Outcome(0.0, error)
    sent: list[Any] = []
    with gathered(progress.add.remote) as tick, logged(lambda record: sent.append(progress.log.remote(record))):
        outcome = attempt(call, size, tick)
    with suppress(RayError):  # what was logged is there before the call is known to have ended
        ray.get(sent)
    return outcome


@lru_cache(maxsize=1)
def _check_shared(shared: Path, fingerprint: str) -> None:
    if _fingerprint(shared) != fingerprint:
        raise GansiftError(
            f"the machine {os.uname().nodename} of the cluster does not see {shared} as this one does. All machines "
            "must share the file system of the run directory and of the data, under the same paths."
        )


def _fingerprint(shared: Path) -> str | None:
    """A hash of the shared file; None where there is none."""
    return hashlib.sha256(shared.read_bytes()).hexdigest() if shared.exists() else None
