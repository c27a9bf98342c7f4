"""The colors of pictures, figures and pages, and how well they can be told apart.

Colors that stand for symbols belong to the family of puzzles that declares them (``PuzzleSpec.fills``). Colors are
``#rrggbb``. Text in any of the inks can be read on any of the grounds that it is drawn on: contrast 4.5 or
more (WCAG 2, level AA).
"""

PAPER, INK = "#ffffff", "#141418"
ANSWER, UNSURE = "#185cc8", "#5a6170"
"""What the model filled in: sure of it, and not at all sure."""
CLASH, CLASH_GROUND = "#b3121f", "#fbdcdf"
"""Cells that clash by a rule."""
CHANGED = "#e0e5ec"
"""The ground of cells that changed."""
HAIR, LINE, MIDDLE = "#b4b8bf", "#4a505c", "#a34700"
"""Thin lines; lines around regions; the outline of a grid that overlaps others."""

SERIES = ("#0072b2", "#c44e00", "#008060", "#b0568f", "#9a6a00", "#3f8fc4", "#222222", "#6b6b00")
"""Of curves, in this order; told apart by the color-blind, too (after Okabe and Ito 2008, darkened for text)."""
LOW, HIGH = SERIES[0], SERIES[1]
"""Of z_L and of z_H, in every figure."""
RIGHT, WRONG = SERIES[2], CLASH
FAINT = "#6f7580"
EDGE, WALL = "#9aa0aa", "#404047"
"""Edges of a graph; in figures, solid cells that have no declared color."""
TASK_LINE, TASK_RULE, TASK_RIGHT, TASK_WRONG = "#555555", "#cccccc", "#1a7f37", "#c1121f"
"""Of ARC grids: lines between cells, a rule between tests, and around grids that are right or wrong."""

PAGE = {
    "light": {
        "paper": "#fbfbf9", "card": "#ffffff", "ink": "#1b1d22", "quiet": "#5b606b", "line": "#e2e3e0",
        "tint": "#f1f2ef", "accent": "#1d5bbf", "accent-soft": "#d6e3f8", "red": "#b3161f", "second": "#767c88",
        "third": "#9a6a00", "right": "#1a7f37", "clash": "#fbdcdf", "shade": "#d5dbe6", "hair": "#b4b8bf",
        "edge": "#858a95",
    },
    "dark": {
        "paper": "#101216", "card": "#17191e", "ink": "#e6e7ea", "quiet": "#9ea4b0", "line": "#2a2d35",
        "tint": "#1c1f25", "accent": "#85b0ff", "accent-soft": "#223554", "red": "#ff8b8f", "second": "#8b92a0",
        "third": "#d9a844", "right": "#63cf83", "clash": "#46191f", "shade": "#363e4e", "hair": "#4a4f5b",
        "edge": "#757b88",
    },
}  # fmt: skip
"""Of pages, by the name of the CSS property."""
DARK_GROUND = "#2b2b30"
"""The lightest ground of a picture on a dark page."""


def mixed(ground: str, ink: str, share: float) -> str:
    """Return the color that holds this share of ink."""
    pairs = zip(bytes.fromhex(ground[1:]), bytes.fromhex(ink[1:]), strict=True)
    return "#" + bytes(round(g + (i - g) * share) for g, i in pairs).hex()


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2, from 0 (black) to 1 (white)."""
    parts = [part / 255 for part in bytes.fromhex(color[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(ground: str) -> str:
    """Return the better of black and white ink."""
    return max((INK, PAPER), key=lambda ink: contrast(ink, ground))


def seen_on_both(color: str, least: float = 3.0) -> str:
    """Return the nearest color that stands out from a black and from a white terminal."""
    for step in range(101):
        for end in (PAPER, "#000000"):
            shade = mixed(color, end, step / 100)
            if min(contrast(shade, "#000000"), contrast(shade, PAPER)) >= least:
                return shade
    return color
