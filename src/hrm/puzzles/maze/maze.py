"""Mazes of any size: walls, a start, a goal, and a shortest path between them to be drawn.

Text and tokens are those of Maze-Hard: ``#`` wall, space open, ``S`` start, ``G`` goal, ``o`` path, as 1 to 5.

Source: Maze-Hard of HRM (arXiv 2506.21734) after Lehnert et al. (Searchformer, arXiv 2402.14083): 30 to 50 % of
random cells are walls, start and goal are random, and the shortest path has more than 110 moves. Differs: every
wall pattern that has such a pair is as likely as another, and so is every such pair in it; Searchformer keeps the
first of 100 pairs that will do, which favors patterns with many.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import Attempt, ClassicalSolver, Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.grids import MAX_GIVEN, dihedral, neighbors, steps, unpacked
from hrm.puzzles.maze.bitgrid import BitGrid
from hrm.puzzles.searches import Floor, Walk, a_star, breadth_first, tremaux, wall_following
from hrm.randomness import Stream, generator, mix

TOKENS = ("_", "#", " ", "S", "G", "o")
WALL, OPEN, START, GOAL, PATH = range(1, 6)
LEAST_WALLS, MOST_WALLS = 0.3, 0.5
"""Share of the cells that are walls."""
_NAME = re.compile(r"maze-(\d{1,4})x(\d{1,4})(-unique)?", re.ASCII)
_WORD = re.compile(r"(?![SGo]{3})[A-Za-z]{3}")
_LONGER_THAN = {100: 18, 256: 40, 900: 110}


class Maze(Puzzle):
    """Mark a shortest path from start to goal, moving up, down, left and right over open cells."""

    def __init__(self, rows: int, columns: int, unique: bool = False, longer_than: int | None = None):
        """Choose the size and what ``generate`` makes.

        Args:
            unique: add walls until only one shortest path is left.
            longer_than: the shortest path has more moves than this; 110 for 30x30, 18 for 10x10, and in
                proportion (to the cells, power 0.82) for other sizes, unless told.
        """
        cells = rows * columns
        if min(rows, columns) < 4 or cells > MAX_GIVEN:
            raise UsageError(f"a maze of {rows}x{columns} is not possible: at least 4x4, at most {MAX_GIVEN} cells")
        usual = _LONGER_THAN.get(cells, int(18 * (cells / 100) ** 0.824))
        self.longer_than = usual if longer_than is None else longer_than
        self._spec = PuzzleSpec(
            name=f"maze-{rows}x{columns}",
            shape=(rows, columns),
            tokens=TOKENS,
            blank=OPEN,
            answers=tuple(range(1, len(TOKENS))),  # cells off the path stay open
            relations=("neighbor", "step"),
            oriented=("step",),
            symmetry_draws=1,
            unique=False,
            fills=((WALL, "#30353f"), (PATH, "#2f6fd6"), (START, "#8fd0a5"), (GOAL, "#f4b26b")),
            solid=(WALL, PATH),
            words=((WALL, "wall"), (PATH, "path"), (START, "start"), (GOAL, "goal")),
            marks=(PATH,),
            once=(START, GOAL),
        )
        self._unique, self._grid = unique, BitGrid(rows, columns)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that are listed."""
        return tuple(f"maze-{size}x{size}{end}" for end in ("", "-unique") for size in (10, 16, 30))

    @classmethod
    def from_name(cls, name: str) -> "Puzzle | None":
        """Return the family with this name; None: there is none."""
        parts = _NAME.fullmatch(name)
        return cls(int(parts[1]), int(parts[2]), unique=bool(parts[3])) if parts else None

    @property
    def generator(self) -> str:
        """Return the name of the family, and whether paths are unique."""
        return f"{self.spec.name}-unique" if self._unique else self.spec.name

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a maze.

        Args:
            given: text of one line or a line a row (open cells are spaces or ``.``, and every space counts), JSON
                text, rows as strings, or rows of characters or tokens.

        Raises:
            DataError: ragged rows, another size, an unknown character, or not one start and one goal.
        """
        (height, width), name = self.spec.shape, self.spec.name
        rows = _rows(given, name)
        if len(rows) == 1 and len(rows[0]) == height * width:
            rows = [rows[0][y * width : (y + 1) * width] for y in range(height)]
        hint = "every space is an open cell; where spaces get lost, write '.' for it"
        if len(rows) != height:
            size = f"{len(rows[0])} cells in one line" if len(rows) == 1 else f"{len(rows)} rows"
            raise DataError(f"not a {name}: it has {size} instead of {height} rows of {width} ({hint})")
        grid = np.zeros((height, width), np.uint8)
        for y, row in enumerate(rows):
            if len(row) != width:
                raise DataError(f"not a {name}: row {y + 1} has {len(row)} cells instead of {width} ({hint})")
            for x, item in enumerate(row):
                token = _SYMBOLS.get(item) if isinstance(item, str | int) and not isinstance(item, bool) else None
                if token is None:
                    raise DataError(
                        f"not a {name}: row {y + 1}, column {x + 1} holds {str(item)[:20]!r}; allowed are '#' wall, "
                        "' ' or '.' open, 'S' start, 'G' goal and 'o' path"
                    )
                grid[y, x] = token
        for what, token in (("start 'S'", START), ("goal 'G'", GOAL)):
            if (count := int((grid == token).sum())) != 1:
                raise DataError(f"not a {name}: it has {count} cells that are the {what}; give exactly one")
        return grid.reshape(-1)

    def is_note(self, line: str) -> bool:
        """Say whether a line of a text file is a note; ``#`` is a wall, so a note is a line that has a word in it."""
        sized = len(line) in (self.spec.shape[1], self.spec.cells)
        marked = line.startswith("#") and not sized and _WORD.search(line[: self.spec.cells]) is not None
        return marked or line.lstrip().startswith((";", "//"))

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is a row of a maze, or too short to be a whole one."""
        return len(line) <= 2 * self.spec.shape[1] and line.lstrip()[:1] != "["

    def without_note(self, line: str) -> str:
        """Return the maze of a line of a list, without what follows its cells and a tab, a comma or a semicolon."""
        cells, rest = line[: self.spec.cells], line[self.spec.cells :]
        return cells if rest.lstrip(" ")[:1] in ("\t", ",", ";") and rest.strip() else line

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a maze as one line of text, open cells as spaces."""
        return "".join(TOKENS[token] for token in grid)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each maze whether the answer keeps it and marks one shortest path from start to goal."""
        lengths = (answers == PATH).sum(axis=1)
        right = self.extra_metrics(inputs, answers)["connected"]
        for row in np.flatnonzero(right).tolist():
            right[row] = lengths[row] + 1 == self._grid.distance(*self._ends(inputs[row], PATH, OPEN))
        return right

    def extra_metrics(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> dict[str, Bool[np.ndarray, " n"]]:
        """Return ``connected``: the answer keeps the maze, and the marked cells join start and goal."""
        keeps = ((inputs == answers) | ((inputs == OPEN) & (answers == PATH))).all(axis=1)
        keeps &= ((inputs == START).sum(axis=1) == 1) & ((inputs == GOAL).sum(axis=1) == 1)
        for row in np.flatnonzero(keeps).tolist():
            keeps[row] = self._grid.distance(*self._ends(answers[row], PATH)) is not None
        return {"connected": keeps}

    def relations(self) -> Int8[np.ndarray, "2 C C"]:
        """Return 1 where two cells touch along an edge, and the direction of that step (1 to 4).

        Of several shortest paths only the direction tells which one is drawn.
        """
        return np.stack((neighbors(self.spec.shape), steps(self.spec.shape)))

    def outside(self, puzzle: UInt8[np.ndarray, " C"], trained_on: str) -> str | None:
        """Say whether a maze has several shortest paths, or a shorter one, where no training maze had."""
        paths = self.solutions(puzzle, limit=2)
        if len(paths) > 1 and trained_on.endswith("-unique"):
            return "it has several shortest paths; the model was trained on mazes with one only"
        if len(paths) and (moves := int((paths[0] == PATH).sum()) + 1) <= self.longer_than:
            counted = f"{moves} move{'s' if moves > 1 else ''}"
            return f"its shortest path has {counted}; the model was trained on mazes of more than {self.longer_than}"
        return None

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into turns and reflections: eight of a square, four of another rectangle."""
        identity = Symmetries.identity(self.spec, len(draws))
        turns = dihedral(self.spec.shape)
        cells = turns[(draws[:, 0] * len(turns)).astype(np.int64)]
        return Symmetries(cells, identity.tokens)

    def image_answers(
        self,
        inputs: UInt8[np.ndarray, "n C"],
        answers: UInt8[np.ndarray, "n C"],
        images: UInt8[np.ndarray, "n C"],
        turned: UInt8[np.ndarray, "n C"],
    ) -> UInt8[np.ndarray, "n C"]:
        """Return a path through each image, drawn by the rule of ``generate`` if the path of the maze itself is.

        Turned, such a path would be one of several shortest ones that no rule tells from the others. Any other path
        is turned with its maze.
        """
        chosen = turned.copy()
        for row in range(len(inputs)):
            ruled = self.solutions(inputs[row], limit=1)
            if len(ruled) and (answers[row] == ruled[0]).all():
                chosen[row] = self.solutions(images[row], limit=1)[0]
        return chosen

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two mazes share exactly when one is the other turned or reflected."""
        return min(turned.tobytes() for turned in puzzle[dihedral(self.spec.shape)])

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return a hash of which tokens stand how often at cells that turns and reflections exchange."""
        orbit = dihedral(self.spec.shape).min(axis=0)
        return mix(orbit.astype(np.uint64) * np.uint64(256) + inputs).sum(axis=1, dtype=np.uint64)

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return up to ``limit`` different shortest paths; none where start and goal are not joined."""
        paths = islice(self._grid.shortest_paths(*self._ends(puzzle, OPEN, PATH)), limit)
        return np.array([_marked(puzzle, path) for path in paths], np.uint8).reshape(-1, self.spec.cells)

    @property
    def classical_solvers(self) -> tuple[ClassicalSolver, ...]:
        """Return breadth-first search and A*, whose paths are shortest, and two ways to walk, whose are not."""
        return tuple(
            ClassicalSolver(name, "cells visited", partial(self._walk, search))
            for name, search in (
                ("breadth-first search, pure Python", breadth_first),
                ("A* search", a_star),
                ("wall following, right hand", wall_following),
                ("Trémaux", tremaux),
            )
        )

    def _walk(self, search: Callable[[Floor], Walk], puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        width = self.spec.shape[1]
        start, goal = (divmod(int(np.flatnonzero(puzzle == token)[0]), width) for token in (START, GOAL))
        walk = search(Floor((puzzle != WALL).reshape(self.spec.shape), start, goal))
        if walk.path is None:
            return Attempt(None, walk.visited)
        return Attempt(_marked(puzzle, [y * width + x for y, x in walk.path]), walk.visited)

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return maze number ``index`` of the sequence named by ``seed``, and a shortest path.

        Of several shortest paths the one is marked that goes up where it can, else down, else left.
        """
        rng = generator(seed, Stream.GENERATE, index)
        cells, grid = self.spec.cells, self._grid
        least, most = int(np.ceil(LEAST_WALLS * cells)), int(MOST_WALLS * cells)
        while True:
            puzzle = np.full(cells, OPEN, np.uint8)
            puzzle[rng.permutation(cells)[: rng.integers(least, most + 1)]] = WALL
            ends = self._far_apart(grid.pack(puzzle == OPEN), rng)
            if ends is not None:
                break
        puzzle[ends[0]], puzzle[ends[1]] = START, GOAL
        if self._unique:
            self._close_ties(puzzle, rng)
        return puzzle, self.solutions(puzzle, limit=1)[0]

    def _far_apart(self, floor: int, rng: np.random.Generator) -> tuple[int, int] | None:
        """Return a random pair of cells that are far enough apart, all such pairs equally likely, if there is one.

        Around a middle cell, two cells less than half the distance away are never far apart, so only pairs with
        one cell beyond that are looked at; a floor without such cells is given up after one search or four.
        """
        grid, least, rest = self._grid, self.longer_than + 1, floor
        height, width = self.spec.shape
        middle = grid.bit(height // 2 * width + width // 2)
        far: list[tuple[int, int]] = []  # a cell, and the cells that are far enough from it
        while rest.bit_count() > least:  # fewer cells are never that far apart
            around = middle & rest or rest & -rest
            fronts = grid.fronts(floor, around)
            for front in fronts:
                rest &= ~front
            if 2 * (len(fronts) - 1) < least:
                continue
            fronts = grid.fronts(floor, fronts[-1] & -fronts[-1])
            across = grid.on_shortest_paths(floor, fronts[0], fronts[-1] & -fronts[-1])
            center = across[len(across) // 2]
            outside = sum(grid.fronts(floor, center & -center)[(least + 1) // 2 :])
            inside = floor & ~outside
            for cell in grid.cells(outside).tolist():
                others = sum(grid.fronts(floor, grid.bit(cell))[least:])
                far += [(cell, others & outside), (cell, others & inside), (-1 - cell, others & inside)]
        counts = np.array([others.bit_count() for _, others in far])
        if not counts.any():
            return None
        chosen, others = far[int(rng.choice(len(far), p=counts / counts.sum()))]
        other = int(rng.choice(grid.cells(others)))
        return (other, -1 - chosen) if chosen < 0 else (chosen, other)

    def _close_ties(self, puzzle: UInt8[np.ndarray, " C"], rng: np.random.Generator) -> None:
        """Wall off one random cell after another until one shortest path is left, and no other is as short."""
        grid = self._grid
        while True:
            floor, start, goal = self._ends(puzzle, OPEN)
            ties = [front for front in grid.on_shortest_paths(floor, start, goal) if front.bit_count() > 1]
            if not ties:
                return
            puzzle[rng.choice(grid.cells(ties[int(rng.integers(len(ties)))]))] = WALL

    def _ends(self, grid: UInt8[np.ndarray, " C"], *floor: int) -> tuple[int, int, int]:
        """Return the sets of the cells to walk on, of the start and of the goal."""
        start, goal = self._grid.pack(grid == START), self._grid.pack(grid == GOAL)
        return self._grid.pack(np.isin(grid, floor)) | start | goal, start, goal


_SYMBOLS = {".": OPEN} | {name: token for token, name in enumerate(TOKENS) if token} | {t: t for t in range(1, 6)}


def _marked(puzzle: UInt8[np.ndarray, " C"], path: list[int]) -> UInt8[np.ndarray, " C"]:
    answer = np.where(puzzle == PATH, OPEN, puzzle).astype(np.uint8)
    answer[path[1:-1]] = PATH
    return answer


def _rows(given: object, name: str) -> list[list[object]]:
    """Return what a maze was given as, row by row, unread."""
    try:
        given = unpacked(given, "[", 2 * MAX_GIVEN)
    except DataError as error:
        raise DataError(f"not a {name}: {error}") from None
    if isinstance(given, str):
        return [list(line) for line in given.strip("\r\n").splitlines()] or [[]]
    if not isinstance(given, list | tuple) or len(given) > MAX_GIVEN:
        raise DataError(f"not a {name}: give text, rows as strings, or rows of characters or tokens")
    if all(isinstance(row, str | list | tuple) and len(row) != 1 for row in given) and given:
        return [list(row)[: MAX_GIVEN + 1] for row in given]  # pyright: ignore[reportArgumentType]
    return [list(given)]
