"""A run on a Ray cluster of two hosts: do bytes stay those of one process whatever happens to hosts and network?

    python benchmarks/two_hosts.py [--only WORDS] [--steps 1500] [--out FILE]

Makes three hosts on this Linux machine, as root: a head, a worker and a client. Each has a network of its own, joined
by a switch, and host name, processes, /dev/shm and Ray's temporary folder of its own; the folder of runs is shared by
all of them, except where that is what is tried. Head and worker have one processor each. Then one small run is done
again and again, each time with another mishap, and its files are compared byte by byte with those of one process.
Wants `ip`, `unshare` and `nsenter`, and Ray (`pip install 'ray[client]'`); takes some ten minutes.

The disk is that of this machine: a host that lost its network still reaches the shared folder, which is the hardest
case, since what was given up may go on writing. Exit code 1 if anything differs, or ends otherwise than it has to.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import command_line
from kills import results

SOURCE = "normal-1d"
FLAGS = (
    "--for-this-model",
    "--seeds", "4", "--horizons", "1,2", "--remove", "5%", "--latents", "50", "--width", "8",
    "--baselines", "density", "--verify", "6",
)  # fmt: skip
NEW_MODELS = (
    "--scoring-seeds", "3", "--choosing-seeds", "2", "--judging-seeds", "3", "--remove", "5%,10%", "--latents", "50",
    "--width", "8", "--baselines", "density", "--steps", "300",
)  # fmt: skip
_NETWORK = "10.77.0."
_SWITCH = "gansift-switch"
_RAY = (sys.executable, "-c", "from ray.scripts.scripts import main; main()")
_RAY_FOLDER = "/tmp/ray"
# Seconds after which Ray has given up a host that does not answer.
_GIVEN_UP = 75


class Host:
    """A machine of its own, as far as the kernel can make one.

    Args:
        name: of the host.
        number: the last of its address.
        runs: the folder that is shared.
    """

    def __init__(self, name: str, number: int, runs: Path, settings: dict[str, str]) -> None:
        self.name, self.address = name, f"{_NETWORK}{number}"
        self._space, self._runs = f"gansift-{name}", runs
        self._settings = os.environ | settings
        self._first: subprocess.Popen[bytes] | None = None

    def plug_in(self) -> None:
        """Give it a network, and a cable to the switch."""
        _ip("netns", "add", self._space)
        _ip("link", "add", "eth0", "netns", self._space, "type", "veth", "peer", self.name, "netns", _SWITCH)
        _ip("-n", _SWITCH, "link", "set", self.name, "master", "switch", "up")
        _ip("-n", self._space, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self._space, "link", "set", device, "up")

    def start(self, *, shared: bool = True) -> None:
        """Switch it on: its first process is there, and ends all others with itself."""
        hidden = "" if shared else f"mount -t tmpfs runs '{self._runs}' && "
        script = (
            f"hostname {self.name} && mount -t tmpfs shm /dev/shm && mount -t tmpfs ray {_RAY_FOLDER} && "
            f"{hidden}echo on && exec sleep infinity"
        )
        own = ("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._first = subprocess.Popen(
            ["ip", "netns", "exec", self._space, *own, "sh", "-c", script], stdout=subprocess.PIPE, env=self._settings
        )
        assert self._first.stdout is not None
        assert self._first.stdout.readline() == b"on\n", f"the host {self.name} did not start"

    def off(self) -> None:
        """Cut its power."""
        if self._first is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._first.wait()
            self._first = None

    def cable(self, state: str) -> None:
        """Plug its network cable in, ``up``, or pull it, ``down``."""
        _ip("-n", _SWITCH, "link", "set", self.name, state)

    def inside(self, *command: str) -> list[str]:
        """A command that does another one on this host."""
        return ["nsenter", "--target", str(self._pid), "--all", "--wd=/", *command]

    def ray(self, *arguments: str) -> None:
        """Give a command to Ray on this host."""
        done = subprocess.run(
            self.inside(*_RAY, *arguments),
            env=self._settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"ray {' '.join(arguments)} on {self.name} ended with {done.returncode}: {done.stdout}")

    def gansift(self, *arguments: str) -> subprocess.Popen[str]:
        """Start gansift on this host."""
        return subprocess.Popen(
            self.inside(sys.executable, "-m", "gansift.cli", *arguments),
            env=self._settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def at_work(self) -> bool:
        """Whether a job is done on this host."""
        return self._first is not None and any(name.startswith(b"ray::gansift") for name in self._commands())

    def _commands(self) -> Iterator[bytes]:
        own = os.readlink(f"/proc/{self._pid}/ns/pid")
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(process / "ns/pid") == own:
                    yield (process / "cmdline").read_bytes()

    @property
    def _pid(self) -> int:
        """Of its first process, as this machine sees it."""
        assert self._first is not None
        return int(Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text())


class Hosts(NamedTuple):
    """All hosts, and the folder that they share."""

    head: Host
    worker: Host
    client: Host
    runs: Path

    def begin(self, *, shared: bool = True) -> None:
        """Switch everything on, and make the cluster."""
        self.head.start()
        self.client.start()
        self.head_joins()
        self.worker_joins(shared=shared)

    def head_joins(self) -> None:
        """Start the cluster."""
        self.head.ray(
            "start", "--head", f"--node-ip-address={self.head.address}", "--port=6379", "--num-cpus=1",
            "--include-dashboard=false", "--object-store-memory=100000000", "--disable-usage-stats",
        )  # fmt: skip

    def worker_joins(self, *, shared: bool = True) -> None:
        """Switch the worker on, and let it join the cluster."""
        self.worker.off()
        self.worker.start(shared=shared)
        self.worker.ray(
            "start", f"--address={self.head.address}:6379", f"--node-ip-address={self.worker.address}", "--num-cpus=1",
            "--object-store-memory=100000000", "--disable-usage-stats",
        )  # fmt: skip

    def end(self) -> None:
        """Switch everything off."""
        for host in (self.client, self.worker, self.head):
            host.off()
            host.cable("up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def hosts(runs: Path) -> Iterator[Hosts]:
    """Three hosts, switched off, joined by a switch. Nothing is left of them in the end."""
    # A host that is part of a cluster knows its secret.
    settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_DISABLE_MEMORY_MONITOR": "1"}
    Path(_RAY_FOLDER).mkdir(exist_ok=True)
    with ExitStack() as stack:

        def space(name: str) -> None:
            stack.callback(subprocess.run, ["ip", "netns", "delete", name], capture_output=True)

        space(_SWITCH)
        _ip("netns", "add", _SWITCH)
        _ip("-n", _SWITCH, "link", "add", "switch", "type", "bridge")
        _ip("-n", _SWITCH, "link", "set", "switch", "up")
        made = [Host(name, number, runs, settings) for number, name in enumerate(("head", "worker", "client"), 1)]
        for host in made:
            space(f"gansift-{host.name}")
            host.plug_in()
        everything = Hosts(*made, runs)
        stack.callback(everything.end)
        yield everything


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    said: str
    seconds: float


class Trial:
    """One run directory on the hosts.

    Args:
        cluster: what all trials share.
        flags: of the run.
        folder: the run directory.
    """

    def __init__(self, cluster: Hosts, flags: Sequence[str], folder: Path) -> None:
        self.hosts, self.folder = cluster, folder
        self._command = ("run", SOURCE, "--outdir", str(folder), *flags)

    def do(self, where: Host, address: str, mishap: Callable[[], None] | None = None) -> Ended:
        """Do the run from a host, with a mishap once a job has got somewhere on the worker."""
        start = time.monotonic()
        process = where.gansift(*self._command, "--cluster", address)
        while mishap is not None and process.poll() is None:
            if self.hosts.worker.at_work() and len(list(self.folder.glob("seeds/*/checkpoints/step-*"))) > 8:
                mishap()
                break
            time.sleep(0.05)
        try:
            _, said = process.communicate(timeout=400)
        except subprocess.TimeoutExpired:
            process.kill()
            said = "nothing for 400 seconds"
        return Ended(process.returncode, said, time.monotonic() - start)


def undisturbed(trial: Trial) -> Ended:
    return trial.do(trial.hosts.head, "auto")


def not_shared(trial: Trial) -> Ended:
    """The worker sees a disk of its own in the place of the run directory; then it sees the right one."""
    hosts = trial.hosts
    hosts.end()
    hosts.begin(shared=False)
    refused = trial.do(hosts.head, "auto")
    if refused.code != 1 or f"the machine worker of the cluster does not see {trial.folder}" not in refused.said:
        return refused._replace(code=99)
    hosts.worker_joins()
    done = trial.do(hosts.head, "auto")
    return done._replace(said=refused.said + done.said, seconds=refused.seconds + done.seconds)


def worker_killed(trial: Trial) -> Ended:
    """The power of the worker's host goes; it is back after half a minute."""

    def mishap() -> None:
        trial.hosts.worker.off()
        time.sleep(30)
        trial.hosts.worker_joins()

    return trial.do(trial.hosts.head, "auto", mishap)


