"""A process that serves: it loads the models, listens, and ends gracefully."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hrm.errors import HrmError, UsageError
from hrm.serve.api import check_deadline
from hrm.serve.http import LOCAL, create_app
from hrm.serve.models import load_models

HEAD_SECONDS = 8.0
"""In which the head of a request must have arrived."""
CONNECTIONS = 1000
"""At once; further ones get 503."""


@dataclass(frozen=True)
class ServeRequest:
    """What to serve, and where."""

    models: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8000
    """0: any that is free."""
    allow_hosts: Sequence[str] = ()
    """Further values of the Host header."""
    queue: int = 64
    deadline_s: float = 30.0
    device: str = "auto"
    precision: str = "auto"


def serve(request: ServeRequest, on_ready: Callable[[str, list[str]], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is answered first.

    Args:
        on_ready: told the address and the names of the models as soon as requests are taken.

    Raises:
        UsageError: no such model, or a value out of range.
        HrmError: the port is taken.
    """
    check_deadline(request.deadline_s)
    if not 1 <= request.queue <= 86400:
        raise UsageError(f"--queue must be 1 to 86400 (got {request.queue})")
    if bad := [
        host for host in request.allow_hosts if "*" in host[1:] or (host[:1] == "*" and host[1:2] not in ("", "."))
    ]:
        raise UsageError(f"--allow-host takes a name, *.example.com or * (got {bad[0]})")
    if not 0 <= request.port <= 65535:
        raise UsageError(f"--port must be 0 to 65535 (got {request.port})")
    listening = _listen(request.host, request.port)
    with listening:
        solvers = load_models(request.models, request.device, request.precision)
        any_address = request.host in ("0.0.0.0", "::", "")
        hosts = [*LOCAL, *([] if any_address else [request.host]), *request.allow_hosts]
        app = create_app(solvers, request.queue, request.deadline_s, hosts)
        config = uvicorn.Config(
            app, http=_Patient, ws="none", lifespan="on", access_log=False, log_level="warning", server_header=False,
            proxy_headers=False, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=int(request.deadline_s) + 1,
        )  # fmt: skip
        shown = f"[{request.host}]" if ":" in request.host else request.host
        url = f"http://{shown}:{listening.getsockname()[1]}"
        server = _Server(config, lambda: on_ready(url, list(solvers)), app.state.service.worker.refuse_more)
        # a full garbage collection, which halts everything, then passes over what is loaded
        gc.collect()
        gc.freeze()
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Stops taking puzzles at the first signal, and ends without another signal once all have their answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_exit: Callable[[], None]):
        super().__init__(config)
        self._on_ready, self._on_exit = on_ready, on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second Ctrl-C does not wait for answers."""
        self._on_exit()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class _Patient(H11Protocol):
    """Closes a connection over which the head of a request comes too slowly."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, and see whether the head is complete."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        head_is_missing = self.cycle is None or self.cycle.response_complete
        if head_is_missing and self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        elif not head_is_missing and self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")  # what is no name of a machine would leave a socket open
        made = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:
        raise HrmError(f"cannot listen on {host}, port {port}: {error}; choose another --host or --port") from None
    # asyncio sends small answers at once (TCP_NODELAY) only where a socket names its protocol
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
