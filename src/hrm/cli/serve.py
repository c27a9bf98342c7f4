"""``hrm serve``."""

from importlib.util import find_spec
from typing import Annotated

from cyclopts import Parameter

from hrm import pretrained
from hrm.cli.console import print_json, print_line, tell_weights
from hrm.cli.options import Device, Json, Precision, UserPuzzle, register_own
from hrm.errors import UsageError
from hrm.inference.origin import locate

NEEDED = ("fastapi", "uvicorn", "prometheus_client")


def serve(
    models: Annotated[
        list[str],
        Parameter(
            name="MODEL",
            help="Shipped models, run folders or checkpoint folders.",
            completer=lambda context: pretrained.names(),
        ),
    ],
    /,
    *,
    host: Annotated[str, Parameter(help="Address to listen at; 0.0.0.0 for every network of this machine.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="Port to listen at; 0 for any that is free.")] = 8000,
    allow_host: Annotated[
        tuple[str, ...],
        Parameter(help="Name under which clients may ask for this server, beside localhost. Can be repeated."),
    ] = (),
    queue: Annotated[int, Parameter(help="Requests that may wait; further ones are refused with 429.")] = 64,
    deadline: Annotated[float, Parameter(help="Seconds after which a request is given up with 504.")] = 30.0,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    json: Json = False,
) -> None:
    """Answer puzzles over HTTP, until Ctrl-C or SIGTERM.

    `--json` prints the address and the models as soon as the server is ready.

    Example: `hrm serve sudoku-4x4 sudoku-9x9`.
    """
    located = [locate(model) for model in models]
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"{missing[0]} is not installed: pip install 'hierarchical-reasoning[serve]'")
    from hrm.serve.server import ServeRequest, serve

    register_own(own, *models)

    def announce(url: str, names: list[str]) -> None:
        tell_weights(*located)
        if json:
            print_json({"url": url, "models": names})
        else:
            print_line(f"{', '.join(names)} at {url} (Ctrl-C ends it)")

    serve(ServeRequest(models, host, port, allow_host, queue, deadline, device, precision), announce)
