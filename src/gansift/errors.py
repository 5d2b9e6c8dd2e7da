"""Errors whose message is written for the person at the keyboard: what went wrong, where, and what to do."""


class GansiftError(Exception):
    """Anything the user can mend. The command line prints the message alone and exits with 1."""


class DataError(GansiftError):
    """A source of examples that cannot be read or does not fit its use."""


class TrainingError(GansiftError):
    """Training that cannot start, go on, or be resumed."""


class ReplayError(GansiftError):
    """A replayed state that differs from the recorded one."""


class UsageError(GansiftError):
    """Arguments that contradict one another; the command line exits with 2."""
