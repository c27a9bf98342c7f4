"""Hold an exported graph beside the network that it came from, segment by segment.

They are compared twice: given the same latents before every segment, and each on its own latents, 16 segments in a
row. Both round, and a network that thinks for long amplifies what it rounds: puzzles on which they part are run once
more in fp64, which says how far rounding alone takes the network from itself. Axes: B puzzles, C cells, V vocabulary.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import nn
from torch.fx.node import map_aggregate

from hrm.data.store import Split
from hrm.evaluation.request import Request
from hrm.evaluation.run import choose_puzzles, with_answers
from hrm.export.step import NEXT, Input, inputs_of, outputs_of, quiet, traced
from hrm.files import MANIFEST
from hrm.inference.solver import Solver

SEGMENTS = 16
TOLERANCE = 1e-4
"""How far a logit or Q-value may be from the network's, beside what the network itself rounds."""
AT_ONCE = 16
"""Puzzles that are compared at a time."""

Feeds = Mapping[str, np.ndarray]
Made = dict[str, np.ndarray]
Graph = Callable[[Feeds], Made]
"""A graph of one segment: outputs by name, given the inputs by name."""


@dataclass
class Apart:
    """The largest differences between logits or Q-values, over puzzles and segments."""

    beyond: int = 0
    """Puzzles that differ by more than the tolerance at some segment."""
    exported: float = 0.0
    """Exported graph from network."""
    network_fp64: float = 0.0
    """Network from itself in fp64, over the puzzles beyond the tolerance."""
    exported_fp64: float = 0.0
    """Exported graph from the network in fp64, over the same puzzles."""
    other_answers: int = 0
    """Puzzles whose answer differs after some segment."""

    @property
    def rounding_alone(self) -> bool:
        """Whether the graph is as near to fp64 as the network, within the tolerance and a factor of two."""
        return self.exported_fp64 <= max(TOLERANCE, 2 * self.network_fp64)


@dataclass(frozen=True)
class Agreement:
    """How well an exported graph and its network agree."""

    puzzles: int
    source: str
    """Where the puzzles come from."""
    segments: int
    same_latents: Apart
    own_latents: Apart
    int8: bool
    """Whether the graph rounds on purpose; then nothing is run in fp64."""
    solved_network: int
    """Puzzles that the network has solved after the last segment."""
    solved_exported: int

    @property
    def holds(self) -> bool:
        """Whether the two compute the same, given the same latents; int8 does not promise that."""
        return self.int8 or self.same_latents.rounding_alone

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self) | {"tolerance": TOLERANCE, "holds": self.holds}


def check(
    solver: Solver,
    folder: Path,
    request: Request,
    count: int,
    progress: Callable[[int, int], None] = lambda n, of: None,
) -> Agreement:
    """Compare an exported graph with its network on puzzles with known answers.

    Args:
        solver: what was exported, on the CPU in fp32.
        folder: where it was exported to.
        request: which puzzles.
        count: how many.
        progress: told how many puzzles were compared, of how many.

    Raises:
        UsageError, DataError: as ``choose_puzzles``; or fewer than one puzzle is asked for.
    """
    request.require_counts(check=count)
    rows = with_answers(choose_puzzles(solver, request, count).rows.take(slice(count)), request.data or folder)
    graph, exact, int8 = opened(folder), cache(lambda: in_fp64(solver)), _manifest(folder)["arithmetic"] == "int8"
    same, own, solved = Apart(), Apart(), [0, 0]
    for start in range(0, len(rows), AT_ONCE):
        part = rows.take(slice(start, start + AT_ONCE))
        steps = list(_steps(solver, part, graph))
        for apart, of in ((same, lambda step: step.same), (own, lambda step: step.own)):
            differs = np.stack([_apart(of(step).made, step.network) for step in steps])  # segments B
            apart.exported = max(apart.exported, float(differs.max()))
            apart.other_answers += int(np.any([(of(s).answers != s.answers).any(1) for s in steps], axis=0).sum())
            beyond = np.flatnonzero((differs > TOLERANCE).any(axis=0))
            if len(beyond):
                apart.beyond += len(beyond)
                if not int8:
                    _note_rounding(apart, [(of(s), s.network) for s in steps], beyond, exact(), apart is own)
        for i, answers in enumerate((steps[-1].answers, steps[-1].own.answers)):
            solved[i] += int(_solved(solver, part, answers).sum())
        progress(start + len(part), len(rows))
    return Agreement(len(rows), request.puzzles_from, SEGMENTS, same, own, int8, *solved)


def opened(folder: Path) -> Graph:
    """Return an exported graph, ready to run on as many threads as torch."""
    manifest = _manifest(folder)
    network, outputs = folder / manifest["network"], manifest["outputs"]
    if manifest["to"] == "torch":
        module = torch.export.load(network).module()
        return lambda feeds: _run(module, feeds.values(), outputs)
    import onnxruntime

    options = onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue]
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return lambda feeds: {
        name: np.asarray(value) for name, value in zip(outputs, session.run(None, dict(feeds)), strict=True)
    }


