"""Who draws an answer.

Drawing is a room above this one, which therefore may not import it. The front of the package (``hrm/__init__.py``)
sets ``painter``; it is called at the first picture, so that loading a model does not load Pillow.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Painter(Protocol):
    """What draws answers: ``hrm.viz.puzzle.answers`` is one."""

    def html(self, puzzle: Any, answer: Any) -> str:
        """Return a piece of HTML for a notebook."""
        ...

    def save(self, puzzle: Any, answer: Any, file: Path) -> None:
        """Save a picture as what the suffix says."""
        ...


def _nobody() -> Painter:
    raise RuntimeError("import hrm first: it says who draws")


painter: Callable[[], Painter] = _nobody
"""Returns who draws."""
