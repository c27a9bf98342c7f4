"""What is wrong with a file or a store of puzzles, every fault counted: no row is passed over, none is mended.

``sources.files.read_rows`` refuses a file at its first fault; here it is read to its end, so that a user sees how bad
it is. Only what is no file of rows, or no whole store, is still refused at once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from hrm.data.audit.arc import audit_arc
from hrm.data.audit.findings import Audit, Finding, Separation, finding
from hrm.data.sources.files import Fault, family_of, read_with_faults
from hrm.data.store import Store, open_store
from hrm.errors import DataError
from hrm.puzzles.arc.family import Arc
from hrm.puzzles.base import Puzzle

NO_ANSWER = "no answer keeps its givens"


@dataclass(frozen=True)
class Part:
    """A file, or a split of a store, as it was read."""

    name: str
    inputs: UInt8[np.ndarray, "n C"]
    labels: UInt8[np.ndarray, "n C"]
    numbers: Int[np.ndarray, " n"]
    """Number of each row in its file or split, counted from 1."""
    faults: tuple[Fault, ...] = ()
    """Rows and answers that could not be read, and so are not here."""

    def __len__(self) -> int:
        return len(self.inputs)


def audit(
    path: Path,
    apart_from: Sequence[Path] = (),
    puzzle: Puzzle | None = None,
    unique: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Look for wrong answers, duplicates, twins, and puzzles without exactly one solution.

    In a store of ARC look for tests whose answer is trained on, and for nothing else.

    Args:
        path: a CSV or JSONL file, or a store, whose splits are compared with one another.
        apart_from: files or stores with which no row may share a twin; nothing else is asked of them.
        puzzle: the family; None takes it from the store or from the first question.
        unique: search every puzzle for a second answer, where the family promises one; milliseconds to seconds each.
        progress: called with (puzzles searched, puzzles in all).

    Raises:
        DataError: something that cannot be read as puzzles of one family.
    """
    store = open_store(path, puzzle=puzzle) if path.is_dir() else None
    if store is not None and store.table is not None and isinstance(store.puzzle, Arc):
        return audit_arc(store, {str(other): open_store(other, puzzle=store.puzzle) for other in apart_from}, str(path))
    # Read everything, and see which answers are right.
    family, parts = _parts(path, puzzle) if store is None else (store.puzzle, _splits(store))
    spec = family.spec
    others = [part for other in apart_from for part in _parts(other, family, str(other))[1]]
    right = {id(part): _right(part.inputs, part.labels, family) for part in [*parts, *others]}  # names may meet
    # Name what cannot be read, and wrong answers.
    findings = []
    for part in parts:
        findings += _unreadable(part, "question", "unreadable question")
        findings += _unreadable(part, "answer", "unreadable answer")
        findings += _unreadable(part, "rating", "unreadable rating")
        wrong = np.flatnonzero(part.labels.any(axis=1) & ~right[id(part)]).tolist()
        findings += _finding("wrong answer", part, [(row, "not a legal completion of its question") for row in wrong])
    # Search for solutions, as far as the family promises one and it was asked for.
    unique = unique and spec.unique
    if spec.has_rules and not unique:
        findings += _unsolvable(parts, right, family, progress)
    solved = {id(part): part.labels.copy() for part in [*parts, *others]}
    if unique:
        findings += _unsolved(parts, family, solved, progress)
        _solve_unanswered(others, right, family, solved)
    else:
        findings += _refused(parts, family)
    for part in others:  # what cannot be read cannot be proven to be apart
        findings += _unreadable(part, "question", "unreadable question")
    # Compare the puzzles with each other, symmetric twins included.
    classes = _Classes(family)
    for part in [*parts, *others]:  # a twin is known by its answer, too: rows without a right one go without
        known = right[id(part)] | _right(part.inputs, solved[id(part)], family)
        classes.add(part, solved[id(part)], known)
        if spec.has_rules and len(parts) + len(others) > 1:
            bare = [(row, "its twins are not known: it has no right answer") for row in np.flatnonzero(~known).tolist()]
            findings += _finding("compared as it stands", part, bare)
    for part in parts:
        findings += _finding("duplicate", part, classes.duplicates(part))
        findings += _finding("twin", part, classes.twins(part, part))
    separations = []
    for i, part in enumerate(parts):
        for other in [*parts[:i], *others]:
            shared = classes.twins(part, other)
            separations.append(Separation(part.name, other.name, len(shared)))
            findings += _finding(f"twin of a row of {other.name}", part, shared)
    return Audit(
        path=str(path), puzzle=spec.name, shape=spec.shape,
        rows={part.name: len(part) for part in parts},
        answered={part.name: int(part.labels.any(axis=1).sum()) for part in parts},
        vocabulary={part.name: _vocabulary(part, spec.tokens) for part in parts},
        proven=unique, separations=separations, findings=findings,
    )  # fmt: skip