def in_fp64(solver: Solver) -> Graph:
    """Return one segment of a network with all its arithmetic in fp64."""
    inputs = inputs_of(solver)
    with quiet():
        module = copy.deepcopy(traced(solver, inputs).module(check_guards=False)).double()
    for node in module.graph.nodes:
        node.args = map_aggregate(node.args, _widened)
        node.kwargs = map_aggregate(node.kwargs, _widened)
    module.recompile()
    outputs = outputs_of([each.name for each in inputs])

    def run(feeds: Feeds) -> Made:
        wide = (value.astype(np.float64) if value.dtype.kind == "f" else value for value in feeds.values())
        return _run(module, wide, outputs)

    return run


def feeds_of(
    solver: Solver, inputs: list[Input], rows: UInt8[np.ndarray, "B C"], ids: Int[np.ndarray, " B"] | None = None
) -> Made:
    """Return what the first segment is given, by the names of the inputs."""
    known = {"tokens": rows, "puzzle_ids": ids, "relations": solver.puzzle.relations_of(rows)}
    feeds: Made = {}
    for each in inputs:
        value = each.value if known.get(each.name) is None else known[each.name]
        assert value is not None
        shape = (len(rows), *each.example.shape[1:]) if each.batched else tuple(each.example.shape)
        feeds[each.name] = np.ascontiguousarray(np.broadcast_to(value, shape)).astype(each.example.numpy().dtype)
    return feeds


@dataclass(frozen=True)
class _Ran:
    """One run of a graph."""

    feeds: Made
    made: Made
    answers: UInt8[np.ndarray, "B C"]


@dataclass(frozen=True)
class _Step:
    """One segment of the network, and the graph's from the same latents and from its own."""

    network: Made
    answers: UInt8[np.ndarray, "B C"]
    same: _Ran
    own: _Ran


def _steps(solver: Solver, rows: Split, graph: Graph) -> Iterator[_Step]:
    """Yield every segment of some puzzles."""
    tokens = np.asarray(rows.inputs)
    ids = np.asarray(rows.puzzle_ids) if solver.puzzle.spec.has_tasks else None
    own = feeds_of(solver, inputs_of(solver), tokens, ids)

    def ran(feeds: Made) -> _Ran:
        made = graph(feeds)
        return _Ran(feeds, made, solver.decide(torch.from_numpy(made["logits"]), tokens)[0])

    with torch.inference_mode():
        x = solver.embed(tokens, ids)
        latents = solver.model.initial(x)
        for _ in range(SEGMENTS):
            states = {name: getattr(latents, name).numpy() for name in ("z_H", "z_L") if name in own}
            same = ran(own | {name: np.ascontiguousarray(state) for name, state in states.items()})
            segment = solver.model.segment(latents, x)
            q = [value for value in (segment.q_halt_logit, segment.q_continue_logit) if value is not None]
            network = {"logits": segment.logits.numpy(), "q": torch.stack(q, -1).numpy()}
            step = _Step(network, solver.decide(segment.logits, tokens)[0], same, ran(own))
            yield step
            latents, own = segment.latents, _next(own, step.own.made)


def _note_rounding(
    into: Apart, runs: list[tuple[_Ran, Made]], rows: Int[np.ndarray, " B"], exact: Graph, chained: bool
) -> None:
    """Run some puzzles in fp64, and add how far the network and the graph are from that.

    Args:
        chained: on latents of its own; else on those that the graph was given.
    """
    shared = {"relations"} if runs[0][0].feeds.get("relations", np.zeros(0)).ndim == 3 else set()
    feeds = {name: value if name in shared else value[rows] for name, value in runs[0][0].feeds.items()}
    for ran, network in runs:
        if not chained:
            feeds |= {name: ran.feeds[name][rows] for name in ("z_H", "z_L") if name in feeds}
        made = exact(feeds)
        feeds = _next(feeds, made)
        for name, of in (("network_fp64", network), ("exported_fp64", ran.made)):
            chosen = {key: of[key][rows] for key in ("logits", "q")}
            setattr(into, name, max(getattr(into, name), float(_apart(chosen, made).max())))


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def _next(feeds: Made, made: Made) -> Made:
    return feeds | {name.removeprefix(NEXT): value for name, value in made.items() if name.startswith(NEXT)}


def _run(module: nn.Module, inputs: Iterable[np.ndarray], outputs: list[str]) -> Made:
    with torch.inference_mode():
        made = module(*map(torch.from_numpy, inputs))
    return {name: value.numpy() for name, value in zip(outputs, made, strict=True)}


def _widened(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


def _apart(one: Feeds, other: Feeds) -> Float[np.ndarray, " B"]:
    """Return the largest difference of a logit or a Q-value for each puzzle."""
    logits, q = (np.abs(one[name] - other[name]) for name in ("logits", "q"))
    return np.maximum(logits.max(axis=(1, 2)), q.max(axis=1))


def _solved(solver: Solver, rows: Split, answers: UInt8[np.ndarray, "B C"]) -> Bool[np.ndarray, " B"]:
    """Say which answers keep the rules, or equal the known answer where no rules are known."""
    if solver.puzzle.spec.has_rules:
        return solver.puzzle.verify(np.asarray(rows.inputs), answers)
    return (answers == np.asarray(rows.labels)).all(axis=1)
