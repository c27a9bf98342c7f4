"""The page at ``/``, and what it asks beside answers: puzzles to try, and what a puzzle looks like."""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from hrm.page.describe import Drawing
from hrm.page.examples import Examples, examples_of
from hrm.page.site import ENTRY, files, media_type, policy
from hrm.page.tasks import TaskRecord, Tasks
from hrm.runtime.environment import cache_folder, present
from hrm.serve.api import ReadRequest, Service
from hrm.serve.guard import require_json

MADE, KEPT = 64, 16
"""Puzzles to try: made for each model, once, and kept of these."""
HEADERS = {
    "Content-Security-Policy": policy(frame_ancestors="'none'"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def add_page(app: FastAPI) -> frozenset[str]:
    """Serve the page; return its paths."""
    found = {f"/{name}": (media_type(name), content) for name, content in files().items()}
    found["/"] = found.pop(f"/{ENTRY}")
    for path, (kind, content) in found.items():
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'

        async def file(request: Request, content: bytes = content, kind: str = kind, tag: str = tag) -> Response:
            headers = HEADERS | {"ETag": tag}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            return Response(content, headers=headers, media_type=kind)

        app.add_route(path, file, methods=["GET", "HEAD"], include_in_schema=False)
    return frozenset(found)


def add_readers(app: FastAPI, service: Service, refusals: Mapping[int | str, dict[str, Any]]) -> None:
    """Serve what helps to write a puzzle."""
    tasks_of = cache(Tasks.of)  # a store is opened once
    body = {"required": True, "content": {"application/json": {"schema": ReadRequest.model_json_schema()}}}
    made: dict[str, Examples] = {}
    making = asyncio.Lock()  # one model at a time

    @app.post(
        "/v1/read", response_model=Drawing, tags=["puzzles"], openapi_extra={"requestBody": body},
        responses={status: refusals[status] for status in (400, 413, 415, 422)},
    )  # fmt: skip
    async def read(request: Request) -> Response:
        """Read a puzzle, and say what pictures show of it."""
        require_json(request)
        return JSONResponse(service.drawing(await request.body()))

    @app.get("/v1/examples", response_model=Examples, responses={422: refusals[422]}, tags=["puzzles"])
    async def examples(model: str | None = None) -> Response:
        """Return held-out puzzles of a model, always the same."""
        name, solver = service.solver(model)
        async with making:
            if name not in made and solver.table is not None:
                made[name] = await asyncio.to_thread(lambda: tasks_of(solver).examples(KEPT))
            if name not in made:
                made[name] = await asyncio.to_thread(examples_of, solver, MADE, KEPT, cache_folder(), present())
        return JSONResponse(made[name].model_dump())

    @app.get("/v1/task", response_model=TaskRecord, responses={422: refusals[422]}, tags=["puzzles"])
    async def task(task: str, model: str | None = None) -> Response:
        """Return what a model that knows tasks was shown of one, and the tests that were held back."""
        _, solver = service.solver(model)
        solver.puzzle_id(task)
        async with making:
            record = await asyncio.to_thread(lambda: tasks_of(solver).record(task))
        return JSONResponse(record.model_dump())
