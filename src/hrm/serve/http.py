"""The HTTP of a server: paths, status codes, and what happens while a client waits."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from hrm.errors import DataError, HrmError, UsageError
from hrm.inference.answer import Answer
from hrm.inference.solver import Solver
from hrm.serve.api import (
    EXAMPLES,
    KindError,
    MalformedError,
    ModelsResponse,
    Refusal,
    Service,
    SolveRequest,
    SolveResponse,
    response,
)
from hrm.serve.guard import BODY_SECONDS, BodyLimit, Hosts, Room, answer, require_json
from hrm.serve.metrics import Counted, Metrics
from hrm.serve.page import add_page, add_readers
from hrm.serve.worker import BusyError, LateError, StoppingError, Ticket

STATUS: dict[type[HrmError], int] = {
    MalformedError: 400, KindError: 415, UsageError: 422, DataError: 422, BusyError: 429, StoppingError: 503,
    LateError: 504,
}  # fmt: skip
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "no JSON, or a Host that is not served"},
    408: {"model": Refusal, "description": "the body came too slowly"},
    413: {"model": Refusal, "description": "the body is too large"},
    415: {"model": Refusal, "description": "the body is not declared as JSON"},
    422: {"model": Refusal, "description": "a value is wrong, or a puzzle cannot be read"},
    429: {"model": Refusal, "description": "the queue is full"},
    503: {"model": Refusal, "description": "the server is stopping"},
    504: {"model": Refusal, "description": "the deadline has passed"},
}
SOLVE = "/v1/solve"
LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")


class Left(Exception):
    """The client has gone."""


def create_app(
    solvers: Mapping[str, Solver],
    queue: int = 64,
    deadline_s: float = 30.0,
    hosts: Sequence[str] = LOCAL,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """Return the application; its worker begins with the application's lifespan and ends with it.

    Args:
        solvers: the models by the names that clients use; the first is the default.
        queue: requests that may wait.
        deadline_s: seconds after which a request is given up.
        hosts: values of the Host header that are served; ``*`` for all.
        body_seconds: in which a body must have arrived.
    """
    metrics = Metrics()
    service = Service(solvers, queue, deadline_s, metrics.batch)
    metrics.waiting.set_function(lambda: service.worker.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.worker.start()
        yield
        await asyncio.to_thread(service.worker.stop, deadline_s)

    # the pages of FastAPI that show the schema load scripts from elsewhere: there are none
    app = FastAPI(
        title="hrm serve", version=version("hierarchical-reasoning"), lifespan=lifespan,
        description="Puzzles solved by the Hierarchical Reasoning Model.", docs_url=None, redoc_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.state.service = service
    _add_paths(app, service, metrics)
    add_readers(app, service, REFUSALS)
    pages = add_page(app)
    _add_refusals(app)
    # the last one added is the first to see a request
    app.add_middleware(Room, path=SOLVE, require_room=service.worker.require_room, status=STATUS)
    app.add_middleware(BodyLimit, seconds=body_seconds)
    app.add_middleware(Hosts, allowed=hosts)
    paths = frozenset(app.openapi()["paths"]) | {"/openapi.json"} | pages
    app.add_middleware(Counted, metrics=metrics, paths=paths)
    return app


def _add_paths(app: FastAPI, service: Service, metrics: Metrics) -> None:
    schema = {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SolveRequest.model_json_schema(), "examples": EXAMPLES}},
        }
    }

    # puzzles
    @app.post(SOLVE, response_model=SolveResponse, responses=REFUSALS, openapi_extra=schema, tags=["puzzles"])
    async def solve(request: Request) -> Response:
        """Solve one puzzle or several."""
        require_json(request)
        ticket = service.ticket(service.read(await request.body(), SolveRequest))
        service.worker.submit(ticket)
        try:
            answers = await _awaited(ticket, request)
        except Left:
            return Response(status_code=499)  # nobody reads it
        metrics.answers(ticket.options.model, answers)
        return JSONResponse(response(ticket, answers))

    @app.get("/v1/models", response_model=ModelsResponse, tags=["puzzles"])
    async def models() -> Response:
        """List the models."""
        return JSONResponse(service.models())

    # operation
    @app.get("/health/live", tags=["operation"])
    async def live() -> dict[str, str]:
        """Say that the process runs."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["operation"], responses={503: REFUSALS[503]})
    async def ready() -> Response:
        """Say whether puzzles are taken."""
        return JSONResponse({"status": "ready"}) if service.worker.is_ready else answer(503, "the server is stopping")

    @app.get("/metrics", response_class=PlainTextResponse, tags=["operation"])
    async def numbers() -> Response:
        """Return counters in the text format of Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(HrmError)
    async def refuse(request: Request, error: HrmError) -> Response:
        return answer(STATUS.get(type(error), 422), error)

    @app.exception_handler(RequestValidationError)
    async def wrong_query(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return answer(422, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def no_path(request: Request, error: HTTPException) -> Response:
        refused = answer(error.status_code, f"{request.method} {request.url.path[:80]}: {error.detail}")
        refused.headers.update(error.headers or {})  # the methods that are allowed
        return refused

    @app.exception_handler(Exception)
    async def own_fault(request: Request, error: Exception) -> Response:
        return answer(500, "an error of the server's own; its log says more")


async def _awaited(ticket: Ticket, request: Request) -> list[Answer]:
    """Return the answers to a request; cancel it when its deadline has passed or its client has gone.

    Raises:
        LateError: the deadline.
        Left: the client.
    """
    found = asyncio.wrap_future(ticket.result)
    gone = asyncio.ensure_future(_until_gone(request))
    left_s = max(0.0, ticket.deadline - asyncio.get_running_loop().time())
    try:
        done, _ = await asyncio.wait({found, gone}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if found in done:
            return found.result()
        raise Left if done else LateError("the deadline passed before every puzzle was solved")
    finally:
        found.cancel()  # else its exception would be nobody's
        ticket.result.cancel()
        gone.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
