"""Puzzles of the user's own: rows of input and answer, without any rules that a program knows.

What there is to know is declared (``Table``) or read off the rows (``infer``): the symbols, the largest shape, which
symbol the answer replaces, and which symmetries the rows may be shown under.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.cells import MOST_SYMBOLS, Kind, Reading, Row, cells_of, choose
from hrm.puzzles.grids import MAX_GIVEN, dihedral, neighbors
from hrm.randomness import mix

TABLE = "table"
"""Name of all such families."""
SYMMETRIES = ("turn", "rename")
"""What may be declared to change nothing: turning and reflecting the grid, renaming the symbols among themselves."""
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
        # refuse what cannot be a table
        symbols = [symbol for symbol in declaration.symbols if symbol != declaration.blank]
        if not 1 <= rows * columns <= MAX_GIVEN or min(rows, columns) < 1:
            raise UsageError(f"a table of {rows}x{columns} is not possible: 1 to {MAX_GIVEN} cells")
        if not 2 <= len(symbols) <= MOST_SYMBOLS or len(set(symbols)) < len(symbols):
            raise UsageError(f"{len(symbols)} symbols: a table has 2 to {MOST_SYMBOLS}, each named once")
        held = (*symbols, *filter(None, [declaration.blank]))
        words = any(len(symbol) > 1 for symbol in held)
        if wrong := [s for s in held if len(s.split()) != 1 and (words or s != " ")]:
            raise UsageError(f"the symbol {wrong[0]!r} of a table is not one word without spaces; write another for it")
        if unseen := [s for s in held if s != " " and not s.isprintable()]:
            raise UsageError(f"the symbol {unseen[0]!r} of a table cannot be seen; write another for it")
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
            relations=("neighbor",),
            symmetry_draws=1 + len(symbols),
            unique=False,
            has_rules=False,
            generated=False,
            padded=True,
        )

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a grid, padded to the declared shape.

        Args:
            given: text, a line a row; JSON text; nested or flat lists, or an array, of symbols.

        Raises:
            DataError: ragged rows, larger than declared, or a symbol that is not declared.
        """
        rows = cells_of(given, self.reading)
        height, width = self.spec.shape
        if len(rows) > height or max(map(len, rows)) > width:
            size = f"{len(rows)}x{max(map(len, rows))}"
            raise DataError(f"the grid has {size} cells; this table was made for {height}x{width} at most")
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

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is a row of a grid: where grids have rows, unless it is JSON."""
        return self.spec.shape[0] > 1 and line.lstrip()[:1] != "["

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line: its cells, or JSON where it has several rows."""
        tokens = grid.reshape(self.spec.shape)
        height, width = (int(np.flatnonzero(tokens.any(axis=axis)).max(initial=-1)) + 1 for axis in (1, 0))
        rows = [[self.spec.tokens[token] for token in row] for row in tokens[:height, :width]]
        if not rows:
            return ""
        if any("" in row for row in rows):  # a hole, which no parsed grid has
            return json.dumps(rows, ensure_ascii=False)
        words = self.reading.kind == "words"
        if len(rows) == 1 and rows[0][0][0] != "[" and (len(rows[0]) > 1 or not words):  # [ would be taken for JSON
            return (" " if words else "").join(rows[0])
        plain = words or len(rows) == 1 or len(rows[0]) == 1  # lists of symbols, where a line would be read otherwise
        return json.dumps(rows if plain else ["".join(row) for row in rows], ensure_ascii=False)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer has its shape, keeps its givens, and fills in every blank."""
        same = (inputs == PAD) == (answers == PAD)
        if self.declaration.blank:
            same &= (answers != self.spec.blank) & ((inputs == self.spec.blank) | (inputs == answers))
        return same.all(axis=1)

    def relations(self) -> Int8[np.ndarray, "1 C C"]:
        """Return 1 where two cells touch along an edge."""
        return neighbors(self.spec.shape)[None]

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into the symmetries that were declared."""
        identity = Symmetries.identity(self.spec, len(draws))
        cells, tokens = identity.cells, identity.tokens
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

    def require_unique(self, puzzle: UInt8[np.ndarray, " C"]) -> None:
        """Refuse nothing: a table has no rules to judge by."""

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Refuse: rows come from files.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "puzzles of a table are not generated: give a file of them (`--data FILE`; in training `--data.path FILE`)"
        )

    def _renamed(self, tokens: UInt8[np.ndarray, " k"]) -> UInt8[np.ndarray, " k"]:
        """Call the symbols by the order in which they come first, where they may be renamed."""
        if "rename" not in self.declaration.symmetries:
            return tokens
        names, first = np.unique(tokens[tokens > 1], return_index=True)
        called = np.arange(256, dtype=np.uint8)
        called[names[np.argsort(first)]] = np.arange(2, 2 + len(names))
        return called[tokens]

    @cached_property
    def reading(self) -> Reading:
        """How text becomes cells: as the symbols tell."""
        return Reading.by(self.spec.tokens)

    def described(self) -> str:
        """Return in words what was declared: the shape, the symbols, the blank."""
        rows, columns = self.spec.shape
        symbols, blank = self.spec.tokens[2:], self.declaration.blank
        shown = " ".join(repr(symbol) if " " in symbol else symbol for symbol in symbols[:30])
        more = f" and {len(symbols) - 30} more" if len(symbols) > 30 else ""
        kind = "words" if self.reading.kind == "words" else "single characters"
        return (
            f"grids of up to {rows} rows and {columns} columns; {len(symbols)} symbols, {kind}: {shown}{more}; "
            f"{f'blank: {blank!r}' if blank else 'no blank'}"
        )

    @cached_property
    def _ids(self) -> dict[str, int]:
        first = 1 if self.declaration.blank else 2
        return {symbol: token for token, symbol in enumerate(self.spec.tokens) if token >= first}


