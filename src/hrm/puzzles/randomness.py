"""The place of ``hrm.randomness`` before; families written for it still find it here."""

import warnings

from hrm.randomness import Stream, generator

__all__ = ["Stream", "generator"]
warnings.warn("hrm.puzzles.randomness is now hrm.randomness", DeprecationWarning, stacklevel=2)
