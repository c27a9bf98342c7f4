"""Puzzles to try, which a model has not been trained on."""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from hrm.data.held_out import unseen
from hrm.errors import HrmError
from hrm.inference.solver import Solver


class Examples(BaseModel):
    """Held-out puzzles, and where they come from."""

    puzzles: list[str] = Field(description="Each as one line of text; none where no such puzzles can be made.")
    tasks: list[str] = Field(default=[], description="The task of each, where the model knows tasks.")
    source: str = Field(description="Where they come from, in one sentence; or why there are none.")


def examples_of(solver: Solver, made: int, kept: int, cache_dir: Path, now: str) -> Examples:
    """Generate puzzles of a model's family, apart from its training data, and keep those with the most to fill in.

    Args:
        made: how many are generated.
        kept: how many of them are returned.
        cache_dir: where generated training puzzles are kept, with which these are compared.
        now: the present time as ISO 8601.
    """
    if solver.origin is None or not solver.puzzle.spec.generated:
        return Examples(puzzles=[], source="No program makes puzzles of this kind: type or paste one.")
    data = solver.origin.config.data
    seed = data.seed + 1
    for count in (made, kept, 1):  # a family may have few puzzles
        try:
            split, origin = unseen(data, count, seed, cache_dir, now)
            break
        except HrmError as error:
            reason = error
    else:
        return Examples(puzzles=[], source=f"No held-out puzzles can be made: {reason}")

    # the longest ones, in the order in which they were made
    to_fill = (np.asarray(split.inputs) != np.asarray(split.labels)).sum(axis=1)
    chosen = np.sort(np.argsort(-to_fill, kind="stable")[:kept])
    puzzles = [solver.puzzle.text(split.inputs[row]) for row in chosen]

    # where they come from
    if origin["apart_from"] == "training and validation puzzles":
        apart = "None of them is among the training and validation puzzles."
    elif data.generate and not data.path:
        apart = f"The training puzzles were generated with seed {data.seed}."
    else:
        apart = f"The training puzzles came from the file {Path(data.path).name}."
    most = f", one of the {kept} with the most to fill in, of {count}" if count > kept else ""
    return Examples(puzzles=puzzles, source=f"Made by the generator {origin['generator']} (seed {seed}){most}. {apart}")
