"""From the text of puzzles to tokens, thousands of rows at once."""

from collections import Counter

import numpy as np
from jaxtyping import Bool, UInt8

from hrm.errors import DataError
from hrm.puzzles.base import Puzzle


class Encoder:
    """Turns the texts of one column into tokens, a block of rows at once; what it does not know, ``parse`` decides."""

    def __init__(self, puzzle: Puzzle, name: str, column: str) -> None:
        self.puzzle, self.name, self.column = puzzle, name, column
        self.ids = np.full(256, -1, np.int16)  # byte -> token id; -1 not known yet
        for token, char in enumerate(puzzle.spec.tokens):
            if token and char.isascii() and len(char) == 1:
                self.ids[ord(char)] = token

    def encode(self, given: list[tuple[str, object]]) -> UInt8[np.ndarray, "n C"]:
        """Return the tokens of (where, text) pairs."""
        cells = self.puzzle.spec.cells
        texts = [text for _, text in given if isinstance(text, str) and len(text) == cells and text.isascii()]
        if len(texts) < len(given) or self.puzzle.spec.padded:  # then a text's length says nothing
            return np.stack([self._parse(*pair) for pair in given])
        chars = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, cells)
        context = np.frombuffer(self.puzzle.context_symbols.encode(), np.uint8)
        alone = np.asarray(np.isin(chars, context).any(axis=1))
        # Learn the token of each character: from the first row, then from one row for each character not met before.
        doubtful: int | None = int(np.argmin(alone))
        while doubtful is not None:
            parsed, row = self._parse(*given[doubtful]), chars[doubtful]
            if not alone[doubtful]:
                new = self.ids[row] < 0
                self.ids[row[new]] = parsed[new]
                if not np.array_equal(self.ids[row], parsed):  # the family does not read cell by cell
                    return np.stack([self._parse(*pair) for pair in given])
            unknown = (self.ids[chars] < 0).any(axis=1) & ~alone
            doubtful = int(np.argmax(unknown)) if unknown.any() else None
        # Look up all rows at once, and let the family parse those whose characters depend on each other.
        tokens = self.ids[chars].astype(np.uint8)
        for row in np.flatnonzero(alone | self._spelled_twice(chars)).tolist():
            tokens[row] = self._parse(*given[row])
        return tokens

    def _spelled_twice(self, chars: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say which rows write one token in two ways, such as a blank as 0 and as '.': only the family may judge it."""
        used = np.flatnonzero(np.bincount(chars.ravel(), minlength=256))
        doubled = [t for t, count in Counter(self.ids[used].tolist()).items() if count > 1]
        twice = np.zeros(len(chars), bool)
        for token in doubled:
            ways = [(chars == byte).any(axis=1) for byte in used[self.ids[used] == token].tolist()]
            twice = twice | (np.stack(ways).sum(axis=0) > 1)
        return twice

    def by_cells(self, text: object) -> UInt8[np.ndarray, "1 C"] | None:
        """Return the tokens of a text that has the family's length and characters, whatever its rules say."""
        cells = self.puzzle.spec.cells
        if not isinstance(text, str) or len(text) != cells or not text.isascii():
            return None
        chars = np.frombuffer(text.encode(), np.uint8)[None]
        ids = self.ids[chars]
        vague = bool(self._spelled_twice(chars).any()) or any(c in text for c in self.puzzle.context_symbols)
        return None if vague or (ids < 0).any() else ids.astype(np.uint8)

    def _parse(self, where: str, text: object) -> UInt8[np.ndarray, " C"]:
        try:
            return self.puzzle.parse(text)
        except DataError as error:
            raise DataError(f"{self.name}: {where}, {self.column}: {error}") from None