def _parts(path: Path, puzzle: Puzzle | None, prefix: str = "") -> tuple[Puzzle, list[Part]]:
    if path.is_dir():
        store = open_store(path, puzzle=puzzle)
        return store.puzzle, _splits(store, f"{prefix}:" if prefix else "")
    puzzle = puzzle or family_of(path)
    rows, numbers, faults = read_with_faults(path, puzzle)
    return puzzle, [Part(prefix or path.name, rows.inputs, rows.labels, numbers, tuple(faults))]


def _splits(store: Store, prefix: str = "") -> list[Part]:
    return [
        Part(prefix + name, np.asarray(split.inputs), np.asarray(split.labels), np.arange(1, len(split) + 1))
        for name, split in store.splits.items()
    ]


def _right(
    inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"], puzzle: Puzzle
) -> Bool[np.ndarray, " n"]:
    answered = np.flatnonzero(answers.any(axis=1))
    right = np.zeros(len(inputs), bool)
    if len(answered):
        right[answered] = puzzle.verify(inputs[answered], answers[answered])
    return right


def _vocabulary(part: Part, tokens: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(part.inputs.ravel(), minlength=len(tokens)).tolist()
    return {token: count for token, count in zip(tokens, counts, strict=True) if count}


def _finding(kind: str, part: Part, found: list[tuple[int, str]]) -> list[Finding]:
    return finding(kind, part.name, [(int(part.numbers[row]), says) for row, says in found])


def _unreadable(part: Part, column: str, kind: str) -> list[Finding]:
    return finding(kind, part.name, [(fault.row, fault.says) for fault in part.faults if fault.column == column])


def _unsolved(
    parts: Sequence[Part],
    puzzle: Puzzle,
    solved: dict[int, np.ndarray],
    progress: Callable[[int, int], None] | None,
) -> list[Finding]:
    """Find puzzles that have not exactly one answer, and note the answers of those that have."""

    def look(part: Part, row: int) -> tuple[str, str] | None:
        grid = part.inputs[row]
        answers = puzzle.solutions(grid, limit=2)
        if len(answers) == 1:
            solved[id(part)][row] = answers[0]
            return None
        if len(answers):
            text = " and ".join(puzzle.text(answer) for answer in answers)
            return "several solutions", text if len(text) < 200 else "two were found"
        return "no solution", _refusal(puzzle, grid) or NO_ANSWER

    return _searched([(part, range(len(part))) for part in parts], look, progress)


def _unsolvable(
    parts: Sequence[Part],
    right: dict[int, np.ndarray],
    puzzle: Puzzle,
    progress: Callable[[int, int], None] | None,
) -> list[Finding]:
    """Find puzzles without any answer, among those that have no right one beside them."""

    def look(part: Part, row: int) -> tuple[str, str] | None:
        if not part.labels[row].any() and _refusal(puzzle, part.inputs[row]):
            return None  # named by ``_refused``
        return None if len(puzzle.solutions(part.inputs[row], limit=1)) else ("no solution", NO_ANSWER)

    return _searched([(part, np.flatnonzero(~right[id(part)]).tolist()) for part in parts], look, progress)


def _searched(
    rows: Sequence[tuple[Part, Sequence[int]]],
    look: Callable[[Part, int], tuple[str, str] | None],
    progress: Callable[[int, int], None] | None,
) -> list[Finding]:
    """Return the faults that a search shows in rows of parts, by kind; a search that gives up proves nothing.

    Args:
        look: returns the kind of a row's fault and what to say of it, or None.
    """
    done, total = 0, sum(len(chosen) for _, chosen in rows)
    findings = []
    for part, chosen in rows:
        faults: dict[str, list[tuple[int, str]]] = {"no solution": [], "several solutions": [], "unproven": []}
        for row in chosen:
            try:
                fault = look(part, row)
            except DataError as error:
                fault = "unproven", str(error)
            if fault is not None:
                faults[fault[0]].append((row, fault[1]))
            done += 1
            if progress:
                progress(done, total)
        for kind, found in faults.items():
            findings += _finding(kind, part, found)
    return findings


def _solve_unanswered(
    parts: Sequence[Part], right: dict[int, np.ndarray], puzzle: Puzzle, solved: dict[int, np.ndarray]
) -> None:
    """Note the answers of puzzles that have no right one beside them, and exactly one at all."""
    for part in parts:
        for row in np.flatnonzero(~right[id(part)]).tolist():
            with suppress(DataError):
                answers = puzzle.solutions(part.inputs[row], limit=2)
                if len(answers) == 1:
                    solved[id(part)][row] = answers[0]


def _refused(parts: Sequence[Part], puzzle: Puzzle) -> list[Finding]:
    """Find questions that break a rule of their own, where neither an answer nor a search has shown it."""
    findings = []
    for part in parts:
        bare = np.flatnonzero(~part.labels.any(axis=1)).tolist()
        found = [(row, refusal) for row in bare if (refusal := _refusal(puzzle, part.inputs[row]))]
        findings += _finding("no puzzle", part, found)
    return findings


def _refusal(puzzle: Puzzle, grid: UInt8[np.ndarray, " C"]) -> str | None:
    try:
        puzzle.parse(puzzle.text(grid))
    except DataError as error:
        return str(error)
    return None


class _Classes:
    """The twin classes of all parts; the exact key is worked out only where two invariants meet."""

    def __init__(self, puzzle: Puzzle) -> None:
        self._puzzle = puzzle
        self._answers: dict[int, np.ndarray] = {}  # by the identity of a part: names may meet
        self._invariants: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._keys: dict[int, list[tuple[int, bytes]]] = {}

    def add(self, part: Part, answers: UInt8[np.ndarray, "n C"], right: Bool[np.ndarray, " n"]) -> None:
        """Take a part in; rows without a right answer have no class, and are compared as they stand only."""
        rows = np.flatnonzero(right)
        invariants = np.zeros(0, np.uint64)
        if len(rows):
            invariants = self._puzzle.twin_invariants(part.inputs[rows], answers[rows])
        self._answers[id(part)] = answers
        self._invariants[id(part)] = rows, invariants

    def duplicates(self, part: Part) -> list[tuple[int, str]]:
        """Return the rows that equal an earlier one of their part, with its number."""
        _, first, inverse = np.unique(_words(part.inputs), return_index=True, return_inverse=True)
        firsts = first[inverse]
        later = np.flatnonzero(firsts != np.arange(len(part))).tolist()
        return [(row, f"row {part.numbers[firsts[row]]}") for row in later]

    def twins(self, part: Part, other: Part) -> list[tuple[int, str]]:
        """Return the rows that have a twin in another part, equal ones included.

        Within one part: the rows that are twins of an earlier one, without its duplicates.
        """
        if part is other:
            earlier: dict[bytes, int] = {}
            pairs = [(row, earlier.setdefault(key, row)) for row, key in self._classes(part)]
            return [
                (row, f"row {part.numbers[first]}")
                for row, first in pairs
                if row != first and not np.array_equal(part.inputs[row], part.inputs[first])
            ]
        theirs = {key: row for row, key in reversed(self._classes(other))}
        found = {row: theirs[key] for row, key in self._classes(part) if key in theirs}
        own, others = _words(part.inputs), _words(other.inputs)
        equal = np.flatnonzero(np.isin(own, others)).tolist()
        if equal:  # in rows without a right answer, too
            places = {word: row for row, word in reversed(list(enumerate(others.tolist())))}
            found |= {row: places[own[row]] for row in equal}
        return [(row, f"row {other.numbers[found[row]]} of {other.name}") for row in sorted(found)]

    def _classes(self, part: Part) -> list[tuple[int, bytes]]:
        """Return the rows that may have a twin, with their keys."""
        if id(part) not in self._keys:
            found, counts = np.unique(np.concatenate([i for _, i in self._invariants.values()]), return_counts=True)
            rows, invariants = self._invariants[id(part)]
            meet = rows[np.isin(invariants, found[counts > 1])].tolist()
            answers = self._answers[id(part)]
            self._keys[id(part)] = [(row, self._puzzle.twin_key(part.inputs[row], answers[row])) for row in meet]
        return self._keys[id(part)]


def _words(grids: UInt8[np.ndarray, "n C"]) -> Shaped[np.ndarray, " n"]:
    """Return the grids as one comparable item each."""
    return np.ascontiguousarray(grids).view(f"S{grids.shape[1]}")[:, 0]
