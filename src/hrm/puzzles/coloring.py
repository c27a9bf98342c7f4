"""Graph coloring: give every node a color so that no edge joins two of the same; a few colors are given.

The grid is the graph's matrix: cell (i, i) is node i, blank or of a given color, and cell (i, j) says whether an edge
joins i and j. The answer fills the diagonal and repeats the rest. Token 0 is padding, 1 a blank, 2 no edge, 3 an edge,
and the color c, counted from 1, has the token c + 3.
"""

import re
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8, UInt64

from hrm.errors import DataError, UndecidedError, UsageError
from hrm.puzzles.base import PAD, Attempt, ClassicalSolver, Puzzle, PuzzleSpec, Sketch, Symmetries
from hrm.puzzles.dimacs import is_dimacs, is_dimacs_line, read_dimacs
from hrm.puzzles.grids import MAX_GIVEN, small_number, unpacked
from hrm.puzzles.notation import BLANKS
from hrm.puzzles.searches import MOST_TRIED, depth_first
from hrm.randomness import Stream, generator, mix

MOST_NODES, MOST_COLORS = 32, 9
_BLANK, _APART, _EDGE, _FIRST_COLOR = 1, 2, 3, 4
_COLORS = "123456789"
# colors that most people tell apart (Okabe and Ito, 2008), and two grays; no red, which marks mistakes
_PAINTS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#b5894f", "#d9d9d9", "#8c8c8c")
_NAME = re.compile(r"colou?ring-(\d{1,4})x(\d{1,4})", re.ASCII)  # "colouring" was its name at first
_NOTE = re.compile(r"\t|\s#")
_SEPARATORS = re.compile(r"[\s,]+")


