"""Stop politely: the first Ctrl-C or SIGTERM ends a run after its current update, a second one ends it at once.

The state is saved by ``Trainer.fit``, which then raises ``Interrupted``. A second signal is handled as if nobody had
waited for the first, and what is saved last then stays as it is.
"""

import signal
from contextlib import suppress
from types import FrameType

from hrm.errors import HrmError


class Interrupted(HrmError):
    """The run was told to stop; it has saved its state first."""

    def __init__(self, signal_number: int, update: int):
        super().__init__(f"stopped at update {update}; everything is saved: run the same command again to resume")
        self.exit_code = 128 + signal_number
        self._arguments = signal_number, update

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        """Let other processes of a job raise it, too."""
        return type(self), self._arguments


class PoliteSignals:
    """Notes SIGINT and SIGTERM while it is entered; outside the main thread the host program handles signals."""

    def __init__(self):
        self.asked: int | None = None
        """Number of the signal that came, if one did."""
        self._old: dict[signal.Signals, object] = {}

    def came(self) -> bool:
        """Say whether one came."""
        return self.asked is not None

    def __enter__(self) -> "PoliteSignals":
        with suppress(ValueError):  # not in the main thread
            self._old = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = number
        self.__exit__()
