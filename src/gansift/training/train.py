"""Training with recording: from a game and its data to a trajectory, resumable after a kill."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed

from gansift.data.examples import Examples
from gansift.errors import ReplayError, TrainingError, UsageError
from gansift.files import check_folder_name
from gansift.games.batch import check_names
from gansift.games.game import Game
from gansift.lock import only_writer
from gansift.progress import watched
from gansift.training.checkpoints import Checkpoints, DiskCheckpoints, MemoryCheckpoints, SharedCheckpoints, last_kept
from gansift.training.checks import check_game
from gansift.training.claim import claim, configuration, elsewhere, keep_noise_key, noise_key, recorded_place
from gansift.training.devices import check_device
from gansift.training.memory import bytes_of, state_bytes
from gansift.training.optimizers import SGD, Optimizer
from gansift.training.order import check_batch
from gansift.training.private import private_players
from gansift.training.stacked import step_of
from gansift.training.state import PARAMETERS, State
from gansift.training.step import DTYPES, Settings, Step
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Called after every step with its number and the players' losses.
Progress = Callable[[int, dict[str, Tensor]], None]


def train(
    game: Game,
    data: Examples | Mapping[str, Examples],
    *,
    steps: int,
    batch_size: int | Mapping[str, int],
    optimizers: Optimizer | Mapping[str, Optimizer],
    ema: float = 0.0,
    seed: int = 0,
    outdir: str | Path | None = None,
    weights: Tensor | np.ndarray | Sequence[float] | None = None,
    renormalise: bool = False,
    dtype: str = "float32",
    device: str = "cpu",
    checkpoint_every: int | None = None,
    memory: int | str | None = None,
    micro_batches: int = 1,
    data_parallel: bool = False,
    compiled: bool = False,
    accept_drift: bool = False,
    progress: Progress | bool | None = None,
) -> Run:
    """Train a game and record it.

    With ``outdir`` the run is kept on disk: calling it again with the same arguments goes on where a killed run
    stopped, or returns the finished run, bit for bit as if it had never been interrupted. A finished run that was
    recorded elsewhere (on another device, say) is returned if its last steps replay here to the same bits.

    Args:
        game: what to train. A network with a method ``reset_parameters`` is initialised from ``seed``; one without,
            or with an attribute ``pretrained`` that is true, starts from the parameters that it comes with.
        data: the training examples, or several named sets.
        steps: rounds of the game's schedule.
        batch_size: examples in a batch; an epoch's remainder is dropped.
        optimizers: one for all players, or one each by name.
        ema: decay of the averaged generator, e.g. 0.98; 0 for none. Metrics read the average where there is one.
        seed: decides initial parameters, batch order and latents.
        outdir: run directory; None keeps the run in memory.
        weights: one weight per example in the order of ``data`` (several sets one after the other); default all 1.
        renormalise: removal convention: False divides a batch's loss by its size, True by its sum of weights.
        dtype: ``float32`` or ``float64``.
        device: ``cpu``, ``cuda``, ...
        checkpoint_every: steps between recorded states, 1 to keep all; default the root of ``steps``, or as many as
            fit a run in memory into half of ``memory``.
        memory: for the states that the run keeps in memory and brings back when it is scored, e.g. ``"2GiB"``; with
            less of it scoring repeats more steps, to the same bits. Default: as many as between two recorded states.
        micro_batches: equal parts in which a process computes its share of a batch, one after the other: less memory
            for large batches, in training and in the sweep. Needs losses that are means over the batch.
        data_parallel: share every batch among the processes that `torchrun` has started and
            ``torch.distributed.init_process_group`` has connected. All of them make the same calls and get the same
            results; the first one writes. Scoring such a run shares the work in the same way.
        compiled: compile what every step computes, in training and in the sweep: several times faster for small
            networks, after some seconds to minutes for the compiler. Needs a C++ compiler, and batches in one piece.
        accept_drift: also return a run of elsewhere that replays here to other bits, with a warning that says how far
            off its last steps are. What is computed from it is then that of a slightly different run.
        progress: called after every step; True shows a bar, on a terminal or in a notebook.

    Raises:
        TrainingError: for arguments that do not fit, a network that cannot be replayed or scored, NaN in training, or
            a run directory that holds another run.
        ReplayError: if a run of elsewhere replays here to other bits.
        UsageError: if the device cannot be used.
        GansiftError: if another process records into the directory, or it cannot be written to.
    """
    task = prepared(
        game,
        data,
        steps=steps,
        batch_size=batch_size,
        optimizers=optimizers,
        ema=ema,
        seed=seed,
        outdir=outdir,
        weights=weights,
        renormalise=renormalise,
        dtype=dtype,
        device=device,
        checkpoint_every=checkpoint_every,
        memory=memory,
        micro_batches=micro_batches,
        data_parallel=data_parallel,
        compiled=compiled,
        accept_drift=accept_drift,
    )
    task.examine()
    with task.claimed() as store:
        left = steps - max(store.numbers(), default=0)
        with watched(progress, f"training seed {seed}", left) as tell:
            run = record(task.step, task.weights, 0, store, task.stride, outdir=task.folder, progress=tell)
    return task.finished(run)


@dataclass
class Task:
    """A run that is to be recorded, or to be opened.

    Attributes:
        game: as it was given.
        data: the named data sets.
        step: the pure step.
        weights: one weight per example, shape (N,).
        stride: steps between kept states.
        folder: the run directory, or None for a run in memory.
        memory: bytes for states in memory, or None.
        accept_drift: whether other bits than those recorded elsewhere are accepted.
        begun: whether the run directory holds the beginning of a run.
        differing: in what the run was recorded elsewhere, known once it is `claimed`.
    """

    game: Game
    data: dict[str, Examples]
    step: Step
    weights: Tensor
    stride: int
    folder: Path | None
    memory: int | None
    accept_drift: bool
    begun: bool
    differing: list[str] = field(default_factory=list)

    def examine(self) -> None:
        """Refuse a game that cannot be replayed or scored.

        Raises:
            TrainingError: naming the player, the layer or the loss.
        """
        for warning in check_game(self.step, self.weights, self.game):
            _log.warning("%s", warning)

    def in_stack(self, size: int, place: int) -> Task:
        """The same run as a member of a stack."""
        return replace(self, step=step_of(self.game, self.data, replace(self.step.settings, stack=size, place=place)))

    @contextmanager
    def claimed(self) -> Iterator[Checkpoints]:
        """Where its states are kept; inside, no other process records into the run directory.

        Raises:
            TrainingError: if the directory holds another run, or one that was begun elsewhere.
            GansiftError: if another process records into it, or it cannot be written to.
        """
        if self.folder is None:
            yield MemoryCheckpoints()
            return
        step, states = self.step, self.folder / "checkpoints"
        # Any number of processes may open a run that is finished.
        finished = step.settings.steps in DiskCheckpoints(states).numbers()
        config = configuration(step, self.game, self.data, self.weights, self.stride)
        if step.compiled is not None and not finished:
            _compile(step, self.weights)  # before the folder is claimed: what cannot be compiled leaves nothing behind
        with only_writer(self.folder) if step.shards.writes and not finished else nullcontext():
            if step.private and not finished:
                keep_noise_key(self.folder, step.settings.noise_key)  # first, so that no run is there without one
            if step.shards.writes:
                claim(self.folder, config)
            step.shards.wait()
            self.differing = step.shards.first(elsewhere(self.folder, config) if step.shards.writes else [])
            if self.differing and not finished:
                raise TrainingError(
                    f"{self.folder} holds a run that was begun elsewhere ({', '.join(self.differing)}) and is not "
                    "finished. Go on with it there, or choose another outdir."
                )
            alone = step.shards.processes == 1
            yield DiskCheckpoints(states) if alone else SharedCheckpoints(states, step.shards)

    def finished(self, run: Run) -> Run:
        """The recorded run, as it is handed out.

        Raises:
            ReplayError: if it was recorded elsewhere and replays here to other bits.
        """
        # What was recorded here must replay to the same bits whatever is accepted.
        run = replace(run, memory=self.memory, accept_drift=self.accept_drift and bool(self.differing))
        if self.differing:
            _check_drift(run, self.differing)
        return run


def prepared(
    game: Game,
    data: Examples | Mapping[str, Examples],
    *,
    outdir: str | Path | None = None,
    weights: Tensor | np.ndarray | Sequence[float] | None = None,
    checkpoint_every: int | None = None,
    memory: int | str | None = None,
    micro_batches: int = 1,
    data_parallel: bool = False,
    accept_drift: bool = False,
    ema: float = 0.0,
    seed: int = 0,
    renormalise: bool = False,
    dtype: str = "float32",
    device: str = "cpu",
    **settings: Any,
) -> Task:
    """What `train` records with these arguments, all of them as there; nothing is computed yet.

    A run that was begun in a stack goes on as a member of one of that size, wherever it is opened.

    Raises:
        TrainingError: for arguments that do not fit.
        UsageError: if the device cannot be used.
    """
    data = {"data": data} if isinstance(data, Examples) else dict(data)
    folder = None if outdir is None else Path(outdir).absolute()
    if folder is not None:
        check_folder_name(folder)
    checked = settings_for(
        game,
        data,
        ema=ema,
        seed=seed,
        renormalise=renormalise,
        dtype=dtype,
        device=device,
        micro_batches=micro_batches,
        processes=distributed.get_world_size() if data_parallel and distributed.is_initialized() else 1,
        **settings,
    )
    if private_players(checked.optimizers):
        checked = replace(checked, noise_key=noise_key(folder))
    begun = recorded_place(folder)
    size, place = begun or (1, 0)
    step = step_of(game, data, replace(checked, stack=size, place=place))
    vector = _weights(weights, len(step.ids), step)
    budget = None if memory is None else bytes_of(memory)
    stride = checkpoint_every or _stride(step, budget if outdir is None else None)
    return Task(game, data, step, vector, stride, folder, budget, accept_drift, begun is not None)


def untrained(game: Game, data: Mapping[str, Examples], *, steps: int, seed: int, **settings: Any) -> Run:
    """A training that has not begun: it can be retrained from its start with any weights, and nothing is on disk.

    Args:
        game: as in `train`, like all that follow.
        data: the named data sets.
        steps: rounds of the game's schedule.
        seed: of the training.
        settings: ``batch_size``, ``optimizers``, ``ema``, ``renormalise``, ``dtype`` and ``device``.

    Raises:
        TrainingError, UsageError: as `train`.
    """
    chosen = settings_for(game, data, steps=steps, seed=seed, **settings)
    _refuse_private(chosen.optimizers)
    step = Step(game, data, chosen)
    return Run(step, _weights(None, len(step.ids), step), 0, MemoryCheckpoints())


def _compile(step: Step, weights: Tensor) -> None:
    """Compile every player's gradient, or say why that cannot be."""
    parameters = {name: slots[PARAMETERS] for name, slots in step.initial().items()}
    rows = step.rows(0, 0)
    for player in step.game.players:
        step.gradient(0, player, 0, rows, parameters, step.batch_weights(rows, weights))