def head_killed(trial: Trial) -> Ended:
    """The power of the head's host goes, with the command and the cluster; both are started again."""
    hosts = trial.hosts
    killed = trial.do(hosts.head, "auto", hosts.head.off)
    hosts.end()
    hosts.begin()
    done = trial.do(hosts.head, "auto")
    return done._replace(said=killed.said + done.said, seconds=killed.seconds + done.seconds)


def _cut(host: Host, seconds: float) -> Callable[[], None]:
    def mishap() -> None:
        host.cable("down")
        time.sleep(seconds)
        host.cable("up")

    return mishap


def cut_shortly(trial: Trial) -> Ended:
    """The worker has no network for five seconds."""
    return trial.do(trial.hosts.head, "auto", _cut(trial.hosts.worker, 5))


def cut_long(trial: Trial) -> Ended:
    """The worker has no network until it is given up; then it joins again."""

    def mishap() -> None:
        _cut(trial.hosts.worker, _GIVEN_UP)()
        trial.hosts.worker_joins()

    return trial.do(trial.hosts.head, "auto", mishap)


def from_client(trial: Trial) -> Ended:
    """The command runs on a third host, which is no part of the cluster."""
    return trial.do(trial.hosts.client, f"ray://{trial.hosts.head.address}:10001")


def client_cut(trial: Trial) -> Ended:
    """It does, and has no network for five seconds."""
    hosts = trial.hosts
    return trial.do(hosts.client, f"ray://{hosts.head.address}:10001", _cut(hosts.client, 5))


