"""What the tests of the page in a browser share: a server in a thread, and headless Chromium."""

import re
import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
import uvicorn

from hrm.inference.load import load
from hrm.serve.http import create_app


@contextmanager
def listening(solvers):
    """Serve models in a thread; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as open_socket:
        config = uvicorn.Config(create_app(solvers, deadline_s=300), log_level="warning", ws="none", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [open_socket]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{open_socket.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("HRM_CACHE", str(tmp_path_factory.mktemp("cache")))
    with listening({name: load(name, "cpu") for name in ("sudoku-4x4", "sudoku-9x9", "maze-10x10")}) as url:
        yield url
    patch.undo()


@pytest.fixture
def opened(browser, address):
    """Open the page at a fragment; at the end nothing must have gone wrong in it, and nothing asked of other places."""
    contexts, wrong, expected = [], [], []

    def note(message):
        if message.type in ("error", "warning") and not any(part in message.text for part in expected):
            wrong.append(message.text)

    def run(fragment="", width=1280, scheme="light", motion="reduce", url=address, may_log=(), **more):
        expected.extend(may_log)
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion=motion, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note)
        page.on("request", lambda asked: None if asked.url.startswith(url) else wrong.append(asked.url))
        page.goto(url + fragment)
        page.wait_for_selector("#model:enabled")
        return page

    yield run
    for context in contexts:
        context.close()
    assert wrong == []


def link(model, puzzle):
    return f"#{urlencode({'model': model, 'puzzle': puzzle})}"


def board(page):
    return "".join(page.locator("#board .cell").all_text_contents())


def watched(page):
    page.wait_for_selector("#watch:not([hidden])")
    return page.locator("#badge").inner_text()


def ready(page):
    """Wait until the puzzle that was asked for is there."""
    page.wait_for_selector("#source:not(:empty)")
    page.locator("#source", has_text=re.compile("seed|link")).wait_for()


def require_readable(page, width):
    """Nothing is too wide, and axe finds nothing: before a puzzle is solved, and at three moments of its solution."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width and grave(page) == []
    page.click("#solve")
    watched(page)
    for key in ("Home", "ArrowRight", "End"):
        page.focus("#slider")
        page.keyboard.press(key)
        page.wait_for_timeout(400)
        assert grave(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def grave(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    return [
        (violation["id"], [node["html"][:200] for node in violation["nodes"][:3]])
        for violation in axe.Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