def _check_drift(run: Run, differing: list[str]) -> None:
    """Refuse a run of elsewhere that replays here to other bits, unless that is accepted."""
    drift = run.drift()
    if not drift:
        return
    said = (
        f"{run.outdir} was recorded elsewhere ({', '.join(differing)}), and its last steps replay here to parameters "
        f"that are off by {drift:.0e} of their length"
    )
    if not run.accept_drift:
        raise ReplayError(
            f"{said}. Use it where it was recorded, or accept that (accept_drift=True, --accept-drift): scores and "
            "retraining are then those of a slightly different run."
        )
    _log.warning("%s; this was accepted", said)


def _stride(step: Step, memory: int | None) -> int:
    """Steps between recorded states: the root of all, unless so many do not fit into half of ``memory``."""
    steps = step.settings.steps
    stride = usual_stride(steps)
    if memory is None:
        return stride
    kept = memory // 2 // state_bytes(step.initial())
    if kept < 2:
        raise UsageError(
            f"{memory} bytes of memory hold no two states of this game ({state_bytes(step.initial())} bytes each) "
            "beside what scoring needs. Allow more memory, or give an outdir to keep states on disk."
        )
    return max(stride, math.ceil(steps / (kept - 1)))


def usual_stride(steps: int) -> int:
    """Steps between the states that are recorded of so many: their root."""
    return max(1, math.isqrt(steps))


