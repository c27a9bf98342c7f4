"""What a server counts, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hrm.inference.answer import Answer

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
VERDICTS = {True: "verified", False: "breaks a rule", None: "unchecked"}


class Metrics:
    """The counters of one server; each has a registry of its own."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self._requests = Counter("hrm_requests", "Requests answered.", ("path", "status"), registry=self.registry)
        self._seconds = Histogram(
            "hrm_request_seconds", "Seconds to an answer.", ("path",), buckets=SECONDS, registry=self.registry
        )
        self._answers = Counter("hrm_answers", "Puzzles answered.", ("model", "verdict"), registry=self.registry)
        self._segments = Counter("hrm_segments", "Segments of these answers.", ("model",), registry=self.registry)
        self._batches = Histogram(
            "hrm_batch_puzzles",
            "Puzzles in a batch, counted before each of its segments.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.waiting = Gauge("hrm_waiting_requests", "Requests in the queue.", registry=self.registry)

    def batch(self, size: int) -> None:
        """Note the number of puzzles of a batch."""
        self._batches.observe(size)

    def answers(self, model: str, answers: list[Answer]) -> None:
        """Note the answers to a request."""
        for answer in answers:
            self._answers.labels(model, VERDICTS[answer.verified]).inc()
            self._segments.labels(model).inc(answer.segments)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Note a request and how long it took."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return generate_latest(self.registry)


class Counted:
    """Counts every request, also those that are refused; paths that do not exist count as one.

    Args:
        paths: those that exist.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]):
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 499, time.monotonic()  # 499: the client left before an answer

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.request(path, status, time.monotonic() - began)
