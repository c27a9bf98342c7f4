"""Settings of the data: where puzzles come from, how they are split and augmented."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hrm.randomness import LARGEST_SEED


class DataConfig(BaseModel):
    """Which puzzles a run sees."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    puzzle: str
    """Puzzle family, such as ``sudoku-9x9``; ``table`` for your own rows; ``module:Class`` for your own class."""
    path: str = ""
    """Store or file of training puzzles."""
    generate: bool = False
    """Generate the puzzles if ``path`` is empty."""
    validation_path: str = ""
    """Store or file of validation puzzles. Empty: they are split off from the training puzzles."""
    train: int = Field(default=0, ge=0)
    """Number of training puzzles, generated or sampled from the file. 0: all of the file. A store is taken as it is."""
    validation: int = Field(default=0, ge=0)
    """Number of validation puzzles, generated or split off from the file, which choose the best checkpoint. 0: the last
    checkpoint counts as the best. A store brings its own."""
    test: int = Field(default=0, ge=0)
    """Number of generated test puzzles, used by the final evaluation only. Not for files."""
    share_twins: bool = False
    """Allow symmetric twins in different splits (4×4 Sudoku has too few classes to keep them apart)."""
    augment: bool = True
    """Apply a random symmetry of the family each time a puzzle is used."""
    reveal: float = Field(default=0.0, ge=0, le=1)
    """Curriculum: fill in up to this share of the blanks of a training puzzle with the answer. Each use of a puzzle
    fills in a random share between 0 and this one."""
    reveal_end: float = Field(default=0.0, ge=0, le=1)
    """The largest share after ``reveal_draws`` uses."""
    reveal_draws: int = Field(default=0, ge=0)
    """Number of uses over which the largest share moves linearly from ``reveal`` to ``reveal_end``."""
    shape: tuple[int, int] = (0, 0)
    """Table puzzles: rows and columns of the largest puzzle. 0, 0: inferred from the file."""
    symbols: tuple[str, ...] = ()
    """Table puzzles: the allowed symbols. Empty: inferred from the file."""
    blank: str = ""
    """Table puzzles: the symbol of an empty cell. All other cells keep their symbol. Empty: any cell may change."""
    cells: Literal["", "words", "characters"] = ""
    """Table puzzles: how text is read, as words between spaces or commas or as characters. Empty: inferred from all
    rows of the file."""
    symmetries: tuple[str, ...] = ()
    """Table puzzles: symmetries, ``turn`` (rotations and reflections) and ``rename`` (permuting the symbols)."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Seed of the generated puzzles, the sample and the split."""
