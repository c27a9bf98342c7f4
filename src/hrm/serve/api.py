"""What can be asked of a server, and what it says: plain values in, plain values out, whatever carries them.

Every limit stands here, so that the records, their schema and the messages say the same.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from hrm.errors import DataError, HrmError, UsageError, did_you_mean
from hrm.inference.answer import Answer
from hrm.inference.search import Effort
from hrm.inference.solver import Solver
from hrm.model.network import parameter_counts
from hrm.page.describe import Grid, drawing_of, grid_of
from hrm.serve.worker import LateError, Options, Ticket, Worker

MOST_PUZZLES, MOST_TRACED = 32, 4
"""Puzzles of one request: in all, and where the answers after each segment are kept."""
MOST_SEGMENTS, MOST_ATTEMPTS, MOST_WORK = 1024, 64, 4096
"""Segments of one attempt, attempts, and their product."""
LONGEST_TEXT, MOST_CELLS = 65536, 16384
"""Of one puzzle."""
LONGEST_REASON = 400

# what several requests share; each comes with its limits
Cell = Annotated[int, Field(ge=0, le=9999)] | Annotated[str, Field(max_length=64)]
Cells = Annotated[list[Cell], Field(max_length=MOST_CELLS)]
Given = Annotated[
    Annotated[str, Field(max_length=LONGEST_TEXT)] | Annotated[list[Cell | Cells], Field(max_length=MOST_CELLS)],
    Field(description="A puzzle as text, or as a JSON list of cells or of rows, as `hrm solve` reads it."),
]
Many = Annotated[list[Given], Field(min_length=1, max_length=MOST_PUZZLES, description="Several puzzles.")]
ModelName = Annotated[str, Field(max_length=1000, description="Default: the first one served.")]
Segments = Annotated[
    int,
    Field(ge=1, le=MOST_SEGMENTS, description="End an attempt after this many. Default: as in `hrm solve`."),
]
Attempts = Annotated[
    int, Field(ge=1, le=MOST_ATTEMPTS, description="Runs, all but the first with a symmetric image. Default: 1.")
]
HowLong = Annotated[
    Effort,
    Field(
        description="How long to try, as `hrm solve --effort`; not together with max_segments or attempts. Default: "
        "quick, one run."
    ),
]
TaskName = Annotated[
    str, Field(max_length=1000, description="The task that the puzzles belong to, where the model knows tasks (ARC).")
]
Trace = Annotated[bool, Field(description=f"Also return the answer after each segment, of at most {MOST_TRACED}.")]
Deadline = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False, description="Seconds to wait for the answers; at most those of the server."),
]
EXAMPLE: dict[str, JsonValue] = {"model": "sudoku-4x4", "puzzle": "..1.4.....2.3..."}
EXAMPLES = {
    "one": {"summary": "one puzzle", "value": EXAMPLE},
    "many": {
        "summary": "several puzzles, a longer search",
        "value": {"puzzles": ["..1.4.....2.3...", "3.4......3..1..4"], "effort": "normal"},
    },
    "trace": {"summary": "what each segment changed", "value": {"puzzle": "3.4......3..1..4", "trace": True}},
}


Record = TypeVar("Record", bound=BaseModel)


class MalformedError(HrmError):
    """What was sent is no JSON."""


class KindError(HrmError):
    """What was sent is not declared as JSON."""


class SolveRequest(BaseModel):
    """Puzzles to solve: `puzzle` for one, or `puzzles` for several."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

    model: ModelName | None = None
    puzzle: Given | None = None
    puzzles: Many | None = None
    task: TaskName | None = None
    effort: HowLong | None = None
    max_segments: Segments | None = None
    attempts: Attempts | None = None
    trace: Trace = False
    deadline: Deadline | None = None


