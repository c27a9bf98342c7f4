"""What is exported: f_I and one segment as one function of tensors, so that the loop over segments stays outside.

Every tensor is an input or an output with a name: the latents go in and come out, and whoever holds the loop decides
how often. Axes: B batch, C cells.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hrm.inference.solver import Solver
from hrm.model.network import Latents
from hrm.puzzles.base import PAD

EXAMPLES = 3
"""Puzzles that the function is traced with; any number runs."""
NEXT = "next_"
"""What the name of an output begins with where it is the input of that name for the next segment."""


@dataclass(frozen=True)
class Input:
    """One tensor that goes in."""

    name: str
    value: np.ndarray | None
    """What to give unless something else is known, for one puzzle; None where every puzzle has its own."""
    example: Tensor
    batched: bool = True
    """Whether the first axis is the batch."""


class Step(nn.Module):
    """Embed puzzles and run one segment."""

    def __init__(self, solver: Solver, names: list[str]):
        super().__init__()
        self.model, self.padded, self.names = solver.model, solver.puzzle.spec.padded, names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what ``outputs_of`` names, given what ``inputs_of`` names."""
        given = dict(zip(self.names, inputs, strict=True))
        tokens, ids, relations = given["tokens"].long(), given.get("puzzle_ids"), given.get("relations")
        x = self.model.embed(
            tokens,
            None if ids is None else ids.long(),
            tokens != PAD if self.padded else None,
            None if relations is None else relations.int(),
        )
        latents = Latents(given["z_H"], given["z_L"]) if "z_L" in given else Latents.single(given["z_H"])
        segment = self.model.segment(latents, x)
        states = (segment.latents.z_H, segment.latents.z_L) if "z_L" in given else (segment.latents.z_H,)
        q = [value for value in (segment.q_halt_logit, segment.q_continue_logit) if value is not None]
        return *states, segment.logits, torch.stack(q, dim=-1)


def inputs_of(solver: Solver) -> list[Input]:
    """Return the inputs in their order: the puzzles, the latents, and what else the network wants to know."""
    puzzle, model = solver.puzzle, solver.model
    tokens = torch.full((EXAMPLES, puzzle.spec.cells), puzzle.spec.blank, dtype=torch.int32)
    inputs = [Input("tokens", None, tokens)]
    # The latents that a fresh puzzle starts from; networks of one state have one.
    latents = model.initial(1)
    for name, state in (("z_H", latents.z_H), ("z_L", latents.z_L)):
        if state.shape[1]:
            state = state.detach().float()
            inputs.append(Input(name, state.numpy(), state.repeat(EXAMPLES, 1, 1)))
    # The row of the puzzle embedding, where there is a choice.
    if min(map(len, model.puzzle_tables()), default=1) > 1:
        inputs.append(Input("puzzle_ids", np.zeros(1, np.int32), torch.zeros(EXAMPLES, dtype=torch.int32)))
    # The relations: the same for all puzzles, or each puzzle's own.
    kinds = puzzle.relation_matrices.astype(np.int8)
    if getattr(model.config, "relation_kinds", True) and len(kinds):
        matrices = torch.from_numpy(kinds)
        if puzzle.relations_of(np.zeros((0, puzzle.spec.cells), np.uint8)) is None:
            inputs.append(Input("relations", kinds, matrices, batched=False))
        else:
            inputs.append(Input("relations", None, matrices.repeat(EXAMPLES, 1, 1, 1)))
    return inputs


def outputs_of(names: list[str]) -> list[str]:
    """Return the names of the outputs in their order, given those of the inputs."""
    return [*(NEXT + name for name in names if name.startswith("z_")), "logits", "q"]


def traced(solver: Solver, inputs: list[Input]) -> torch.export.ExportedProgram:
    """Return one segment as a graph of any number of puzzles, without a trace of where the code lay."""
    batch = torch.export.Dim("batch")
    step = Step(solver, [each.name for each in inputs])
    axes = tuple({0: batch} if each.batched else None for each in inputs)
    with torch.no_grad():
        program = torch.export.export(
            step, tuple(each.example for each in inputs), dynamic_shapes=(axes,), strict=False
        )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters say about themselves from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "")]  # ONNX Runtime speaks through the root
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
