"""Puzzles of the user's own: rows of input and answer, without any rules that a program knows.

What there is to know is declared (``Table``) or read off the rows (``infer``): the symbols, the largest shape, which
symbol the answer replaces, and which symmetries the rows may be shown under.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.grids import MAX_GIVEN, dihedral, neighbours
from hrm.puzzles.randomness import mix

TABLE = "table"
"""Name of all such families."""
SYMMETRIES = ("turn", "rename")
"""What may be declared to change nothing: turning and reflecting the grid, renaming the symbols among themselves."""
MOST_SYMBOLS, MOST_CHARACTERS = 250, 64
"""Of a table, and of one symbol."""
_NUMBER = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True)
class Declaration:
    """All that is known of a table."""

    shape: tuple[int, int]
    """Rows and columns of the largest puzzle; smaller ones are padded below and to the right."""
    symbols: tuple[str, ...]
    """What may stand in a cell; words of several characters are parted by spaces."""
    blank: str = ""
    """The symbol that the answer replaces; everything else is then given and stays. Empty: any cell may change."""
    symmetries: tuple[str, ...] = ()
    """Of ``turn`` and ``rename``."""


class Table(Puzzle):
    """Grids or lines of declared symbols, of any size up to the declared one.

    Token 0 is padding, 1 the blank (never used where none is declared), and the symbols follow.
    """

    def __init__(self, declaration: Declaration):
        """Take a declaration.

        Raises:
            UsageError: what cannot be: no symbols or too many, an empty or too large shape, an unknown symmetry.
        """
        rows, columns = declaration.shape
        symbols = [symbol for symbol in declaration.symbols if symbol != declaration.blank]
        if not 1 <= rows * columns <= MAX_GIVEN or min(rows, columns) < 1:
            raise UsageError(f"a table of {rows}x{columns} is not possible: 1 to {MAX_GIVEN} cells")
        if not 2 <= len(symbols) <= MOST_SYMBOLS or len(set(symbols)) < len(symbols):
            raise UsageError(f"{len(symbols)} symbols: a table has 2 to {MOST_SYMBOLS}, each named once")
        if any(not symbol.strip() or len(symbol.split()) != 1 for symbol in (*symbols, declaration.blank or "x")):
            raise UsageError("a symbol is one word without spaces")
        if unknown := set(declaration.symmetries) - set(SYMMETRIES):
            raise UsageError(f"unknown symmetry {sorted(unknown)[0]!r}; there are {', '.join(SYMMETRIES)}")
        if "turn" in declaration.symmetries and rows != columns:
            raise UsageError(f"a table of {rows}x{columns} cannot be turned: turns need a square")
        self.declaration = declaration
        self._spec = PuzzleSpec(
            name=TABLE,
            shape=declaration.shape,
            tokens=("", declaration.blank, *symbols),
            blank=1,
            relations=("neighbour",),
            symmetry_draws=1 + len(symbols),
            unique=False,
            has_rules=False,
            padded=True,
        )

    @property
    def spec(self) -> PuzzleSpec:
        """Return the declaration, the same at every call."""
        return self._spec

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a grid, padded to the declared shape.

        Args:
            given: text, a line a row; JSON text; nested or flat lists, or an array, of symbols.

        Raises:
            DataError: ragged rows, larger than declared, or a symbol that is not declared.
        """
        rows = cells_of(given)
        height, width = self.spec.shape
        if len(rows) > height or max(map(len, rows)) > width:
            found = f"{len(rows)}x{max(map(len, rows))}"
            raise DataError(f"the grid has {found} cells; this table was made for {height}x{width} at most")
        grid = np.full((height, width), PAD, np.uint8)
        for y, row in enumerate(rows):
            for x, symbol in enumerate(row):
                token = self._ids.get(symbol)
                if token is None:
                    known = " ".join(list(self._ids)[:11])
                    raise DataError(
                        f"row {y + 1}, column {x + 1} holds {symbol[:24]!r}, which is not among the "
                        f"{len(self._ids)} symbols of this table: {known}{' …' if len(self._ids) > 11 else ''}"
                    )
                grid[y, x] = token
        return grid.reshape(-1)

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line: its cells, or JSON where it has several rows."""
        tokens = grid.reshape(self.spec.shape)
        height, width = (int(np.flatnonzero(tokens.any(axis=axis)).max(initial=-1)) + 1 for axis in (1, 0))
        rows = [[self.spec.tokens[token] for token in row] for row in tokens[:height, :width]]
        if not rows:
            return ""
        if any("" in row for row in rows):  # a hole, which no parsed grid has
            return json.dumps(rows, ensure_ascii=False)
        if len(rows) == 1 and (len(rows[0]) > 1 or not self._words):
            return (" " if self._words else "").join(rows[0])
        plain = self._words or len(rows[0]) == 1  # lists of symbols, where a line would be read otherwise
        return json.dumps(rows if plain else ["".join(row) for row in rows], ensure_ascii=False)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer has its shape, keeps its givens, and fills in every blank."""
        same = (inputs == PAD) == (answers == PAD)
        if self.declaration.blank:
            same &= (answers != self.spec.blank) & ((inputs == self.spec.blank) | (inputs == answers))
        return same.all(axis=1)

    def relations(self) -> Int8[np.ndarray, "1 C C"]:
        """Return 1 where two cells touch along an edge."""
        return neighbours(self.spec.shape)[None]

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into the symmetries that were declared."""
        found = Symmetries.identity(self.spec, len(draws))
        cells, tokens = found.cells, found.tokens
        if "turn" in self.declaration.symmetries:
            turns = dihedral(self.spec.shape)
            cells = turns[(draws[:, 0] * len(turns)).astype(np.int64)]
        if "rename" in self.declaration.symmetries:
            tokens[:, 2:] = np.argsort(draws[:, 1:], axis=1) + 2
        return Symmetries(cells, tokens)

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two rows share exactly when a declared symmetry turns one into the other."""
        ways = dihedral(self.spec.shape) if "turn" in self.declaration.symmetries else np.arange(len(puzzle))[None]
        return min(self._renamed(np.concatenate([puzzle[way], answer[way]])).tobytes() for way in ways)

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return a hash of how often each pair of input and answer occurs, whatever the pairs are called."""
        pairs = np.sort(inputs.astype(np.int64) * 256 + answers, axis=1)
        if "rename" not in self.declaration.symmetries:
            return mix(pairs.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
        counts = np.stack([np.sort(np.bincount(row, minlength=1 << 16))[-64:] for row in pairs])
        return mix(counts.astype(np.uint64) + np.arange(64, dtype=np.uint64) * 8192).sum(axis=1, dtype=np.uint64)

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return nothing: a table has no rules to solve by."""
        return np.zeros((0, self.spec.cells), np.uint8)

    def refuse_ambiguous(self, puzzle: UInt8[np.ndarray, " C"]) -> None:
        """Refuse nothing: a table has no rules to judge by."""

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Refuse: rows come from files.

        Raises:
            UsageError: always.
        """
        raise UsageError("a table is not generated: give its rows in a file, by --data.path")

    def _renamed(self, tokens: UInt8[np.ndarray, " k"]) -> UInt8[np.ndarray, " k"]:
        """Call the symbols by the order in which they come first, where they may be renamed."""
        if "rename" not in self.declaration.symmetries:
            return tokens
        names, first = np.unique(tokens[tokens > 1], return_index=True)
        called = np.arange(256, dtype=np.uint8)
        called[names[np.argsort(first)]] = np.arange(2, 2 + len(names))
        return called[tokens]

    @cached_property
    def _words(self) -> bool:
        return any(len(token) > 1 for token in self.spec.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        first = 1 if self.declaration.blank else 2
        return {symbol: token for token, symbol in enumerate(self.spec.tokens) if token >= first}


def cells_of(given: object) -> list[list[str]]:
    """Return the symbols of a grid row by row.

    Args:
        given: text, a line a row, whose symbols are words where it has spaces or commas, else characters; JSON text;
            a list of such lines; lists of symbols, or an array.

    Raises:
        DataError: it is empty, ragged, too large, or of a type that is no grid.
    """
    if isinstance(given, np.ndarray):
        if given.ndim > 2 or given.size > MAX_GIVEN:
            raise DataError(f"an array of shape {given.shape} is no grid of at most {MAX_GIVEN} cells")
        given = given.tolist()
    if isinstance(given, str):
        if len(given) > 16 * MAX_GIVEN:
            raise DataError(f"the grid has {len(given)} characters; at most {16 * MAX_GIVEN} are read at once")
        if given.lstrip()[:1] == "[":
            try:
                return cells_of(json.loads(given))
            except (ValueError, RecursionError) as error:
                raise DataError(f"the grid starts like JSON but is none: {str(error)[:80]}") from None
        rows = [_line(line) for line in given.splitlines() if line.strip()]
    elif isinstance(given, list | tuple):
        count = sum(len(row) if isinstance(row, list | tuple) else 1 for row in given)
        if count > MAX_GIVEN:
            raise DataError(f"the grid has {count} cells; at most {MAX_GIVEN} are read at once")
        if any(isinstance(row, list | tuple) for row in given):
            if not all(isinstance(row, list | tuple) for row in given):
                raise DataError("some rows are lists and some are not; give every row as a list")
            rows = [[_symbol(item) for item in row] for row in given]
        elif any(isinstance(row, str) and len(row.strip()) > 1 for row in given):
            rows = [_line(_symbol(row)) for row in given]
        else:
            rows = [[_symbol(item) for item in given]]
    else:
        raise DataError(f"a grid is given as text, lists or an array, not as {type(given).__name__}")
    if not rows or not rows[0]:
        raise DataError("the grid is empty")
    if sum(map(len, rows)) > MAX_GIVEN:
        raise DataError(f"the grid has {sum(map(len, rows))} cells; at most {MAX_GIVEN} are read at once")
    for y, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DataError(f"row {y + 1} has {len(row)} cells, row 1 has {len(rows[0])}: give rows of one length")
        if max(map(len, row)) > MOST_CHARACTERS:
            x = next(x for x, symbol in enumerate(row) if len(symbol) > MOST_CHARACTERS)
            raise DataError(
                f"row {y + 1}, column {x + 1} holds a symbol of {len(row[x])} characters; at most {MOST_CHARACTERS}"
            )
    return rows


def _line(line: str) -> list[str]:
    words = re.split(r"[\s,]+", line.strip())
    return words if len(words) > 1 else list(words[0])


def _symbol(item: object) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise DataError(f"a cell holds {str(item)[:24]!r}; a cell is a word or a whole number")
    if isinstance(item, int) and item.bit_length() > 64:
        raise DataError("a cell holds a number of more than 64 bits; a cell is a word or a whole number")
    return str(item)


def infer(pairs: Iterable[tuple[str, object, object]], symmetries: Sequence[str] = (), blank: str = "") -> Declaration:
    """Read a declaration off rows: every symbol, the largest shape, and the one symbol that answers replace.

    Args:
        pairs: (where the row is, its input, its answer).
        blank: the symbol that answers replace; empty: it is found, where there is exactly one.

    Raises:
        DataError: a row that is no grid, or whose answer has another shape; too many symbols.
    """
    rows = [(where, given, answer) for where, given, answer in pairs]
    symbols: set[str] = set()
    changed: set[str] = set()
    kept: set[str] = set()
    height = width = 1
    for where, *both in rows:
        try:
            given, answer = (cells_of(grid) for grid in both)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        if (len(given), len(given[0])) != (len(answer), len(answer[0])):
            raise DataError(
                f"{where}: its input has {len(given)}x{len(given[0])} cells and its answer "
                f"{len(answer)}x{len(answer[0])}; give both one shape, with a symbol of your own for what is not there"
            )
        height, width = max(height, len(given)), max(width, len(given[0]))
        for a, b in zip(chain(*given), chain(*answer), strict=True):
            symbols |= {a, b}
            (kept if a == b else changed).add(a)
        if len(symbols) > MOST_SYMBOLS + 1:
            raise DataError(f"{where}: more than {MOST_SYMBOLS} different symbols so far; is a cell one symbol?")
    if not blank and len(changed) == 1 and not changed & kept:
        blank = changed.pop()
    numbers = all(_NUMBER.fullmatch(symbol) for symbol in symbols - {blank})
    ordered = sorted(symbols - {blank}, key=(lambda s: (int(s), s)) if numbers else lambda s: s)
    return Declaration((height, width), tuple(ordered), blank, tuple(symmetries))
