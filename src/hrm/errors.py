"""The mistakes that a user can make, each with the exit code that the command line returns for it.

The message of every one of them says what was wrong, what was given, what is allowed and what to do, in one
line: the command line prints it and nothing else.
"""


class HrmError(Exception):
    """Something that the user can mend; anything else that is raised is our own bug."""

    exit_code = 1


class UsageError(HrmError):
    """A command, name, key or value that does not exist or is out of range."""

    exit_code = 2


class DivergedError(HrmError):
    """Training produced a number that is not finite."""

    exit_code = 3


class DataError(HrmError):
    """A puzzle, store or checkpoint that cannot be what it should be."""

    exit_code = 4


class UndecidedError(DataError):
    """An exact search gave up before it could tell how many solutions a puzzle has."""


class UnsolvedError(HrmError):
    """The model has found no answer that keeps the rules of the puzzle."""

    exit_code = 5


def did_you_mean(given: str, allowed: list[str]) -> str:
    """Return ``" Did you mean 'x'?"``, or an empty string where nothing is near."""
    import difflib

    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
