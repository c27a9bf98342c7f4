"""The demo: learn 4×4 Sudoku from scratch, then solve what was never seen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from hrm.evaluation.request import EvalRequest
from hrm.evaluation.run import evaluate_model
from hrm.inference.answer import Answer
from hrm.inference.load import load
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, generator
from hrm.runtime.environment import present
from hrm.train.setup import Setup
from hrm.train.trainer import Trainer
from hrm.viz.puzzle.files import save


@dataclass(frozen=True)
class Demo:
    """What the demo produced."""

    evaluation: dict[str, Any]
    """On the unseen puzzles, as ``hrm eval`` gives it."""
    puzzle: Puzzle
    row: int
    """Which puzzle of the test split was drawn for the replay."""
    answer: Answer
    files: list[Path]
    next_commands: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "evaluation": self.evaluation,
            "replayed": {
                "row": self.row,
                "puzzle": self.answer.puzzle,
                "answer": self.answer.answer,
                "verified": self.answer.verified,
                "segments": self.answer.segments,
            },
            "files": [str(file) for file in self.files],
        }


def run_demo(setup: Setup, folder: Path, seed: int, console: Console) -> Demo:
    """Generate puzzles, train, evaluate, replay one unseen puzzle.

    Args:
        setup: the run, which has been announced.
        folder: where everything goes; a demo that was interrupted goes on there.
        seed: names the puzzles, the weights and the puzzle drawn for the replay.
        console: where progress goes.
    """
    run = setup.folder
    trainer = Trainer(setup, cache_dir=folder / "data", console=console, announce=False)
    trainer.fit()
    request = EvalRequest(run, trainer.store.path, split="test", cache_dir=folder / "data", now=present())
    evaluation = evaluate_model(request)
    solver = load(run)
    test = trainer.store.split("test")
    row = int(generator(seed, Stream.SPLIT, 1).integers(len(test)))
    question = solver.puzzle.text(np.asarray(test.inputs[row]))
    answer = solver.solve(question, segments=setup.config.halting.max_segments, trace=True)
    gif, sheet = folder / "solve.gif", folder / "solve.png"
    save(solver.puzzle, answer, gif)
    save(solver.puzzle, answer, sheet)
    curves = run / "curves.png"
    return Demo(
        evaluation,
        solver.puzzle,
        row,
        answer,
        [*([curves] if curves.exists() else []), gif, sheet],
        [
            f"hrm solve {run} {question} --trace",
            f"hrm show {run} {question} --out solve.gif",
            "hrm train sudoku-6x6            # the next size, from scratch",
            "hrm recipes                     # every experiment that runs by name",
            "hrm train hrm-sudoku --data.path YOUR.csv --dry-run   # the published model: what would it cost?",
        ],
    )
