"""What the tests of the server share: a model, puzzles with known answers, and a client in the same process."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from hrm.inference.load import load
from hrm.serve.http import create_app

INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."


@pytest.fixture(scope="session")
def solver():
    return load("sudoku-4x4", "cpu")


@pytest.fixture(scope="session")
def puzzles(solver):
    """Different puzzles, each with its only answer."""
    family = solver.puzzle
    return [tuple(family.text(grid) for grid in family.generate(3, index)) for index in range(200)]


@pytest.fixture(scope="session")
def within(solver):
    """Run a test in a client of an application of its own; without ``works``, its worker never begins."""

    @asynccontextmanager
    async def opened(works, options):
        app = create_app(options.pop("solvers", {"sudoku-4x4": solver}), **options)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            client.app = app
            if not works:
                yield client
                return
            async with app.router.lifespan_context(app):
                yield client

    def run(test, works=True, **options):
        async def in_client():
            async with opened(works, options) as client:
                return await test(client)

        return asyncio.run(in_client())

    return run
