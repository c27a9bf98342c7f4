"""Settings of the data: where puzzles come from, how they are split and augmented."""

from pydantic import BaseModel, ConfigDict, Field


class DataConfig(BaseModel):
    """Which puzzles a run sees."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    puzzle: str
    """Family of the puzzles, such as ``sudoku-9x9``; ``table`` for rows of one's own."""
    path: str = ""
    """A store, or a CSV/JSONL file of training puzzles."""
    generate: bool = False
    """Whether puzzles are generated where ``path`` is empty."""
    validation_path: str = ""
    """A store or file of held-out puzzles; empty: they are split off from the training puzzles."""
    train: int = Field(default=0, ge=0)
    """Training puzzles: generated, or drawn from the file by ``seed``; 0 = all that the file has."""
    validation: int = Field(default=0, ge=0)
    """Held-out puzzles that choose the best checkpoint; 0 = the last checkpoint counts as the best."""
    test: int = Field(default=0, ge=0)
    """Generated puzzles that nothing but the final evaluation sees; only where puzzles are generated."""
    share_twins: bool = False
    """Whether symmetric twins may lie in different splits (4×4 Sudoku has too few classes to keep them apart)."""
    augment: bool = True
    """Whether each draw shows its puzzle under a random symmetry of the family."""
    reveal: float = Field(default=0.0, ge=0, le=1)
    """Largest share of a training puzzle's blanks that are filled in with the answer, at the first draw; each draw
    fills in a share of its own, uniform between none and the largest."""
    reveal_end: float = Field(default=0.0, ge=0, le=1)
    """The largest share after ``reveal_draws`` draws."""
    reveal_draws: int = Field(default=0, ge=0)
    """Draws over which the largest share moves in a straight line from ``reveal`` to ``reveal_end``."""
    shape: tuple[int, int] = (0, 0)
    """Of a table: rows and columns of the largest puzzle; ``hrm train`` reads 0, 0 off the rows."""
    symbols: tuple[str, ...] = ()
    """Of a table: what may stand in a cell; ``hrm train`` reads nothing off the rows."""
    blank: str = ""
    """Of a table: the symbol that the answer replaces, so that all others are kept; empty = any cell may change."""
    symmetries: tuple[str, ...] = ()
    """Of a table: what changes nothing, ``turn`` (turns and reflections) and ``rename`` (symbols among themselves)."""
    seed: int = Field(default=0, ge=0)
    """Names the generated puzzles, the subsample and the split."""
