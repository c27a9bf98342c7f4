"""Who draws an answer.

Pictures lie above this package, which therefore may not import them. ``hrm/__init__.py`` sets ``painter``; it is called
at the first picture, so that loading a model does not load Pillow.
"""

from collections.abc import Callable
from typing import Any

painter: Callable[[], Any]
"""Returns a module with the functions of ``hrm.viz.puzzle.answers``: ``html`` and ``save``."""