class ReadRequest(BaseModel):
    """A puzzle to read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

    model: ModelName | None = None
    puzzle: Given


class StepRecord(BaseModel):
    """The answer after one segment."""

    segment: int
    answer: str
    cells: list[int] = Field(description="The same as tokens: places in the symbols of the model's grid.")
    confidence: list[float] = Field(description="Of each cell: probability of its token, to two decimals.")
    changed: list[int] = Field(description="Cells that differ from the step before, by their numbers.")
    q_halt: float


class AnswerRecord(BaseModel):
    """The answer to one puzzle: what `hrm solve --json` prints."""

    model_config = ConfigDict(extra="allow")

    puzzle: str
    answer: str
    verified: bool | None = Field(description="Whether it keeps the givens and every rule; null: no rules are known.")
    segments: int
    q_halt: float = Field(description="Probability that the answer is right, as the network estimates it.")
    halted_by_choice: bool
    settled: int = Field(description="The last segment that changed the answer.")
    attempts: int = Field(description="Attempts made.")
    total_segments: int = Field(description="Segments of all attempts together.")
    pinned: list[int] = Field(
        description="Open cells, by their numbers, that the attempt which found it took as given."
    )
    trace: list[StepRecord] | None = None


class SolveResponse(BaseModel):
    """The answers, in the order of the puzzles."""

    model: str
    answers: list[AnswerRecord]


class ModelRecord(BaseModel):
    """A model that is served."""

    name: str
    puzzle: str = Field(description="Its family.")
    rows: int
    columns: int
    parameters: int
    max_segments: int = Field(description="Segments of an attempt, at most, if a request says nothing else.")
    checked: bool = Field(description="Whether answers are checked by the rules.")
    grid: Grid = Field(description="Its puzzles, as an editor sees them.")
    tasks: list[str] = Field(
        default=[], description="Names of its tasks, one of which a request must name; none where a grid says it all."
    )


class ModelsResponse(BaseModel):
    """The models that are served; the first one is the default."""

    models: list[ModelRecord]


class Refusal(BaseModel):
    """Why there is no answer."""

    status: int
    reason: str


class Service:
    """The models that are served, and the worker that computes their answers.

    Args:
        solvers: the models by the names that clients use; the first is the default.
        queue: requests that may wait.
        deadline_s: seconds after which a request is given up, unless it asks for fewer.
        on_batch: told the number of puzzles of every batch.
    """

    def __init__(
        self,
        solvers: Mapping[str, Solver],
        queue: int = 64,
        deadline_s: float = 30.0,
        on_batch: Callable[[int], None] = lambda size: None,
    ):
        self.solvers = dict(solvers)
        self._models = {"models": [_described(name, solver) for name, solver in solvers.items()]}
        self.deadline_s = deadline_s
        self.worker = Worker(solvers, queue, on_batch)

    def models(self) -> dict[str, Any]:
        """Return what is served, the default first."""
        return self._models

    def solver(self, name: str | None) -> tuple[str, Solver]:
        """Return a model with its name; None: the default.

        Raises:
            UsageError: there is none of this name.
        """
        name = name or next(iter(self.solvers))
        if name not in self.solvers:
            known = list(self.solvers)
            raise UsageError(f"no model {name[:80]!r} here: {', '.join(known)}.{did_you_mean(name[:80], known)}")
        return name, self.solvers[name]

    def drawing(self, body: bytes | str) -> dict[str, Any]:
        """Read a puzzle, and return what pictures show of it.

        Raises:
            MalformedError: no JSON.
            UsageError: no such request, or no such model.
            DataError: the puzzle cannot be read, or contradicts itself.
        """
        request = self.read(body, ReadRequest)
        puzzle = self.solver(request.model)[1].puzzle
        return drawing_of(puzzle, puzzle.parse(request.puzzle)).model_dump(mode="json")

    def read(self, body: bytes | str, record: type[Record]) -> Record:
        """Read a request from JSON.

        Raises:
            MalformedError: no JSON.
            UsageError: JSON that is no such request.
        """
        try:
            return record.model_validate_json(body)
        except ValidationError as error:
            if error.errors(include_input=False)[0]["type"] == "json_invalid":
                raise MalformedError(error.errors(include_input=False)[0]["msg"]) from None
            raise UsageError(_first(error)) from None

    def ticket(self, request: SolveRequest) -> Ticket:
        """Return a request as what the worker takes: everything about it is checked, and its puzzles are read.

        Raises:
            UsageError: no such model or task, or more than is allowed.
            DataError: a puzzle cannot be read, or contradicts itself.
        """
        name, solver = self.solver(request.model)
        solver.puzzle_id(request.task)
        if (request.puzzle is None) == (request.puzzles is None):
            raise UsageError("give puzzle (one) or puzzles (a list)")
        given = [request.puzzle] if request.puzzles is None else request.puzzles
        if request.trace and len(given) > MOST_TRACED:
            raise UsageError(f"a trace is kept of at most {MOST_TRACED} puzzles at once (got {len(given)})")
        segments, attempts = request.max_segments or min(solver.max_segments, MOST_SEGMENTS), request.attempts or 1
        if segments * attempts > MOST_WORK:
            raise UsageError(f"max_segments × attempts must be at most {MOST_WORK} (got {segments * attempts})")
        if request.effort is not None and (request.max_segments is not None or request.attempts is not None):
            raise UsageError("give effort, or max_segments and attempts, not both: an effort sets these numbers")
        inputs = []
        for number, puzzle in enumerate(given, start=1):
            try:
                inputs.append(solver.puzzle.parse(puzzle))
            except DataError as error:
                raise DataError(str(error) if len(given) == 1 else f"puzzle {number}: {error}") from None
        wait_s = min(request.deadline or self.deadline_s, self.deadline_s)
        if request.effort in (None, "quick"):
            options = Options(name, request.trace, segments, attempts, task=request.task)
        else:
            options = Options(name, request.trace, effort=request.effort, task=request.task)
        return Ticket(options, inputs, time.monotonic() + wait_s)

    def solve(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Solve, and wait for the answers: plain values in, plain values out.

        Raises:
            UsageError: no such request, or no such model.
            DataError: a puzzle cannot be read.
            HrmError: too many wait, the server is stopping, or the deadline has passed.
        """
        return response(*self.answers(request))

    def answers(self, request: Mapping[str, Any]) -> tuple[Ticket, list[Answer]]:
        """Solve, and wait for the answers. What it raises is what ``solve`` raises."""
        try:
            checked = SolveRequest.model_validate(request)
        except ValidationError as error:
            raise UsageError(_first(error)) from None
        ticket = self.ticket(checked)
        self.worker.submit(ticket)
        try:
            return ticket, ticket.result.result(max(0.0, ticket.deadline - time.monotonic()))
        except TimeoutError:
            raise LateError("the deadline passed before every puzzle was solved") from None
        finally:
            ticket.result.cancel()


