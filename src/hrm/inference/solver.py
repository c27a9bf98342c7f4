"""A network with the puzzles that it solves: it decides what answers are, and when a puzzle is done.

``load`` makes a solver from a name; ``engine`` and ``slots`` run many puzzles at once; ``answer`` holds what comes out.
Axes: B batch, C cells.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from hrm.checkpoint import Checkpoint
from hrm.config import RunConfig
from hrm.data.prepare import family
from hrm.data.task_table import TaskTable, require_known_tasks
from hrm.errors import DataError, UsageError
from hrm.inference.answer import Answer, SegmentOutput, answer_of, counted
from hrm.inference.engine import Engine, Job
from hrm.inference.hub_methods import HubMethods
from hrm.inference.origin import Origin
from hrm.inference.search import ATTEMPTS, Effort, Plan, by_budget, by_effort, images, one_run
from hrm.model.follow import Hook, Row, followed_segment
from hrm.model.halting import prefers_halt
from hrm.model.network import Embedded, Latents, Network, Segment, parameter_counts
from hrm.puzzles.base import PAD, Puzzle

S = TypeVar("S", bound="Solver")
MOST_SEGMENTS = 65536
"""Segments that one call may ask for."""
USUAL_SEGMENTS = 64
"""Segments after which a loaded model gives up, unless it was trained with more."""
ROWS_ON_CPU = 16
"""Puzzles at once on a CPU, where larger batches gain nothing."""


class Solver(HubMethods):
    """A network together with the family of puzzles that it was trained on.

    Args:
        model: any network that fulfills the contract.
        puzzle: the family.
        max_segments: give up on a puzzle after this many segments.
        batch_size: puzzles solved at once, at most; on a CPU ``solve_many`` takes 16 at most.
        table: which puzzle id belongs to which variant of which task, in families that have tasks.
        origin: the model's configuration and history, which ``save`` writes; ``hrm.load`` fills it in.
    """

    def __init__(
        self,
        model: Network,
        puzzle: Puzzle,
        max_segments: int,
        batch_size: int = 64,
        table: TaskTable | None = None,
        origin: Origin | None = None,
    ):
        self.model = model
        self.puzzle = puzzle
        self.max_segments = max_segments
        self.batch_size = batch_size
        self.table = table
        self.origin = origin
        self.hooks: tuple[Hook, ...] = ()  # those of hrm.watch and hrm.patch
        self.device = next(model.parameters()).device
        self._never = torch.from_numpy(~puzzle.spec.answerable).to(self.device)
        self._relations = torch.from_numpy(puzzle.relation_matrices).to(self.device)

    @classmethod
    def of(
        cls: type[S], model: Network, config: RunConfig, checkpoint: Checkpoint, name: str = "", batch_size: int = 64
    ) -> S:
        """Put together what ``load_model`` returned.

        Args:
            name: the name that it was loaded by.
        """
        trained = config.halting.max_segments
        gives_up_early = checkpoint.table is not None or not config.model.recurrent  # one pass, or no rules to reach
        origin = Origin(name, checkpoint.path, config, checkpoint.meta, checkpoint.card, checkpoint.weights_sha256)
        return cls(
            model, family(config.data), trained if gives_up_early else max(USUAL_SEGMENTS, trained), batch_size,
            checkpoint.table, origin,
        )  # fmt: skip

    def __repr__(self) -> str:
        """Return what it solves, how large it is and where it runs, in one line."""
        components, _ = parameter_counts(self.model)
        name = f"{self.origin.name!r} for " if self.origin else ""
        where = f"{self.device}, {str(self.model.dtype).removeprefix('torch.')}"
        return f"<Solver {name}{self.puzzle.spec.name}: {sum(components.values()):,} parameters, {where}>"

    def save(self, folder: str | Path) -> None:
        """Save the model as a checkpoint folder, which ``hrm.load`` reads.

        Raises:
            UsageError: the solver was put together by hand, or the folder holds something else.
            HrmError: the folder cannot be written.
        """
        self._write(folder, self._known_origin.card)

    def solve(
        self,
        puzzle: object,
        segments: int | None = None,
        trace: bool = False,
        max_segments: int | None = None,
        attempts: int | None = None,
        effort: Effort | None = None,
        budget: int | None = None,
        task: str | None = None,
    ) -> Answer:
        """Solve one puzzle given as text, nested lists or an array.

        If the family knows its rules, the network continues until the answer keeps all of them, even if the Q-head
        would stop earlier. Where it knows none, there is one run, which ends when the Q-head would stop and no cell's
        token is less probable than 0.8.

        Where the answer still breaks a rule, the network tries again from the start, as long as the effort allows. In
        a Sudoku it takes the symbol of its last answer in one or two open cells that clash as given; elsewhere it sees
        a symmetric image of the puzzle. The answer is always checked against the rules and givens of the puzzle
        itself. A puzzle that no run solves gets the answer of the first one.

        Args:
            puzzle: what ``Puzzle.parse`` of the family reads.
            segments: run exactly this many, once.
            trace: keep what every segment of the run that gives the answer changed.
            max_segments: end every run after this many, and try ``attempts`` times; None: ``Solver.max_segments``.
            attempts: runs in all, all but the first with symmetric images; 8 if ``max_segments`` are given.
            effort: "quick": one run of ``Solver.max_segments``; "normal", which is the default: runs of up to 2,048
                segments in all with cells taken as given, the first of up to 32 segments, or 8 runs with images;
                "max": up to 4,096 segments in all. Not together with one of the numbers.
            budget: segments that all runs may take together, in place of an effort. Not together with ``segments`` or
                ``attempts``.
            task: the task that the puzzle belongs to, where the model knows tasks (ARC). The network sees the puzzle
                once, as it is; ``hrm solve MODEL TASK.json`` lets all variants of the task vote.

        Raises:
            DataError: the puzzle cannot be read, or contradicts itself.
            UsageError: a number of segments is out of range; or the model knows tasks, and none or another is named.
        """
        return next(self.solve_many([puzzle], segments, trace, max_segments, attempts, effort, budget, task=task))

    __call__ = solve

    def solve_many(
        self,
        puzzles: Iterable[Any],
        segments: int | None = None,
        trace: bool = False,
        max_segments: int | None = None,
        attempts: int | None = None,
        effort: Effort | None = None,
        budget: int | None = None,
        parsed: bool = False,
        task: str | None = None,
    ) -> Iterator[Answer]:
        """Yield the answers in the order of the puzzles, each as soon as it is known.

        The other arguments are those of ``solve``. A puzzle that cannot be read ends the stream,
        after the answers to those before it.

        Args:
            parsed: the puzzles are what ``Puzzle.parse`` returned.
        """
        asked = *self._plan(segments, max_segments, attempts, effort, budget), self.puzzle_id(task)
        parse = self.puzzle.parse
        given = (puzzle if parsed else parse(puzzle) for puzzle in puzzles)
        jobs = (self._job(number, inputs, trace, segments is None, *asked) for number, inputs in enumerate(given))
        yield from map(self.answer, self.engine().run(jobs))

    def engine(self) -> Engine:
        """Return an engine that runs puzzles through this network; ``job`` makes what it takes."""
        capacity = min(self.batch_size, ROWS_ON_CPU) if self.device.type == "cpu" else self.batch_size
        return Engine(self.model, self.embed, self._segment, self._stops, capacity)

    def job(
        self,
        number: int,
        inputs: UInt8[np.ndarray, " C"],
        trace: bool = False,
        max_segments: int | None = None,
        attempts: int | None = None,
        effort: Effort | None = None,
        budget: int | None = None,
        task: str | None = None,
    ) -> Job:
        """Return a parsed puzzle as work for an engine; the options and errors are those of ``solve``.

        Args:
            number: another one for every puzzle in the engine.
        """
        asked = *self._plan(None, max_segments, attempts, effort, budget), self.puzzle_id(task)
        return self._job(number, inputs, trace, True, *asked)

    def _job(
        self,
        number: int,
        inputs: UInt8[np.ndarray, " C"],
        trace: bool,
        halts: bool,
        plan: Plan,
        total: int,
        puzzle_id: int | None,
    ) -> Job:
        return Job(number, inputs, plan(inputs), total, trace, halts, puzzle_id)

    def puzzle_id(self, task: str | None) -> int | None:
        """Return the row of the puzzle embedding for a task as it is; None where the model knows no tasks.

        Raises:
            UsageError: no task is named where one is needed, one where none is, or one that the model has never seen.
        """
        if self.table is None:
            if task is not None:
                raise UsageError("the puzzles of this model belong to no tasks: leave out task")
            return None
        if task is None:
            raise UsageError(
                "a grid alone does not say which task it belongs to: name its task, or give its file to "
                "`hrm solve MODEL TASK.json`"
            )
        require_known_tasks(self.table, [task])
        return self.table.puzzle_ids(task)[0]

    def answer(self, job: Job) -> Answer:
        """Return the answer to a puzzle that an engine is done with."""
        run, name = job.attempt, "" if self.origin is None else self.origin.name
        return answer_of(
            self.puzzle, job.inputs, run.outputs, run.segments, job.trace, run.settled, job.attempts, name,
            job.segments, job.start.pinned,
        )  # fmt: skip

    def outside(self, puzzle: UInt8[np.ndarray, " C"]) -> str | None:
        """Say how a parsed puzzle differs from the model's training data; None: in no known way."""
        data = self.origin.meta.get("data") if self.origin else None
        trained_on = data.get("provenance", {}).get("generator") if data else None
        if not trained_on or trained_on not in (self.puzzle.generator, self.puzzle.spec.name):
            return None
        return self.puzzle.outside(puzzle, trained_on)

    def run(
        self,
        inputs: UInt8[np.ndarray, "B C"],
        segments: int,
        puzzle_ids: Int[np.ndarray, " B"] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> Iterator[SegmentOutput]:
        """Run this many segments on a batch of parsed puzzles, and yield the answers after each.

        Args:
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.
            numbers: what ``hrm.watch`` calls the puzzles; rows beyond only fill the batch up. None: 0, 1, 2 …
        """
        numbers = range(len(inputs)) if numbers is None else numbers
        with torch.inference_mode():
            x = self.embed(inputs, puzzle_ids)
            latents = self.model.initial(x)
            for segment in range(1, segments + 1):
                latents, output = self._segment(latents, x, inputs, [Row(number, 1, segment) for number in numbers])
                yield output

    def think(self, *arguments: Any, **named: Any) -> Iterator[SegmentOutput]:
        """Call ``run``, which is the new name of this method."""
        warnings.warn("Solver.think is now called Solver.run", DeprecationWarning, stacklevel=2)
        return self.run(*arguments, **named)

    def embed(self, inputs: UInt8[np.ndarray, "B C"], puzzle_ids: Int[np.ndarray, " B"] | None = None) -> Embedded:
        """Return a batch of parsed puzzles as the network sees it.

        Args:
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.

        Raises:
            DataError: a puzzle id has no row.
        """
        if puzzle_ids is not None:
            self._refuse_ids(puzzle_ids)
        given = torch.from_numpy(inputs.astype(np.int64)).to(self.device)
        exists = given != PAD if self.puzzle.spec.padded else None
        ids = None if puzzle_ids is None else torch.from_numpy(puzzle_ids.astype(np.int64)).to(self.device)
        own = self.puzzle.relations_of(inputs)
        relations = self._relations if own is None else torch.from_numpy(own).to(self.device)
        return self.model.embed(given, ids, exists, relations)

    def _refuse_ids(self, puzzle_ids: Int[np.ndarray, " B"]) -> None:
        rows = min(map(len, self.model.puzzle_tables()), default=None)
        if rows is not None and (highest := int(puzzle_ids.max())) >= rows:
            raise DataError(
                f"the data has puzzle id {highest}; the model has {counted(rows, 'puzzle row')}, for "
                f"ids up to {rows - 1}: give data whose ids are those of its training"
            )

    def decide(
        self, logits: Float[Tensor, "B C V"], inputs: UInt8[np.ndarray, "B C"]
    ) -> tuple[UInt8[np.ndarray, "B C"], Float32[np.ndarray, "B C"]]:
        """Return the most likely answer, and each token's probability under a softmax.

        A cell that exists never gets padding, a blank or a clue, however probable these are. Padding is certain.
        """
        likely = logits.float().softmax(-1).masked_fill(self._never, -1)
        confidence, tokens = likely.max(-1)
        answers = _numpy(tokens).astype(np.uint8)
        if self.puzzle.spec.padded:
            padding = inputs == PAD
            return np.where(padding, np.uint8(PAD), answers), np.where(padding, np.float32(1), _numpy(confidence))
        return answers, _numpy(confidence)

    def advance(self, latents: Latents, x: Embedded, rows: Sequence[Row]) -> Segment:
        """Run one segment of the network, through the hooks where there are any.

        Args:
            rows: what the rows of the batch are; those beyond only fill it up.
        """
        if self.hooks:
            return followed_segment(self.model, latents, x, rows, self.hooks)
        return self.model.segment(latents, x)

    def _segment(
        self, latents: Latents, x: Embedded, inputs: UInt8[np.ndarray, "B C"], rows: Sequence[Row]
    ) -> tuple[Latents, SegmentOutput]:
        segment = self.advance(latents, x, rows)
        tokens, confidence = self.decide(segment.logits, inputs)
        wishes = prefers_halt(segment.q_halt_logit, segment.q_continue_logit)
        return segment.latents, SegmentOutput(
            tokens, confidence, _numpy(segment.q_halt_logit.sigmoid()), _numpy(wishes)
        )

    def _plan(
        self,
        segments: int | None,
        max_segments: int | None,
        attempts: int | None,
        effort: Effort | None,
        budget: int | None,
    ) -> tuple[Plan, int]:
        """Return the search that was asked for, and the segments that all runs of a puzzle may take together."""
        # refuse what is out of range or contradicts itself
        numbers = {"segments": segments, "max_segments": max_segments, "attempts": attempts, "budget": budget}
        for name, value in numbers.items():
            if value is not None and not 1 <= value <= MOST_SEGMENTS:
                raise UsageError(f"{name} must be 1 to {MOST_SEGMENTS} (got {value})")
        if segments is not None and max_segments is not None:
            raise UsageError("give segments (run exactly this many) or max_segments (run at most this many), not both")
        if effort is not None and (given := [name for name, value in numbers.items() if value is not None]):
            raise UsageError(f"give effort or {given[0]}, not both: an effort sets the number of segments and attempts")
        if budget is not None and (segments is not None or attempts is not None):
            raise UsageError("give budget (segments of all runs together) or segments and attempts, not both")
        # numbers mean what they say; without any, the effort decides
        if segments is not None:
            return one_run(segments), segments
        longest = max_segments or self.max_segments
        if budget is not None:
            return by_budget(self.puzzle, budget, longest)
        if max_segments is None and attempts is None:
            return by_effort(self.puzzle, effort or "normal", longest)
        attempts = attempts or ATTEMPTS
        return images(self.puzzle, longest, attempts), longest * attempts

    def _stops(self, inputs: UInt8[np.ndarray, "B C"], output: SegmentOutput) -> Bool[np.ndarray, " B"]:
        """Say which answers end their puzzle: those that keep the rules, or that the network is sure of."""
        return self.puzzle.verify(inputs, output.tokens) if self.puzzle.spec.has_rules else output.stops


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
