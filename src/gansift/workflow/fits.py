"""Whether a run fits this machine: judged at once from the sizes of its states, before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gansift.errors import UsageError
from gansift.files import in_words
from gansift.workflow.config import Config
from gansift.workflow.cost import ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import at_once, to_do
from gansift.workflow.machine import available_memory, free_disk
from gansift.workflow.pipelines import jobs_until
from gansift.workflow.place import Place
from gansift.workflow.plan import Plan
from gansift.workflow.states import Sizes, room, sizes


def check_fits(directory: RunDirectory, plan: Plan, place: Place, last: str) -> None:
    """Refuse what is certain not to fit: the checkpoints to the disk, or the states of all jobs to the memory.

    Only what is left to do up to the stage ``last`` counts, and of that only states: what a step takes to compute is
    left out, so that nothing is refused that would fit. `gansift estimate` measures the rest.

    Raises:
        UsageError: saying how much is needed and there, and what to change.
    """
    config = replace(plan.config, jobs=at_once(plan, last))
    of_states = sizes(place)
    left = to_do(directory, plan, jobs_until(plan, last))
    needed, free = disk_needed(of_states, left), free_disk(directory.root)
    if needed > free:
        raise UsageError(
            f"the checkpoints need {in_words(needed)} of disk, and {in_words(free)} are free at {directory.root}. "
            "Choose another --outdir, or train fewer --steps or --seeds or a smaller network (--width)."
        )
    on_this_machine = config.device == "cpu" and config.cluster_address is None
    available = available_memory() if on_this_machine else None

    def memory(tried: Config) -> int:
        return memory_needed(tried, of_states, left)

    if available is not None and memory(config) > available:
        raise UsageError(
            f"the training states that all jobs hold together need {in_words(memory(config))} of memory, and "
            f"{in_words(available)} are available. {_advice(config, memory, available)}"
        )


def _advice(config: Config, memory: Callable[[Config], int], available: int) -> str:
    """What makes the states fit, the least change first; what else takes less."""
    for jobs in range(config.job_count - 1, 0, -1):
        if memory(replace(config, jobs=jobs)) <= available:
            return f"They fit with --jobs {jobs}. A smaller --memory, --width, --batch or fewer --steps take less, too."
    # Half of what there is: the rest is for what a step takes to compute.
    allowed = in_words(available // 2).replace(" ", "")
    if memory(replace(config, memory=f"{available // 2}")) <= available:
        return f"They fit with --memory {allowed}: scoring then repeats some steps, to the same result."
    return "Take less: --jobs 1, a small --memory, smaller networks (--width) and batches (--batch), fewer --steps."


def disk_needed(of_states: Sizes, left: Sequence[ToDo]) -> int:
    """Bytes of the checkpoints that are still to be written."""
    return sum(job.cost.saved for job in left) * of_states.state


def memory_needed(config: Config, of_states: Sizes, left: Sequence[ToDo]) -> int:
    """Bytes of the states that jobs hold at the same time at the least, at the stage that holds most of them."""
    allowed, held = room(config, of_states.record), dict[str, list[int]]()
    for job in left:
        held.setdefault(job.stage, []).append(job.cost.held(config.steps, allowed, of_states))
    return max((_at_the_same_time(of_stage, config.job_count) for of_stage in held.values()), default=0)


def _at_the_same_time(held: Sequence[int], jobs: int) -> int:
    """What as many pieces of work hold as there are jobs for: the largest, whichever others go on beside it."""
    return max(held) + (min(jobs, len(held)) - 1) * min(held)
