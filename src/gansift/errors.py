"""Errors whose message is written for the person at the keyboard: what went wrong, where, and what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class GansiftError(Exception):
    """Anything the user can mend. The command line prints the message alone and exits with 1."""


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory: Python's own, or that of torch's allocators."""
    words = ("can't allocate memory", "out of memory", "Unable to allocate")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


class DataError(GansiftError):
    """A source of examples that cannot be read or does not fit its use."""


class TrainingError(GansiftError):
    """Training that cannot start, go on, or be resumed."""


class ReplayError(GansiftError):
    """A replayed state that differs from the recorded one."""


class UsageError(GansiftError):
    """Arguments that contradict one another; the command line exits with 2."""


@contextmanager
def foreign(say: Callable[[Exception], str]) -> Iterator[None]:
    """Say whatever a person's code raises as a `UsageError`, but for gansift's own errors and a lack of memory.

    Args:
        say: the message, from what was raised.
    """
    try:
        yield
    except GansiftError:
        raise
    except Exception as error:
        if is_of_memory(error):
            raise
        raise UsageError(say(error)) from error
