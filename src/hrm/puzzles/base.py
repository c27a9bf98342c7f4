"""What a family of puzzles declares about itself, and what it can do.

A family is one file: it says what its grids look like (``PuzzleSpec``), reads and writes them as text,
verifies answers, and declares its symmetries and the relations between its cells. Everything else in the
project (stores, augmentation, training, solving, pictures) works from this declaration alone.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, Int64, UInt8, UInt64

from hrm.errors import DataError

_BETWEEN_CELLS = re.compile(r"[\s,|]+")
PAD = 0
"""Token id that every family keeps for cells outside the puzzle; they are never supervised."""


@dataclass(frozen=True)
class PuzzleSpec:
    """The declared shape of a family. Axes: C cells, V vocabulary, R relations."""

    name: str
    """Name in stores, configurations and checkpoints, such as ``sudoku-9x9``."""
    shape: tuple[int, int]
    """Rows and columns; C is their product and cells are numbered row by row."""
    tokens: tuple[str, ...]
    """One character for each token id; id 0 is padding."""
    blank: int
    """Token id of a cell that the solver must fill, and of which nothing is told."""
    relations: tuple[str, ...]
    """Names of the relations between cells, in the order of ``Puzzle.relations``."""
    symmetry_draws: int
    """How many uniform numbers one random symmetry takes."""
    unique: bool = True
    """Whether a puzzle must have one answer only; else others are as good, and count as valid, not as exact."""
    has_rules: bool = True
    """Whether ``verify`` knows the rules; else an answer is never called right, only equal to the stored one."""
    has_tasks: bool = False
    """Whether each puzzle is an example of a task, and the network learns by the puzzle id alone which task. A store
    then has a table of tasks: each puzzle id is one variant of one task."""
    generated: bool = True
    """Whether ``Puzzle.generate`` makes puzzles; else it refuses, because they come from files."""
    padded: bool = False
    """Whether puzzles may be smaller than the shape; cells of padding are then hidden from the network."""
    differ: tuple[str, ...] = ()
    """Those of the relations whose cells must hold different symbols; pictures mark where they do not."""
    differ_is_all: bool = False
    """Whether an answer that keeps the givens, and in which those cells differ, keeps every rule."""
    oriented: tuple[str, ...] = ()
    """Those of the relations that belong to the places of the grid, such as "left of": symmetries do not move them."""
    fills: tuple[tuple[int, str], ...] = ()
    """Token ids whose cells pictures fill with a color, each with the color (``#rrggbb``)."""
    solid: tuple[int, ...] = ()
    """Token ids that pictures tell by the color of the cell alone, without the character: walls, paths."""
    words: tuple[tuple[int, str], ...] = ()
    """Token ids with a word that says what they are, for the legends of pictures: wall, path."""
    clues: tuple[int, ...] = ()
    """Further token ids that the answer replaces: each says something about a cell without being its answer."""
    answers: tuple[int, ...] = ()
    """Token ids that may stand in an answer; empty: all but padding, the blank and the clues."""
    marks: tuple[int, ...] = ()
    """Token ids that only answers hold: the path of a maze."""
    once: tuple[int, ...] = ()
    """Token ids that every puzzle holds exactly once: start and goal."""
    box: tuple[int, int] = (0, 0)
    """Rows and columns of a box that pictures set apart by a thick line; (0, 0) where there are none."""
    first_name: str = ""
    """The family's name before it was renamed: stores with it stay valid, and digests of stores are made with it."""

    @property
    def cells(self) -> int:
        """Number of cells C."""
        return self.shape[0] * self.shape[1]

    @property
    def vocab_size(self) -> int:
        """Number of token ids V, padding included."""
        return len(self.tokens)

    @cached_property
    def answerable(self) -> Bool[np.ndarray, " V"]:
        """For each token id, whether it may stand in an answer: a solver never answers any other."""
        allowed = np.ones(self.vocab_size, bool)
        if self.answers:
            allowed[:] = False
            allowed[list(self.answers)] = True
        else:
            allowed[[PAD, self.blank, *self.clues]] = False
        return allowed

    def given(self, grids: UInt8[np.ndarray, "*n C"]) -> Bool[np.ndarray, "*n C"]:
        """Say which cells of puzzles are given: neither blank, nor a clue, nor padding. Answers keep them."""
        return ~np.isin(grids, (PAD, self.blank, *self.clues))


@dataclass(frozen=True, eq=False)
class Sketch:
    """What pictures of a puzzle show beside the symbols in its cells, the same after every segment."""

    fixed: Bool[np.ndarray, " C"]
    """Cells that are drawn whatever they hold; others are left out while they hold padding or a blank."""
    regions: Int[np.ndarray, " C"] | None = None
    """Number of the region of each cell, -1 where it is in none; a line is drawn around each region."""
    notes: Mapping[int, str] = field(default_factory=dict)
    """Small words in the corner of a cell."""
    nodes: tuple[int, ...] = ()
    """The cells that are nodes of a graph: it is then drawn, with its nodes in a ring, and not the grid."""
    edges: tuple[tuple[int, int], ...] = ()
    """The cells of two nodes that a line joins."""
    outlines: tuple[tuple[int, int, int, int], ...] = ()
    """Parts of the grid that are puzzles of their own, each as top row, left column, rows and columns; the last one
    overlaps the others."""


@dataclass(frozen=True)
class Symmetries:
    """A batch of symmetries: each moves the cells of a grid and renames its tokens.

    ``new[i] = tokens[old[cells[i]]]``. Padding is never renamed.
    """

    cells: Int[np.ndarray, "n C"]
    tokens: Int[np.ndarray, "n V"]

    def apply(self, grids: UInt8[np.ndarray, "n C"]) -> UInt8[np.ndarray, "n C"]:
        """Return the grids, each moved by its own symmetry."""
        moved = np.take_along_axis(grids, self.cells, axis=1)
        return np.take_along_axis(self.tokens, moved.astype(np.int64), axis=1).astype(np.uint8)

    def inverse(self) -> "Symmetries":
        """Return the symmetries that undo these."""
        return Symmetries(np.argsort(self.cells, axis=1), np.argsort(self.tokens, axis=1))

    def __len__(self) -> int:
        return len(self.cells)

    @staticmethod
    def identity(spec: PuzzleSpec, n: int) -> "Symmetries":
        """Return n symmetries that change nothing."""
        return Symmetries(np.tile(np.arange(spec.cells), (n, 1)), np.tile(np.arange(spec.vocab_size), (n, 1)))


@dataclass(frozen=True)
class Attempt:
    """What a classical solver made of one puzzle."""

    answer: UInt8[np.ndarray, " C"] | None
    """None where it found none, or gave up."""
    nodes: int
    """How far it searched, in the solver's own unit."""


@dataclass(frozen=True)
class ClassicalSolver:
    """A solver without any learning: the measure of what a trained network is up against."""

    name: str
    """What it does, in a few words."""
    unit: str
    """What its nodes are: guesses, cells visited …"""
    solve: Callable[[UInt8[np.ndarray, " C"]], Attempt]


class Puzzle(ABC):
    """A family of puzzles. ``puzzles.check.check`` examines whether one keeps its promises."""

    _spec: PuzzleSpec

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names under which the class is listed. Default: none."""
        return ()

    @classmethod
    def from_name(cls, name: str) -> "Puzzle | None":
        """Return the family of this class with a name, listed or not; None: the class has none of that name."""
        return None

    @property
    def spec(self) -> PuzzleSpec:
        """Return the declaration, the same at every call. Default: what ``__init__`` put into ``_spec``."""
        return self._spec

    @abstractmethod
    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a puzzle given as text, nested lists or an array.

        Raises:
            DataError: what is wrong with it, where, and what is allowed.
        """

    @abstractmethod
    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line of text, which ``parse`` reads back."""

    @abstractmethod
    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer keeps its givens and every rule."""

    @abstractmethod
    def relations(self) -> Int[np.ndarray, "R C C"]:
        """Return for each relation a matrix: 0 where two cells are unrelated, else the kind (1, 2, …)."""

    def relations_of(self, inputs: UInt8[np.ndarray, "n C"]) -> Int8[np.ndarray, "n R C C"] | None:
        """Return the relations of each puzzle if they depend on it. Default: None, ``relations`` hold for all.

        A family whose relations depend on the puzzle says so for any grids, none included, and ``relations`` then says
        which cells may be related, and in which kinds, in some puzzle. Padding is related to nothing.
        """
        return None

    @abstractmethod
    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers (D = ``spec.symmetry_draws`` a puzzle) into symmetries that keep the rules."""

    def image_answers(
        self,
        inputs: UInt8[np.ndarray, "n C"],
        answers: UInt8[np.ndarray, "n C"],
        images: UInt8[np.ndarray, "n C"],
        turned: UInt8[np.ndarray, "n C"],
    ) -> UInt8[np.ndarray, "n C"]:
        """Return the answers to learn from images of puzzles under symmetries: the answers, turned as the puzzles were.

        A family changes them where one of several answers is stored by a rule that an image does not keep.
        """
        return turned

    @abstractmethod
    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two puzzles share exactly when a symmetry turns one into the other.

        A family for which this is too dear says so, and returns one that strangers, too, may share.
        """

    @abstractmethod
    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return quick numbers that twins share; only puzzles that share one need a ``twin_key``."""

    @abstractmethod
    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return up to ``limit`` different answers, found exactly."""

    @abstractmethod
    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return puzzle number ``index`` of the sequence named by ``seed``, and its only answer."""

    @property
    def generator(self) -> str:
        """Return the name that ``puzzles.get`` takes to generate the same puzzles again. Default: the family's."""
        return self.spec.name

    def are_variants(self, variants: UInt8[np.ndarray, "n W"]) -> Bool[np.ndarray, " n"]:
        """Say which rows of bytes are variants of tasks, in a family with tasks. Default: all."""
        return np.ones(len(variants), bool)

    def variant_name(self, task_id: str, variant: UInt8[np.ndarray, " W"]) -> str:
        """Return the name of a variant of a task. Of a family with tasks."""
        return f"{task_id}_{variant.tobytes().hex()}"

    def in_variants(
        self,
        inputs: UInt8[np.ndarray, "n C"],
        labels: UInt8[np.ndarray, "n C"],
        variants: UInt8[np.ndarray, "n W"],
        seed: int | None = None,
        draws: Int64[np.ndarray, " n"] | None = None,
    ) -> tuple[UInt8[np.ndarray, "n C"], UInt8[np.ndarray, "n C"]]:
        """Return examples, each in its variant, in a family with tasks. Default: as they are.

        Args:
            seed: with the numbers of the ``draws``, names what else is random about an example, such as its place.
        """
        return inputs, labels

    def without_variants(
        self, answers: UInt8[np.ndarray, "n C"], variants: UInt8[np.ndarray, "n W"]
    ) -> Sequence[UInt8[np.ndarray, "..."]]:
        """Return what answers to examples in their variants are to the originals. Of a family with tasks.

        An answer may be of any shape; one without a cell is none.
        """
        return list(answers)

    def extra_metrics(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> dict[str, Bool[np.ndarray, " n"]]:
        """Return additional metrics of answers by name, for each puzzle. Default: none."""
        return {}

    @property
    def context_symbols(self) -> str:
        """Return the characters whose meaning depends on the rest of a puzzle. Default: none."""
        return ""

    def is_note(self, line: str) -> bool:
        """Say whether a line of a text file is a note: it begins with ``#``, ``;`` or ``//``, which are no symbols."""
        mark = next((mark for mark in ("#", ";", "//") if line.lstrip().startswith(mark)), None)
        return mark is not None and not any(mark[0] in token for token in self.spec.tokens)

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file has too few cells for a whole puzzle, and so is part of one."""
        rows, columns = self.spec.shape
        return rows > 1 and len(_BETWEEN_CELLS.sub("", line)) <= 2 * columns

    def without_note(self, line: str) -> str:
        """Return the puzzle of a line of a list, without what stands beside it. Default: the whole line."""
        return line

    def outside(self, puzzle: UInt8[np.ndarray, " C"], trained_on: str) -> str | None:
        """Say how a puzzle differs from all that a model was trained on. Default: None, in no known way.

        Args:
            trained_on: ``generator`` of the family that made the training puzzles.
        """
        return None

    def relations_for(self, inputs: UInt8[np.ndarray, "n C"]) -> Int[np.ndarray, "*n R C C"]:
        """Return the relations that hold for these puzzles: a set for each, or the one that holds for all."""
        own = self.relations_of(inputs)
        return self.relation_matrices if own is None else own

    def sketch(self, puzzle: UInt8[np.ndarray, " C"]) -> Sketch:
        """Return what pictures of this puzzle show beside the symbols. Default: all cells that are no padding."""
        return Sketch(puzzle != PAD)

    @property
    def classical_solvers(self) -> tuple[ClassicalSolver, ...]:
        """Return the family's classical solvers, the best one first. Default: none."""
        return ()

    def require_unique(self, puzzle: UInt8[np.ndarray, " C"]) -> None:
        """Refuse a puzzle that has no solution, or more than one where that is a fault.

        Raises:
            DataError: which of the two; of several solutions two are shown.
        """
        answers = self.solutions(puzzle, limit=2)
        if len(answers) == 0:
            raise DataError(f"{self.text(puzzle)} has no solution: check its givens")
        if len(answers) > 1 and self.spec.unique:
            both = " and ".join(self.text(answer) for answer in answers)
            raise DataError(f"{self.text(puzzle)} has several solutions, such as {both}: give more cells")

    @cached_property
    def relation_matrices(self) -> Int[np.ndarray, "R C C"]:
        """The relations, computed once."""
        return np.ascontiguousarray(self.relations())
