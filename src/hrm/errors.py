"""The mistakes that a user can make, each with the exit code that the command line returns for it.

The message of every one of them says what was wrong, what was given, what is allowed and what to do, in one
line: the command line prints it and nothing else. What was given may hold anything; ``str`` of an error spells out
what a terminal would act on.
"""

import unicodedata
from collections.abc import Iterable
from os.path import commonprefix


class HrmError(Exception):
    """Something that the user can mend; anything else that is raised is our own bug."""

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


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


def printable(text: str, keep: str = "\n\t") -> str:
    """Return text with what cannot be seen spelled out as Python does: escapes, controls, marks that turn the text.

    Args:
        keep: characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(char if _is_seen(char) or char in keep else _spelled(char) for char in text)


def one_line(text: str) -> str:
    """Return text in one line, with every character that cannot be seen spelled out, line ends, too."""
    return printable(text, keep="")


def _is_seen(char: str) -> bool:
    """Say whether a character is visible or a space, or joins two that are, as in emoji and some scripts."""
    return char.isprintable() or char in "\u200c\u200d" or unicodedata.category(char) == "Zs"


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def nearest(given: str, allowed: Iterable[str]) -> list[str]:
    """Return the one name that is most like what was given, or up to three that are equally like it, or none.

    A name that is one typo away is always among them: of two letters, that is half of the name.
    """
    from difflib import SequenceMatcher, get_close_matches

    names = list(allowed)
    near = get_close_matches(given, names, n=3, cutoff=0.5)
    likeness = [SequenceMatcher(None, name, given).ratio() for name in near]
    likest = [name for name, ratio in zip(near, likeness, strict=True) if ratio == likeness[0]]
    return list(dict.fromkeys([*likest, *(name for name in names if _one_typo_apart(given, name))]))[:3]


def _one_typo_apart(given: str, name: str) -> bool:
    """Say whether one letter was dropped, added, replaced, or swapped with the next."""
    same = len(commonprefix([given, name]))
    ours, theirs = given[same:], name[same:]
    swapped = ours[:2] == theirs[1::-1] and ours[2:] == theirs[2:]
    return min(len(given), len(name)) > 1 and (swapped or theirs[1:] in (ours, ours[1:]) or ours[1:] == theirs)


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"``, or an empty string where nothing is near."""
    near = nearest(given, allowed)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
