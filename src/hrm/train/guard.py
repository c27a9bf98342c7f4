"""Notices early that the loss jumps far above what it was, so that what was good before can be kept. Free of torch."""

import math
import statistics
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOOK_EVERY = 25
"""Updates after which the loss is looked at; also at each line of the log and before each evaluation."""
FEWEST, LATELY, TIMES = 5, 20, 5.0
"""A loss has risen that is more than TIMES its median over the last LATELY looks, if there were FEWEST or more."""


class LossGuard:
    """Compares the loss with what is usual; while it is risen, what is usual stays as it was."""

    def __init__(self):
        self._losses: deque[float] = deque(maxlen=LATELY)
        self.looked_at = 0
        """The update of the last look."""
        self.usual_until = 0
        """The update of the last look at which the loss was not risen."""
        self.risen = False

    @property
    def usual(self) -> float | None:
        """The median over the last looks; None: there were too few."""
        return statistics.median(self._losses) if len(self._losses) >= FEWEST else None

    def look(self, update: int, loss: float) -> bool:
        """Compare the loss since the last look with what is usual; return whether it rose or fell again just now.

        Args:
            update: how many updates were made.
            loss: the mean since the last look; one that is not finite is left to ``hrm.train.finite``.
        """
        self.looked_at = update
        if not math.isfinite(loss):
            return False
        before = self.risen
        self.risen = self.usual is not None and loss > TIMES * self.usual
        if not self.risen:
            self._losses.append(loss)
            self.usual_until = update
        return self.risen != before

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON."""
        return {
            "losses": list(self._losses), "looked_at": self.looked_at, "usual_until": self.usual_until,
            "risen": self.risen,
        }  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._losses = deque(state["losses"], maxlen=LATELY)
        self.looked_at, self.usual_until, self.risen = (state[name] for name in ("looked_at", "usual_until", "risen"))

    def said(self, update: int, loss: float, kept: Path | None) -> str:
        """Return what a user is told when the loss has risen or fallen again.

        Args:
            kept: the newest checkpoint from before the rise.
        """
        if not self.risen:
            return f"update {update}: the loss has fallen again, to {loss:.4g}"
        begin = f"begin with --init {kept}, which is kept, another --out" if kept else "begin again with another --out"
        return (
            f"warning: update {update}: the loss is {loss:.4g}, more than {TIMES:g} times what was usual "
            f"({self.usual:.4g}). The best weights so far are kept. If it does not fall again, stop the run and "
            f"{begin} and a lower --optim.lr"
        )
