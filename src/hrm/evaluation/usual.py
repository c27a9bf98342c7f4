"""How much is measured unless told: for the command line, which shows it and imports no torch before it computes."""

from hrm.inference.search import NORMAL_SEGMENTS

SCALE_PUZZLES = 64
"""Puzzles on which ``hrm scale`` compares methods."""
SCALE_SEGMENTS, SCALE_COPIES = 16, 8
"""Segments of each of several runs, and runs of a puzzle at most."""
SCALE_BUDGET = NORMAL_SEGMENTS
"""Segments that the search may spend on a puzzle."""
