"""Answers to a list of puzzles in a CSV file that is written while they come, and continued where it stopped.

Beside ``ANSWERS.csv`` lies ``ANSWERS.csv.json``, which says whose answers these are: the weights, the options and the
puzzles, by their hashes. Only the same ones continue a file. Every row is written before the next answer is waited for,
so that a process that is killed loses none.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hrm.data.sources.blocks import Question
from hrm.errors import HrmError, UsageError, one_line
from hrm.files import MANIFEST_BYTES, appending, open_file, read_bounded, replace_file, require_writable_file
from hrm.inference.answer import COLUMNS, STATES
from hrm.inference.rows import Row
from hrm.inference.solver import Solver

KIND, FORMAT = "hrm-answers", 1
REMEDY = "nothing was changed; repeat the command that began it, or choose another --out"
OTHERS = {"model": "of another model", "options": "by other options", "puzzles": "to other puzzles"}

Numbered = tuple[int, Question]
"""A puzzle of a list with its number, from 1; those that cannot be read are counted, too."""


class AnswerFile:
    """The file that the answers to a list go to.

    Args:
        path: a CSV file: a new one, or one that the same call began.
        solver: answers the puzzles.
        given: all puzzles of the list; those that cannot be read get no row. None: a stream, which cannot be continued.
        options: all that decides the answers, beside the model.
        abstain: withhold answers that are not verified.

    Raises:
        UsageError: the file is something else, or holds answers to other puzzles, or by another model or options.
        HrmError: it cannot be read, or not written where it lies.
    """

    def __init__(
        self, path: Path, solver: Solver, given: Sequence[Numbered] | None, options: Mapping[str, Any], abstain: bool
    ):
        """Read what the file holds, and change nothing."""
        self.path, self._abstain = path, abstain
        self._beside = path.with_name(f"{path.name}.json")
        self._owner = None if given is None else _owner(solver, given, {**options, "abstain": abstain})
        self.states: list[str] = []
        """Of the rows that the file holds, in order."""
        require_writable_file(path)
        try:
            with open_file(path) as file:
                content = file.read()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise HrmError(f"cannot read {path}: {error.strerror or error}; choose another --out") from None
        # a row without its end is one that a full disk has cut: it is written again
        self._bytes, self._whole = len(content), content.rfind(b"\n") + 1
        self._require_owner(begun=bool(content))
        self._read_rows(content[: self._whole], [each for each in given or () if each[1].tokens is not None])
        self.resumed = len(self.states)
        """Rows that the file held before."""

    @property
    def unsolved(self) -> int:
        """Rows whose answer breaks a rule."""
        return self.states.count(STATES[False])

    def add(self, row: Row) -> None:
        """Write the next row."""
        cells = row.cells(self._abstain)
        self._append(_line(cells))
        self.states.append(cells[1])

    @contextmanager
    def writing(self) -> Iterator["AnswerFile"]:
        """Hold the file, so that rows can be added."""
        with appending(self.path, self._bytes, self._whole) as self._append:
            if not self._whole:
                if self._owner is not None:
                    replace_file(self._beside, (json.dumps(self._owner, indent=2) + "\n").encode())
                self._append(_line(COLUMNS))
            yield self

    def _require_owner(self, begun: bool) -> None:
        """Refuse a file that another command wrote.

        Args:
            begun: whether the file holds anything.
        """
        if self._owner is None:
            if begun:
                raise UsageError(f"{self.path} exists, and stdin cannot be continued: choose another --out")
            return
        # what lies beside it must be ours
        try:
            beside = json.loads(read_bounded(self._beside, MANIFEST_BYTES))
        except FileNotFoundError:
            beside = {} if begun else {"kind": KIND, "format": FORMAT}
        except (OSError, ValueError, RecursionError):
            beside = {}
        if not isinstance(beside, dict) or (beside.get("kind"), beside.get("format")) != (KIND, FORMAT):
            what = self.path if begun else self._beside
            raise UsageError(f"{what} was not written by this command: nothing was changed; choose another --out")
        # and, where there are answers, of the same model, options and puzzles
        changed = [words for name, words in OTHERS.items() if beside.get(name) != self._owner[name]]
        if begun and changed:
            raise UsageError(f"{self.path} holds answers {' and '.join(changed)}: {REMEDY} ({self._beside} says whose)")

    def _read_rows(self, content: bytes, expected: Sequence[Numbered]) -> None:
        """Note the states of rows, each of which must be to the puzzle that comes next."""
        try:
            header, *found = (
                csv.reader(io.StringIO(content.decode(), newline=""), strict=True) if content else [[*COLUMNS]]
            )
        except (csv.Error, ValueError):
            header, found = [], []
        if header != [*COLUMNS] or len(found) > len(expected):
            raise UsageError(f"{self.path} does not hold the answers to these puzzles: {REMEDY}")
        for cells, (number, question) in zip(found, expected, strict=False):
            row = dict(zip(COLUMNS, cells, strict=False))
            known = len(cells) == len(COLUMNS) and row["state"] in STATES.values()
            if not known or (row["row"], row["puzzle"]) != (str(number), one_line(question.text)):
                raise UsageError(
                    f"{self.path}: row {len(self.states) + 1} is not the answer to puzzle {number}: {REMEDY}"
                )
            self.states.append(row["state"])


def rest_of(given: Iterable[Numbered], before: int) -> Iterator[Numbered]:
    """Yield the puzzles of a list that have no row yet, and those that cannot be read.

    Args:
        before: how many rows there are.
    """
    rows = 0
    for number, question in given:
        rows += question.tokens is not None
        if question.tokens is None or rows > before:
            yield number, question


def _line(cells: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _owner(solver: Solver, given: Iterable[Numbered], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what answers are of, as plain values."""
    digest, count = hashlib.sha256(), 0
    for number, question in given:
        text = question.text if question.tokens is not None else None
        digest.update(json.dumps([number, text]).encode())
        count += 1
    return {
        "kind": KIND,
        "format": FORMAT,
        "model": {
            "puzzle": solver.puzzle.spec.name,
            "weights_sha256": solver.origin.weights_sha256 if solver.origin else None,
            "precision": str(solver.model.dtype).removeprefix("torch."),
        },
        "options": dict(options),
        "puzzles": {"count": count, "sha256": digest.hexdigest()},
    }
