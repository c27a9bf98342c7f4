"""Read graphs in the DIMACS format: ``p edge NODES EDGES``, a line ``e A B`` for each edge, ``c`` before notes.

Source: DIMACS challenge on graph coloring (1993), format of ``.col`` files.
"""

import re

from hrm.errors import DataError

MOST_CHARACTERS = 1 << 20
_LINE = re.compile(r"\s*(?:c(?:\s.*)?|p\s+(?:edge|edges|col)\s.*|e\s+\d+\s+\d+\s*)")
_PROBLEM = re.compile(r"^\s*p\s+(?:edge|edges|col)\s", re.MULTILINE)


def is_dimacs_line(line: str) -> bool:
    """Say whether a line can be one of a DIMACS graph."""
    return _LINE.fullmatch(line) is not None


def is_dimacs(text: str) -> bool:
    """Say whether text has the line that says how large the graph is."""
    return len(text) <= MOST_CHARACTERS and _PROBLEM.search(text) is not None


def read_dimacs(text: str) -> tuple[int, list[tuple[int, int]]]:
    """Return the number of nodes, and the edges by the numbers of their nodes, from 1; each edge once.

    Raises:
        DataError: a line that is none of this format, two graphs, or another number of edges than the file says.
    """
    size: tuple[int, int] | None = None
    edges: dict[tuple[int, int], None] = {}
    lines = 0
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0] == "c":
            continue
        if words[0] == "p" and len(words) == 4 and all(word.isdecimal() and len(word) < 8 for word in words[2:]):
            if size is not None:
                raise DataError(f"line {number} of the graph is a second 'p' line; give one graph a file")
            size = int(words[2]), int(words[3])
        elif words[0] == "e" and len(words) == 3 and all(word.isdecimal() and len(word) < 8 for word in words[1:]):
            a, b = sorted(map(int, words[1:]))
            edges[a, b] = None
            lines += 1
        else:
            raise DataError(
                f"line {number} of the graph is {line.strip()[:24]!r}; DIMACS graphs have the lines 'p edge NODES "
                "EDGES', 'e NODE NODE', and 'c' before notes"
            )
    if size is None:
        raise DataError("the graph has no line 'p edge NODES EDGES'")
    if size[1] not in (lines, len(edges), 2 * len(edges)):
        raise DataError(f"the graph has {lines} edges, but its line 'p' says {size[1]}; is a part of it missing?")
    return size[0], list(edges)