def infer(
    pairs: Iterable[tuple[str, object, object]],
    symmetries: Sequence[str] = (),
    blank: str = "",
    cells: Kind | Literal[""] = "",
) -> Declaration:
    """Read a declaration off rows: every symbol, the largest shape, and the one symbol that answers replace.

    Args:
        pairs: (where the row is, its input, its answer).
        blank: the symbol that answers replace; empty: it is found, where there is exactly one.
        cells: how text is read; empty: it is found, in one way for all rows.

    Raises:
        DataError: a row that is no grid, or whose answer has another shape; too many symbols.
    """
    rows = [Row(where, given, answer) for where, given, answer in pairs]
    reading = choose(rows, cells)
    symbols: dict[str, str] = {}  # each with the row that has it first
    changed: set[str] = set()
    kept: set[str] = set()
    height = width = 1
    # the symbols, and which of them answers keep or replace
    for where, *both in rows:
        try:
            given, answer = (cells_of(grid, reading) for grid in both)
        except DataError as error:
            hint = f"; text is read as {reading.kind}, --cells chooses" if isinstance(both[0], str) else ""
            raise DataError(f"{where}: {error}{hint}") from None
        if (len(given), len(given[0])) != (len(answer), len(answer[0])):
            raise DataError(
                f"{where}: its input has {len(given)}x{len(given[0])} cells and its answer "
                f"{len(answer)}x{len(answer[0])}; give both one shape, with a symbol of your own for what is not there"
            )
        height, width = max(height, len(given)), max(width, len(given[0]))
        for a, b in zip(chain(*given), chain(*answer), strict=True):
            symbols |= {symbol: symbols.get(symbol, where) for symbol in (a, b)}
            (kept if a == b else changed).add(a)
        if len(symbols) > MOST_SYMBOLS + 1:
            raise DataError(
                f"{where}: more than {MOST_SYMBOLS} different symbols so far, read as {reading.kind}; is a cell one "
                "symbol? `--cells words` or `--cells characters` (of `hrm train`: --data.cells) chooses the other way"
            )
        if blank and blank in chain(*answer):
            raise DataError(
                f"{where}: the blank {blank!r} is in the answer; a blank is what every answer replaces: leave it out "
                "of the declaration, so that it is a symbol like others"
            )
    _refuse_symbols(symbols)
    # the blank is the one symbol that is always replaced
    if not blank and len(changed) == 1 and not changed & kept:
        blank = changed.pop()
    remaining = set(symbols) - {blank}
    numbers = all(_NUMBER.fullmatch(symbol) for symbol in remaining)
    ordered = sorted(remaining, key=(lambda s: (int(s), s)) if numbers else lambda s: s)
    return Declaration((height, width), tuple(ordered), blank, tuple(symmetries))


def _refuse_symbols(symbols: Mapping[str, str]) -> None:
    """Refuse symbols that text could not be read back from, by the row that has them first."""
    several = next((symbol for symbol in symbols if len(symbol) > 1), "")
    for symbol, where in symbols.items():
        if not symbol or not symbol.isprintable():
            raise DataError(f"{where}: {symbol!r} cannot be a symbol; write a visible character or a word for it")
        if several and (" " in symbol or "," in symbol):
            raise DataError(
                f"{where}: the symbol {symbol!r} has a space or comma, which separate words such as {several!r}; write "
                "another symbol for it"
            )
