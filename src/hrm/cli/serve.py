"""``hrm serve`` and ``hrm mcp``: models for programs."""

from importlib.util import find_spec
from typing import Annotated

from cyclopts import Parameter

from hrm import pretrained
from hrm.cli.console import print_json, print_line, tell_weights
from hrm.cli.options import Device, Json, Precision, UserPuzzle, register_own
from hrm.errors import UsageError

Models = Annotated[
    list[str],
    Parameter(
        name="MODEL",
        help="Shipped models, run folders or checkpoint folders.",
        completer=lambda context: pretrained.names(),
    ),
]
Deadline = Annotated[float, Parameter(help="Seconds after which a request is given up.")]


def serve(
    models: Models,
    /,
    *,
    host: Annotated[str, Parameter(help="Address to listen on; 0.0.0.0 for every network of this machine.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="Port to listen on; 0 for any that is free.")] = 8000,
    allow_host: Annotated[
        tuple[str, ...],
        Parameter(
            negative="", help="Host name that clients may use for this server besides localhost. Can be repeated."
        ),
    ] = (),
    queue: Annotated[int, Parameter(help="Requests that may wait; further ones are refused with 429.")] = 64,
    deadline: Deadline = 30.0,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    json: Json = False,
) -> None:
    """Serve models over HTTP, as a page in the browser and to programs, until Ctrl-C or SIGTERM.

    `--json` prints the address and the models as soon as the server is ready.

    Example: `hrm serve sudoku-4x4 sudoku-9x9`.
    """
    from hrm.inference.origin import locate

    located = [locate(model) for model in models]
    _require("serve", "fastapi", "uvicorn", "prometheus_client")
    from hrm.serve.server import ServeRequest, serve

    register_own(own, *models)

    def announce(url: str, names: list[str]) -> None:
        tell_weights(*located)
        if json:
            print_json({"url": url, "models": names})
        else:
            print_line(f"{', '.join(names)} at {url} (Ctrl-C ends it)")

    serve(ServeRequest(models, host, port, allow_host, queue, deadline, device, precision), announce)


def mcp(
    models: Models,
    /,
    *,
    deadline: Deadline = 30.0,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
) -> None:
    """Offer models as tools to a language model, by the Model Context Protocol over stdin and stdout.

    The tools: list_models, solve, verify, explain. The program of the language model starts this command itself;
    docs/mcp.md says how to tell it.

    Example: `hrm mcp sudoku-9x9 maze-10x10`.
    """
    from hrm.inference.origin import locate

    located = [locate(model) for model in models]
    _require("mcp", "mcp")
    from hrm.serve.mcp import serve_tools

    register_own(own, *models)
    serve_tools(models, device, precision, deadline, lambda: tell_weights(*located))


def _require(extra: str, *packages: str) -> None:
    """Refuse to go on without the packages of an extra."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise UsageError(f"{missing[0]} is not installed: pip install 'hierarchical-reasoning[{extra}]'")
