"""The levels and timesteps of a network along the axes of a figure."""

from typing import TYPE_CHECKING, Any

from hrm.viz.palette import FAINT, HIGH, LOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LEVELS = (("z_L", LOW, "$z_L$"), ("z_H", HIGH, "$z_H$"))


def levels_of(numbers: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return key, color and name of each state that there is; the only one is called z."""
    if numbers["z_L"] is None:
        return [("z_H", HIGH, "$z$")]
    return list(LEVELS)


def label_of_timesteps(numbers: dict[str, Any]) -> str:
    """Say what the timesteps of one model are: those of a loop, segment after segment, or the blocks of one pass."""
    each = numbers.get("timesteps_per_segment") or numbers["cycles"] * numbers["timesteps"]
    if numbers["unit"] == "block":
        return f"block ({each} in one pass)"
    return f"{numbers['unit']} ({each} a segment)"


def mark_segments(axes: "Axes", numbers: dict[str, Any]) -> None:
    """Draw a line at the end of each segment along an axis of timesteps, and put its ticks, about eight, there."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    per_segment, segments = numbers["cycles"] * numbers["timesteps"], numbers["segments"]
    for number in range(1, segments):
        label = "end of a segment" if number == 1 else None
        axes.axvline(number * per_segment + 0.5, color=FAINT, lw=0.6, alpha=0.7, label=label)
    single = MaxNLocator(8, integer=True)
    axes.xaxis.set_major_locator(single if segments == 1 else MultipleLocator(per_segment * -(-segments // 8)))