class Coloring(Puzzle):
    """Color n nodes with k colors, so that nodes joined by an edge differ."""

    def __init__(self, nodes: int, colors: int):
        """Choose the numbers of nodes and of colors."""
        if not 3 <= nodes <= MOST_NODES or not 2 <= colors <= min(MOST_COLORS, nodes):
            raise UsageError(
                f"a coloring of {nodes} nodes with {colors} colors is not possible: 3 to {MOST_NODES} nodes, and 2 "
                f"to {MOST_COLORS} colors, at most one a node"
            )
        self.nodes, self.colors = nodes, colors
        self._spec = PuzzleSpec(
            name=f"coloring-{nodes}x{colors}",
            first_name=f"colouring-{nodes}x{colors}",
            shape=(nodes, nodes),
            tokens=("_", ".", " ", "#", *_COLORS[:colors]),
            blank=_BLANK,
            relations=("adjacent", "same line"),
            symmetry_draws=nodes + colors,
            differ=("adjacent",),
            fills=((_EDGE, "#4a505c"), *enumerate(_PAINTS[:colors], start=_FIRST_COLOR)),
            solid=(_EDGE,),
        )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that are listed."""
        return "coloring-8x3", "coloring-12x3", "coloring-20x4"

    @classmethod
    def from_name(cls, name: str) -> "Puzzle | None":
        """Return the family with this name; None: there is none."""
        parts = _NAME.fullmatch(name)
        return cls(int(parts[1]), int(parts[2])) if parts else None

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a puzzle.

        Args:
            given: ``1..2…;1-2,1-5,…``: a color or ``.`` for each node, then the edges by the numbers of their nodes,
                from 1. Or JSON, or an object, with ``nodes`` (such a text, or a list) and ``edges`` (a list of pairs).
                Or the text of a DIMACS file (``p edge 8 12``, ``e 1 2``), in which no color is given.

        Raises:
            DataError: another number of nodes, an unknown color or node, an edge from a node to itself or between two
                nodes of one given color.
        """
        name, n = self.spec.name, self.nodes
        # nodes and edges, each sound by itself
        try:
            nodes, edges = _given(given)
            if len(nodes) != n:
                fits = f"; coloring-{len(nodes)}x{self.colors} would fit" if 3 <= len(nodes) <= MOST_NODES else ""
                raise DataError(f"it has {len(nodes)} nodes instead of {n}, before the ';'{fits}")
            for node, symbol in enumerate(nodes):
                if symbol not in (*BLANKS, *_COLORS[: self.colors]):
                    raise DataError(
                        f"node {node + 1} is {symbol!r}; allowed are the colors 1-{self.colors}, and '.' for none yet"
                    )
            if len(marks := sorted({symbol for symbol in nodes if symbol in BLANKS})) > 1:
                raise DataError(
                    f"it holds both {marks[0]!r} and {marks[1]!r}, and one of them may be no blank; colors are 1-"
                    f"{self.colors}, and one mark is a blank"
                )
            for a, b in edges:
                if not 1 <= min(a, b) <= max(a, b) <= n:
                    raise DataError(f"the edge {a}-{b}: nodes have the numbers 1 to {n}")
                if a == b:
                    raise DataError(f"the edge {a}-{b} joins a node with itself")
        except DataError as error:
            raise DataError(f"not a {name} puzzle: {error}") from None
        # their matrix; joined nodes must differ
        grid = np.full((n, n), _APART, np.uint8)
        np.fill_diagonal(grid, [_BLANK if s in BLANKS else _FIRST_COLOR + _COLORS.index(s) for s in nodes])
        for a, b in edges:
            if nodes[a - 1] == nodes[b - 1] in _COLORS:
                raise DataError(
                    f"the givens contradict each other: nodes {a} and {b} are joined and both have the color "
                    f"{nodes[a - 1]}; correct one of them or make it a '.'"
                )
            grid[a - 1, b - 1] = grid[b - 1, a - 1] = _EDGE
        return grid.reshape(-1)

    def is_note(self, line: str) -> bool:
        """Say whether a line of a text file is a note; the edges follow a ``;``."""
        return line.lstrip().startswith(("#", "//"))

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is not a whole puzzle: nodes or edges alone, or a line of DIMACS."""
        rest = line.strip()[1:]  # a whole puzzle has a ';' behind its nodes, and edges behind it
        return is_dimacs_line(line) or (line.lstrip()[:1] != "{" and (";" not in rest or rest.endswith(";")))

    def without_note(self, line: str) -> str:
        """Return the puzzle of a line of a list, without what follows a tab or a ``#``."""
        return _NOTE.split(line.strip(), maxsplit=1)[0]

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line: the diagonal, and the edges that stand above it."""
        square = grid.reshape(self.spec.shape)
        nodes = "".join(self.spec.tokens[token] for token in square.diagonal())
        edges = np.argwhere(np.triu(square == _EDGE, k=1)) + 1
        return f"{nodes};{','.join(f'{a}-{b}' for a, b in edges.tolist())}"

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer repeats it, and colors all nodes so that joined ones differ."""
        n = self.nodes
        right = ((inputs == answers) | ((inputs == _BLANK) & self._is_node)).all(axis=1)
        square = answers.reshape(-1, n, n)
        color = square.diagonal(axis1=1, axis2=2)
        right &= (color >= _FIRST_COLOR).all(axis=1) & (square == square.swapaxes(1, 2)).all(axis=(1, 2))
        right &= (np.isin(answers, (_APART, _EDGE)) | self._is_node).all(axis=1)
        clash = (square == _EDGE) & (color[:, :, None] == color[:, None, :])
        return right & ~clash.any(axis=(1, 2))

    def relations(self) -> Int8[np.ndarray, "2 C C"]:
        """Return 1 between different nodes, which an edge might join; and between a node and the cells of its lines."""
        node, (y, x) = self._is_node, np.divmod(np.arange(self.spec.cells), self.nodes)
        nodes = node[:, None] & node[None, :] & (y[:, None] != y)
        line = (y[:, None] == y) | (x[:, None] == x)
        return np.stack([nodes, line & (node[:, None] ^ node[None, :])]).astype(np.int8)

    def relations_of(self, inputs: UInt8[np.ndarray, "n C"]) -> Int8[np.ndarray, "n 2 C C"]:
        """Return 1 between nodes that an edge of the puzzle joins; and between a node and the cells of its lines."""
        n, count = self.nodes, len(inputs)
        square = inputs.reshape(count, n, n) == _EDGE
        nodes = np.flatnonzero(self._is_node)
        relations = np.zeros((count, 2, self.spec.cells, self.spec.cells), np.int8)
        relations[:, 0, nodes[:, None], nodes[None, :]] = (square | square.swapaxes(1, 2)) & ~np.eye(n, dtype=bool)
        relations[:, 1] = self.relation_matrices[1]
        exists = (inputs != PAD).astype(np.int8)
        relations *= exists[:, None, :, None]
        relations *= exists[:, None, None, :]
        return relations

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into permutations of the nodes and of the colors."""
        order = np.argsort(draws[:, : self.nodes], axis=1)
        cells = (order[:, :, None] * self.nodes + order[:, None, :]).reshape(len(draws), -1)
        tokens = np.tile(np.arange(self.spec.vocab_size), (len(draws), 1))
        tokens[:, _FIRST_COLOR:] = np.argsort(draws[:, self.nodes :], axis=1) + _FIRST_COLOR
        return Symmetries(cells, tokens)

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return ``twin_invariants``: twins always share it, strangers hardly ever.

        A canonical form of a graph is dear; a split that must keep twins together errs on the safe side.
        """
        return self.twin_invariants(puzzle[None], answer[None]).tobytes()

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return for each puzzle a number that all of its twins share.

        Each node starts as given or not, and then mixes in, four times, what its neighbors hold, and what the nodes of
        its color in the answer hold. The number is made of all nodes.
        """
        n = self.nodes
        edges = (inputs.reshape(-1, n, n) == _EDGE).astype(np.uint64)
        color = answers.reshape(-1, n, n).diagonal(axis1=1, axis2=2)
        same = (color[:, :, None] == color[:, None, :]).astype(np.uint64)
        hashes = mix((inputs.reshape(-1, n, n).diagonal(axis1=1, axis2=2) != _BLANK).astype(np.uint64))
        for _ in range(4):
            messages = mix(hashes)[:, None, :]
            adjacent, alike = ((kind * messages).sum(axis=2, dtype=np.uint64) for kind in (edges, same))
            hashes = mix(hashes + mix(adjacent) + mix(alike + np.uint64(3)))
        return mix(mix(hashes).sum(axis=1, dtype=np.uint64))

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return up to ``limit`` different answers, found exactly.

        Raises:
            UndecidedError: a search of some seconds found no proof.
        """
        neighbors, options = self._problem(puzzle)
        ways, _, complete = color_graph(neighbors, options, limit)
        if not complete:
            raise UndecidedError(f"no proof within {MOST_TRIED} colors tried: too little is given for an exact search")
        return self._answers(puzzle, ways)

    def sketch(self, puzzle: UInt8[np.ndarray, " C"]) -> Sketch:
        """Return the graph: its nodes lie on the diagonal, and are told by their numbers."""
        nodes = np.flatnonzero(self._is_node).tolist()
        pairs = np.argwhere(np.triu(puzzle.reshape(self.spec.shape) == _EDGE, k=1)).tolist()
        notes = {node: str(number) for number, node in enumerate(nodes, start=1)}
        return Sketch(puzzle != PAD, None, notes, tuple(nodes), tuple((nodes[a], nodes[b]) for a, b in pairs))

    @property
    def classical_solvers(self) -> tuple[ClassicalSolver, ...]:
        """Return search at the node with the fewest colors left, and depth-first search without any look ahead."""
        return (
            ClassicalSolver("fewest colors first (DSATUR), pure Python", "colors tried", self._fewest_first),
            ClassicalSolver("depth-first search", "colors tried", self._depth_first),
        )

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return puzzle number ``index`` of the sequence named by ``seed``, and its only answer.

        Nodes get random colors, each color at least one; then random pairs of different colors are joined: 1.2 to 2
        edges for each node and each color but one, but at most 85 % of such pairs. Given colors are taken back in
        random order as long as the answer stays unique, so that none of those left can be spared.
        """
        rng, n, k = generator(seed, Stream.GENERATE, index), self.nodes, self.colors
        colors = rng.permutation(np.concatenate([np.arange(k), rng.integers(k, size=n - k)]))
        pairs = np.argwhere(np.triu(colors[:, None] != colors[None, :], k=1))
        edges = rng.permutation(pairs)[: round(min(n * (k - 1) * rng.uniform(1.2, 2.0), 0.85 * len(pairs)))]
        answer = np.full((n, n), _APART, np.uint8)
        answer[edges[:, 0], edges[:, 1]] = answer[edges[:, 1], edges[:, 0]] = _EDGE
        np.fill_diagonal(answer, colors + _FIRST_COLOR)
        puzzle = answer.copy()
        neighbors, options = self._problem(puzzle.reshape(-1))
        everything = (1 << k) - 1
        for node in rng.permutation(n).tolist():
            others = [*options[:node], everything & ~options[node], *options[node + 1 :]]
            ways, _, complete = color_graph(neighbors, others, 1)
            if complete and not ways:
                options[node] = everything
                puzzle[node, node] = _BLANK
        return puzzle.reshape(-1), answer.reshape(-1)

    def _problem(self, puzzle: UInt8[np.ndarray, " C"]) -> tuple[list[int], list[int]]:
        """Return for each node the set of its neighbors, and of the colors that it may have, bit by bit."""
        square = puzzle.reshape(self.spec.shape)
        edge = (square == _EDGE) | (square.T == _EDGE)
        neighbors = [sum(1 << other for other in np.flatnonzero(row).tolist()) for row in edge]
        tokens = square.diagonal().tolist()
        everything = (1 << self.colors) - 1
        return neighbors, [everything if token < _FIRST_COLOR else 1 << token - _FIRST_COLOR for token in tokens]

    def _answers(self, puzzle: UInt8[np.ndarray, " C"], ways: list[list[int]]) -> UInt8[np.ndarray, "k C"]:
        answers = np.repeat(puzzle[None], len(ways), axis=0)
        answers[:, self._is_node] = np.array(ways, np.int64).reshape(-1, self.nodes) + _FIRST_COLOR
        return answers

    def _fewest_first(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        ways, tried, _ = color_graph(*self._problem(puzzle), limit=1)
        return Attempt(self._answers(puzzle, ways)[0] if ways else None, tried)

    def _depth_first(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        neighbors, _ = self._problem(puzzle)
        given = [max(token - _FIRST_COLOR + 1, 0) for token in puzzle[self._is_node].tolist()]
        peers = [[other for other in range(self.nodes) if row >> other & 1] for row in neighbors]
        filled, tried = depth_first(given, peers, self.colors)
        return Attempt(None if filled is None else self._answers(puzzle, [[c - 1 for c in filled]])[0], tried)

    @cached_property
    def _is_node(self) -> Bool[np.ndarray, " C"]:
        return np.eye(self.nodes, dtype=bool).reshape(-1)


def color_graph(neighbors: list[int], options: list[int], limit: int) -> tuple[list[list[int]], int, bool]:
    """Find up to ``limit`` ways to color a graph, always going on at a node with the fewest colors left.

    Args:
        neighbors: for each node, the set of its neighbors as bits.
        options: for each node, the set of the colors that it may have as bits.

    Returns:
        The colors of all nodes, counted from 0, for each way; how many colors were tried; whether the search came to
        its end or to the limit, not to ``MOST_TRIED``.

    Source: the order of DSATUR (Brélaz, Communications of the ACM 22, 1979), with backtracking.
    """
    ways: list[list[int]] = []
    tried = 0
    open_states = [(tuple(options), (1 << len(options)) - 1)]  # colors left to each node; nodes not yet colored
    while open_states:
        left, rest = open_states.pop()
        if not rest:
            ways.append([colors.bit_length() - 1 for colors in left])
            if len(ways) == limit:
                return ways, tried, True
            continue
        nodes = [node for node in range(len(left)) if rest >> node & 1]
        node = min(nodes, key=lambda node: (left[node].bit_count(), -(neighbors[node] & rest).bit_count()))
        for color in reversed(range(left[node].bit_length())):
            if left[node] >> color & 1:
                if tried == MOST_TRIED:
                    return ways, tried, False
                tried += 1
                step = [
                    1 << color if other == node else colors & ~(1 << color) if neighbors[node] >> other & 1 else colors
                    for other, colors in enumerate(left)
                ]
                if all(step):
                    open_states.append((tuple(step), rest & ~(1 << node)))
    return ways, tried, True


def _given(given: object) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the symbols of the nodes, and the edges, of whatever a puzzle was given as."""
    if isinstance(given, str) and is_dimacs(given):
        count, edges = read_dimacs(given)
        return ["."] * count, edges
    given = unpacked(given, "{")
    if isinstance(given, str):
        nodes, semicolon, edges = given.partition(";")
        if not semicolon:
            raise DataError("there is no ';'; give the nodes, ';', and edges such as 1-2,1-5")
        return list("".join(nodes.split())), [_edge(edge.split("-")) for edge in _SEPARATORS.split(edges) if edge]
    if isinstance(given, dict) and set(given) == {"nodes", "edges"}:
        nodes, edges = given["nodes"], given["edges"]
        sound = isinstance(nodes, str | list) and isinstance(edges, list) and len(edges) + len(nodes) <= MAX_GIVEN
        if sound and all(isinstance(node, str | int) and not isinstance(node, bool) for node in nodes):
            return [str(node)[:9] for node in nodes], [_edge(edge) for edge in edges]
    raise DataError("give text such as '1..2;1-2,1-4', or an object of 'nodes' and 'edges' (pairs in a list)")


def _edge(ends: object) -> tuple[int, int]:
    if isinstance(ends, list | tuple) and len(ends) == 2:
        first, second = (small_number(end) for end in ends)
        if first is not None and second is not None:
            return first, second
    raise DataError(f"an edge is two numbers of nodes, such as 1-5, not {str(ends)[:24]!r}")
