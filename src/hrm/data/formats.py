"""The table of the file formats that are read: the readers ask it, and the page `docs/file-formats.md` prints it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Format:
    """One format of files."""

    name: str
    suffixes: tuple[str, ...]
    holds: str
    """What such a file holds, as a phrase."""
    example: str = ""
    """A whole small file; empty for a binary format."""
    notes: tuple[str, ...] = ()
    """What else is read, and what is refused: a sentence each."""
    rows: bool = False
    """Whether its rows have answers, so that stores are built of it and models are trained and evaluated on it."""


FORMATS = (
    Format("CSV", (".csv",), "a puzzle a row, with a header line", "input,output\ndcba,abcd\ncabba,aabbc\n", rows=True),
    Format(
        "JSON Lines",
        (".jsonl",),
        "a puzzle a line, each a JSON object",
        '{"input": [[10, 2], [3, 4]], "output": [[10, 3], [2, 4]]}\n',
        rows=True,
    ),
    Format(
        "JSON",
        (".json",),
        "one such object, a list of them, one grid as a list of rows, or a list of grids",
        "[[1, 0, 0, 4], [0, 4, 1, 0], [0, 1, 4, 0], [4, 0, 0, 1]]\n",
        rows=True,
    ),
    Format("NumPy archive", (".npz",), "two arrays of whole numbers, `inputs` and `labels`", rows=True),
    Format("Plain text", (".txt",), "a puzzle a line, without answers", "..1.4.....2.3...\n.1.....3...4.4..\n"),
)
"""Every format, in the order of the page."""

ROWS = tuple(suffix for each in FORMATS if each.rows for suffix in each.suffixes)
"""The suffixes of files whose rows have answers."""


def text_suffix(path: Path) -> str:
    """Return the suffix that names a file's format, in lower case: `.csv` also for `rows.CSV.gz`."""
    named = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return named.suffix.lower()
