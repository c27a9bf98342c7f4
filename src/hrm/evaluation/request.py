"""What to measure: the request behind a command, which Python and any server can fill in as well."""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from hrm.errors import UsageError
from hrm.evaluation.usual import SCALE_BUDGET, SCALE_COPIES, SCALE_PUZZLES
from hrm.inference.solver import MOST_SEGMENTS, Solver
from hrm.runtime.world import ALONE, World


@dataclass(frozen=True)
class Request:
    """A model and the puzzles to run it on."""

    model: str | Path | Solver
    """A shipped model, a run folder or a checkpoint folder; or a solver, which keeps its device and arithmetic."""
    data: Path | None = None
    """A store or a file of puzzles; None: held-out puzzles are generated."""
    _: KW_ONLY
    cache_dir: Path
    """Where the stores of files and of generated training puzzles are kept."""
    now: str
    """The present time as ISO 8601."""
    split: str = ""
    """Which split of a store to use; empty: ``test``, or the only split."""
    segments: int | None = None
    """How many segments to run; None: the training budget, or what the question takes."""
    seed: int = 1
    """Of the generated puzzles and of every random choice."""
    device: str = "auto"
    precision: str | None = "auto"
    """auto, fp32 or bf16; None: what the question takes."""

    @property
    def puzzles_from(self) -> str:
        """Where the puzzles come from, in words."""
        return f"puzzles of {self.data.name}" if self.data else f"generated puzzles (seed {self.seed})"

    def require_counts(self, **counts: int | None) -> None:
        """Refuse numbers that no measurement can have, given by the name of their option.

        Raises:
            UsageError: names the first one.
        """
        if self.segments is not None and not 1 <= self.segments <= MOST_SEGMENTS:
            raise UsageError(f"--segments must be 1 to {MOST_SEGMENTS} (got {self.segments})")
        for name, count in counts.items():
            if count is not None and count < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be 1 or more (got {count})")


@dataclass(frozen=True)
class EvalRequest(Request):
    """What ``hrm eval`` measures."""

    _: KW_ONLY
    limit: int | None = None
    """Only this many puzzles, from the start; None: all of a file, ``GENERATED`` of those that are generated."""
    batch_size: int = 256
    compiled: bool = False
    """Compile the network first; pays for thousands of puzzles."""
    with_classical: bool = False
    """Add ``classical``: what each classical solver of the family makes of the first puzzles."""
    variants: int | None = None
    """For a family with tasks: how many variants of each task vote; None: all that the model has."""
    world: World = ALONE
    """Processes that share the puzzles; all of them get the same numbers."""


@dataclass(frozen=True)
class ScaleRequest(Request):
    """What ``hrm scale`` measures; its ``segments`` are those of one run of those that begin several."""

    _: KW_ONLY
    puzzles: int = SCALE_PUZZLES
    """This many, from the start."""
    copies: int = SCALE_COPIES
    """Runs of a puzzle, at most."""
    budget: int = SCALE_BUDGET
    """Segments that pin-and-check may spend on a puzzle."""