def _first(error: ValidationError) -> str:
    """Return what is wrong first, and where."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    places = [str(part) for part in first["loc"] if isinstance(part, int) or part in SolveRequest.model_fields]
    return ": ".join([*places, first["msg"]])


def check_deadline(seconds: float) -> None:
    """Refuse a deadline that no server can keep.

    Raises:
        UsageError: out of range.
    """
    if not 0.1 <= seconds <= 86400:
        raise UsageError(f"--deadline must be 0.1 to 86400 (got {seconds})")


def response(ticket: Ticket, answers: list[Answer]) -> dict[str, Any]:
    """Return the answers to a request as plain values."""
    return {"model": ticket.options.model, "answers": [_with_cells(answer) for answer in answers]}


def _with_cells(answer: Answer) -> dict[str, Any]:
    """Return an answer as ``hrm solve --json`` prints it; its trace also says what every cell held."""
    plain = answer.as_dict()
    for step, record in zip(answer.trace or (), plain.get("trace", ()), strict=True):
        record |= {"cells": step.tokens.tolist(), "confidence": step.confidence.astype(float).round(2).tolist()}
    return plain


def refusal(status: int, reason: object) -> dict[str, Any]:
    """Return why there is no answer."""
    return {"status": status, "reason": one_line(reason)}


def one_line(reason: object) -> str:
    """Return a reason in one line that is not too long."""
    line = " ".join(str(reason).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _described(name: str, solver: Solver) -> dict[str, Any]:
    spec = solver.puzzle.spec
    return {
        "name": name, "puzzle": spec.name, "rows": spec.shape[0], "columns": spec.shape[1],
        "parameters": sum(parameter_counts(solver.model)[0].values()),
        "max_segments": solver.max_segments, "checked": spec.has_rules,
        "grid": grid_of(solver.puzzle).model_dump(mode="json"),
        "tasks": [] if solver.table is None else list(solver.table.task_ids),
    }  # fmt: skip
