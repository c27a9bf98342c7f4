"""Models as tools of a language model, by the Model Context Protocol: what HTTP offers, within the same limits."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.metadata import version
from types import FrameType
from typing import ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from hrm.errors import HrmError, UsageError
from hrm.serve.api import (
    Attempts,
    Deadline,
    Given,
    HowLong,
    Many,
    ModelName,
    ModelsResponse,
    Segments,
    Service,
    SolveResponse,
    Trace,
    check_deadline,
    one_line,
)
from hrm.serve.explain import AnswerText, Explanation, Verdict, explanation, read_answer, verdict
from hrm.serve.models import load_models

ABOUT = """\
Small neural networks (Hierarchical Reasoning Models), each of which solves one kind of puzzle: list_models says which.
A puzzle is text: a Sudoku row by row with . for a blank; a maze with # wall, . open, S start and G goal, whose answer
marks the path with o. Trust an answer if it is verified: the rules of the puzzle were then checked, not the network.
"""
HARMLESS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

P = ParamSpec("P")
R = TypeVar("R")


def create_tools(service: Service) -> MCPServer:
    """Return the server of the tools; the service's worker must run while it does.

    Raises:
        UsageError: a model that cannot solve a puzzle by its grid alone.
    """
    for name, solver in service.solvers.items():
        if solver.table is not None:
            raise UsageError(f"{name} is no tool: its puzzles are parts of tasks; use `hrm solve {name} FILE`")
    server = MCPServer(
        "hrm", title="Hierarchical Reasoning Model", instructions=ABOUT, log_level="ERROR",
        version=version("hierarchical-reasoning"),
    )  # fmt: skip

    # what there is
    @server.tool(annotations=HARMLESS)
    @_told
    def list_models() -> ModelsResponse:
        """List the models: the puzzles that each solves, their size, and whether answers are checked by rules."""
        return ModelsResponse.model_validate(service.models())

    # answers
    @server.tool(annotations=HARMLESS)
    @_told
    def solve(
        puzzle: Given | None = None,
        puzzles: Many | None = None,
        model: ModelName | None = None,
        effort: HowLong | None = None,
        max_segments: Segments | None = None,
        attempts: Attempts | None = None,
        trace: Trace = False,
        deadline: Deadline | None = None,
    ) -> SolveResponse:
        """Solve one puzzle (puzzle) or several (puzzles). One that is not verified may be wrong: try effort max."""
        given = {
            "model": model, "puzzle": puzzle, "puzzles": puzzles, "effort": effort, "max_segments": max_segments,
            "attempts": attempts, "trace": trace, "deadline": deadline,
        }  # fmt: skip
        return SolveResponse.model_validate(service.solve(given))

    # words about answers
    @server.tool(annotations=HARMLESS)
    @_told
    def verify(puzzle: Given, answer: AnswerText, model: ModelName | None = None) -> Verdict:
        """Check an answer of anybody by the rules of the puzzle, without any network; say what is wrong with it."""
        family = service.solver(model)[1].puzzle
        return verdict(family, family.parse(puzzle), read_answer(family, answer))

    @server.tool(annotations=HARMLESS)
    @_told
    def explain(
        puzzle: Given, model: ModelName | None = None, effort: HowLong | None = None, deadline: Deadline | None = None
    ) -> Explanation:
        """Solve a puzzle and tell in words how the network came to the answer: what each segment changed."""
        ticket, answers = service.answers(
            {"model": model, "puzzle": puzzle, "effort": effort, "trace": True, "deadline": deadline}
        )
        name = ticket.options.model
        return explanation(name, service.solver(name)[1].puzzle, answers[0])

    return server


def _told(function: Callable[P, R]) -> Callable[P, R]:
    """Tell the language model what was wrong with its request, in one line."""

    @wraps(function)
    def telling(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except HrmError as error:
            raise ToolError(one_line(error)) from None

    return telling


def serve_tools(
    models: Sequence[str], device: str, precision: str, deadline_s: float, on_ready: Callable[[], None]
) -> None:
    """Offer models as tools over standard input and output, until the input ends.

    Args:
        on_ready: called before the first request is read.

    Raises:
        UsageError: no such model, one that cannot solve a puzzle by its grid alone, or a value out of range.
    """
    check_deadline(deadline_s)
    service = Service(load_models(models, device, precision), deadline_s=deadline_s)
    service.worker.start()
    # a thread of the SDK waits for input, and would hold up the end by a signal
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ended)
    on_ready()
    create_tools(service).run("stdio")


def _ended(number: int, frame: FrameType | None) -> None:
    print(f"hrm: {'interrupted' if number == signal.SIGINT else 'terminated'}", file=sys.stderr, flush=True)
    os._exit(128 + number)
