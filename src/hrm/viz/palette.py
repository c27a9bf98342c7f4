"""The colors that pictures, figures and pages share, and how well they can be told apart.

Colors are ``#rrggbb``. Text in any of the inks can be read on any of the grounds that it is drawn on: contrast 4.5 or
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