def settings_for(
    game: Game,
    data: Mapping[str, Examples],
    *,
    steps: int,
    batch_size: int | Mapping[str, int],
    optimizers: Optimizer | Mapping[str, Optimizer],
    ema: float,
    seed: int,
    renormalise: bool,
    dtype: str,
    device: str,
    micro_batches: int = 1,
    processes: int = 1,
    compiled: bool = False,
) -> Settings:
    """The settings of a run, with what is given once for all data sets or players spelt out for each, and checked.

    Args:
        game: what is trained.
        data: the named data sets.
        steps: as in `train`, like all that follow.
        batch_size: one for all data sets, or one each.
        optimizers: one for all players, or one each.
        ema: decay of the averaged players.
        seed: of the run.
        renormalise: removal convention.
        dtype: ``float32`` or ``float64``.
        device: where it is computed.
        micro_batches: parts of a batch that each process computes.
        processes: that share every batch.
        compiled: whether what steps compute is compiled.

    Raises:
        TrainingError: for arguments that do not fit.
        UsageError: if the device cannot be used.
    """
    settings = Settings(
        steps=steps,
        batch_size=_each(batch_size, int, data, "batch_size", "data set"),
        optimizers=_optimizers(game, optimizers),
        ema=ema,
        seed=int(seed),
        renormalise=renormalise,
        dtype=dtype,
        device=device,
        shards=micro_batches * processes,
        processes=processes,
        compiled=compiled,
    )
    check_names(data)
    _check_settings(settings, data)
    check_device(device)
    return settings