TRIALS: dict[str, Callable[[Trial], Ended]] = {
    "two hosts, undisturbed": undisturbed,
    "the worker does not share the disk, then does": not_shared,
    "the worker's host is killed, back after 30 s": worker_killed,
    "the head's host is killed, and started again": head_killed,
    "the worker has no network for 5 s": cut_shortly,
    f"the worker has no network for {_GIVEN_UP} s": cut_long,
    "ray:// from a third host": from_client,
    "that host has no network for 5 s": client_cut,
}
COLUMNS = {
    "what": "what", "question": "question", "exit code": "code", "jobs begun again": "again",
    "files equal": "equal", "different": "different", "seconds": "seconds:.0f",
}  # fmt: skip


def main() -> None:
    """Try everything, print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--only", default="", help="trials whose name has these words")
    parser.add_argument("--steps", type=int, default=1500, help="of each training about this model")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # hosts and network are put away
    questions = {"this model": (*FLAGS, "--steps", str(given.steps)), "new models": NEW_MODELS}
    table, failed = command_line.Table(COLUMNS, given.out), False
    with tempfile.TemporaryDirectory() as temporary, hosts(Path(temporary)) as cluster:
        wholes = {}
        for question, flags in questions.items():
            folder = cluster.runs / f"whole {question}"
            command = ["run", SOURCE, "--outdir", str(folder), *flags, "--jobs", "1", "--quiet"]
            subprocess.run([sys.executable, "-m", "gansift.cli", *command], check=True, stdout=subprocess.DEVNULL)
            wholes[question] = results(folder)
        for name, trial in TRIALS.items():
            for question, flags in questions.items():
                if given.only not in name or (question == "new models" and trial not in (undisturbed, worker_killed)):
                    continue
                folder = cluster.runs / f"{trial.__name__} {question}"
                cluster.begin()
                ended = trial(Trial(cluster, flags, folder))
                cluster.end()
                found, whole = results(folder), wholes[question]
                equal = sum(whole.get(path) == content for path, content in found.items())
                row = {
                    "what": name, "question": question, "code": ended.code, "seconds": ended.seconds,
                    "again": ended.said.count("its worker died"), "equal": equal,
                    "different": len(found.keys() | whole.keys()) - equal,
                }  # fmt: skip
                table.add(row)
                if ended.code or row["different"]:
                    failed = True
                    print(ended.said, file=sys.stderr)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
