"""What all figures share: paper, headings, legends, numbers in words, and how they are written."""

import warnings
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from hrm.errors import UsageError, printable
from hrm.files import replace_file
from hrm.viz.palette import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis
    from matplotlib.figure import Figure, SubFigure

LETTERS_AN_INCH = 12
"""Of text of the size that sentences have."""

MISSING = "figures need matplotlib: pip install 'hierarchical-reasoning[plot]'"


def has_matplotlib() -> bool:
    """Say whether figures can be drawn here."""
    return _obstacle() is None


def require_matplotlib() -> None:
    """Refuse, before any work, where figures cannot be drawn.

    Raises:
        UsageError: says what to install, or why matplotlib cannot be imported.
    """
    if not has_matplotlib():
        raise UsageError(_obstacle() or MISSING)


def _obstacle() -> str | None:
    """Return why figures cannot be drawn: matplotlib is missing, or it is there and cannot be imported."""
    if find_spec("matplotlib") is None:
        return MISSING
    try:
        import matplotlib.figure  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except Exception as error:  # a broken installation may raise anything
        return f"figures need matplotlib, which cannot be imported here ({type(error).__name__}: {error}); reinstall it"
    return None


def canvas(width: float, height: float, title: str = "") -> "Figure":
    """Return an empty figure on white, sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def plain(text: str) -> str:
    """Return text from outside, such as the name of a file, as it is: nothing in it is taken for a formula."""
    return printable(text).replace("$", r"\$")


def heading(part: "Figure | SubFigure", title: str, answer: str, inches: float) -> None:
    """Write what is measured, and below it the sentence that answers the question."""
    words = "\n".join(filter(None, (title, fill(answer, int(inches * LETTERS_AN_INCH)))))
    part.suptitle(words, fontsize=9.5, color=INK)


def in_percent(axis: "XAxis | YAxis") -> None:
    """Write the shares along an axis in percent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def percent(share: float) -> str:
    """Return a share in percent, with as many digits as it takes to be told from 0 and 100."""
    value = 100 * share
    if 99.95 <= value < 100:
        return ">99.9 %"
    return f"{value:.2g} %" if value < 1 or value == round(value) < 100 else f"{value:.1f} %".replace(".0 %", " %")


def in_shares(axes: "Axes") -> None:
    """Let an axis y run from 0 to 100 %."""
    axes.set_ylim(-0.03, 1.03)
    in_percent(axes.yaxis)


def in_digits(*axes: "XAxis | YAxis") -> None:
    """Write the numbers along axes without powers of ten."""
    for axis in axes:
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def style_axes(axes: "Axes", title: str = "", x: str = "", y: str = "") -> None:
    """Give axes their labels and a quiet frame."""
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8, colors=INK)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend(axes: "Axes", **options: Any) -> None:
    """Add a legend where something has a label."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**{"fontsize": 8, "frameon": True, "framealpha": 0.9, "edgecolor": "none", **options})


def legend_below(axes: "Axes", **options: Any) -> None:
    """Add a legend below the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    options = {"fontsize": 8, "frameon": False, "ncols": min(3, max(1, len(labels))), **options}
    axes.figure.legend(
        options.pop("handles", handles), options.pop("labels", labels), loc="outside lower center", **options
    )


def rendered(figure: "Figure", format: str, dpi: int = 150) -> bytes:
    """Return a figure as ``png`` or ``svg``."""
    out = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name in a script that the font lacks
        figure.savefig(out, format=format, dpi=dpi, metadata={"Date": None} if format == "svg" else None)
    return out.getvalue()


def write(figure: "Figure", stem: Path) -> list[Path]:
    """Write a figure as ``stem.png`` and ``stem.svg``, and return both."""
    files = [stem.with_name(f"{stem.name}.{format}") for format in ("png", "svg")]
    for file in files:
        replace_file(file, rendered(figure, file.suffix[1:]))
    return files