def record(
    step: Step,
    weights: Tensor,
    start: int,
    store: Checkpoints,
    stride: int,
    *,
    initial: State | None = None,
    outdir: Path | None = None,
    progress: Progress | None = None,
    end: int | None = None,
) -> Run:
    """Run the steps from ``start`` to the end and keep the state at ``start``, every ``stride`` steps and at the end.

    Goes on from the last readable state in ``store``; later ones are recorded again, and must come out the same.

    Args:
        step: the pure step.
        weights: one weight per example, shape (N,).
        start: number of the first step.
        store: where states are kept.
        stride: steps between kept states.
        initial: the state before step ``start``; by default the seed's initial one.
        outdir: the run directory, for the returned run.
        progress: called after every step.
        end: number of steps after which to stop, as of a run that is cut short; None for all of them.

    Raises:
        TrainingError: if parameters become NaN or infinite, naming the step.
        ReplayError: if a state that was recorded before comes out otherwise.
    """
    first = step.initial if initial is None else lambda: initial
    last = step.settings.steps if end is None else end
    number, state = last_kept(store, start, last, first, step.settings.device)
    while number < last:
        _, state, losses, gradients, _ = step.trace(state, number, weights)
        number += 1
        step.check_finite(state, number, losses)
        if number == last or (number - start) % stride == 0:
            # Where all states are kept no replay will compute the gradients again.
            store.save(number, state, gradients if stride == 1 else None)
        if progress is not None:
            progress(number, losses)
    return Run(step, weights, start, store, outdir, end=end)


def redo(run: Run, weights: Tensor, horizon: int) -> Run:
    """The last steps of a run once more, from its own state there on, with other weights; kept in memory.

    Args:
        run: the recorded run.
        weights: one weight per example, shape (N,).
        horizon: how many steps.

    Raises:
        UsageError: if the run does not have that many.
        TrainingError: if parameters become NaN or infinite, naming the step.
    """
    _refuse_private(run.step.settings.optimizers)
    start = run.steps - horizon
    stride = usual_stride(horizon)
    store = MemoryCheckpoints()
    redone = record(run.step, weights, start, store, stride, initial=run.state(start), end=run.end)
    return replace(redone, memory=run.memory)


def _refuse_private(optimizers: Mapping[str, Optimizer]) -> None:
    """Refuse to train once more with the noise of a private training, which would then be no noise.

    Raises:
        TrainingError: if a player is private.
    """
    if private_players(optimizers):
        raise TrainingError(
            "a differentially private training is not repeated on other examples: its promise is of one training. "
            "Train anew without them"
        )


def _each(
    given: _T | Mapping[str, _T], kind: type[_T], names: Iterable[str], argument: str, what: str
) -> dict[str, _T]:
    """One value for every name, from a single value or one by name."""
    if isinstance(given, kind):
        return dict.fromkeys(names, given)
    assert isinstance(given, Mapping)
    missing = [name for name in names if name not in given]
    if missing:
        raise TrainingError(
            f"{argument} has nothing for the {what} {', '.join(missing)}; give one for each, or one for all"
        )
    return {name: given[name] for name in names}


def _optimizers(game: Game, given: Optimizer | Mapping[str, Optimizer]) -> dict[str, Optimizer]:
    """An optimizer for every player; memories have theirs, with which their loss is an assignment."""
    memories = {name: SGD(lr=1.0) for name in game.players if name not in game.learners}
    for name, memory in memories.items():
        if isinstance(given, Mapping) and given.get(name, memory) != memory:
            raise TrainingError(f"{name!r} is a games.Memory, which moves by SGD(lr=1); give no optimizer for it")
    own = _each(given, Optimizer, game.learners, "optimizers", "player")  # type: ignore[type-abstract]
    return {name: memories[name] if name in memories else own[name] for name in game.players}


def _check_settings(settings: Settings, data: Mapping[str, Examples]) -> None:
    for name, part in data.items():
        check_batch(settings.batch_size[name], len(part))
        if settings.shards < 1 or settings.batch_size[name] % settings.shards:
            raise TrainingError(
                f"a batch of {settings.batch_size[name]} cannot be computed in {settings.shards} equal parts "
                f"({settings.processes} processes, micro_batches={settings.shards // settings.processes}); choose a "
                "batch size that divides by it"
            )
    if settings.compiled and settings.shards > 1:
        raise TrainingError(
            "compiled needs batches in one piece; leave out micro_batches and data_parallel, or compiled"
        )
    if settings.steps < 1:
        raise TrainingError(f"steps must be at least 1, not {settings.steps}")
    if not 0 <= settings.ema < 1:
        raise TrainingError(f"ema must be in [0, 1), not {settings.ema}")
    if settings.dtype not in DTYPES:
        raise TrainingError(f"unknown dtype {settings.dtype!r}; use {' or '.join(DTYPES)}")


def _weights(weights: Any, count: int, step: Step) -> Tensor:
    if weights is None:
        return torch.ones(count, dtype=step.dtype, device=step.settings.device)
    vector = torch.as_tensor(weights).to(step.settings.device, step.dtype)
    if vector.shape != (count,):
        raise TrainingError(f"weights must have one number per training example, shape ({count},), not {vector.shape}")
    if not torch.isfinite(vector).all() or (vector < 0).any():
        raise TrainingError("weights must be finite and not negative; 1 keeps an example, 0 removes it")
    return vector
