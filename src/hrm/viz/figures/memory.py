"""What the gradient holds in memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hrm.viz.figures.style import in_digits, legend_below, style_axes
from hrm.viz.palette import SERIES

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    one, every, steps = numbers["one_step_bytes"], numbers["full_bytes"], numbers["NT"]
    growth, full = one[-1] / one[0], every[-1] / every[0]
    verdict = "yes, it is constant, as the paper says" if growth < 1.05 else "no, it is not constant"
    return (
        f"From {steps[0]} to {steps[-1]} timesteps the one-step gradient holds {growth:.2f} times as much and "
        f"backpropagation through all calls {full:.1f} times: {verdict}."
    )


def draw(part: "SubFigure", models: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw what is held for the gradient against N·T, one color a model."""
    axes = part.subplots()
    written: list[tuple[float, float]] = []
    for (name, numbers), color in zip(models, SERIES * len(models), strict=False):
        for key, style, label in (("one_step_bytes", "-", "one-step gradient"), ("full_bytes", "--", "all calls")):
            mib = [size / 2**20 for size in numbers[key]]
            axes.plot(numbers["NT"], mib, style, color=color, marker="o", ms=4, lw=1.5, label=f"{name}, {label}")
            for x, y in zip(numbers["NT"], mib, strict=True):
                if any(x == at and max(y, other) < 1.25 * min(y, other) for at, other in written):
                    continue  # the number would lie on another
                written.append((x, y))
                axes.annotate(f"{y:.3g}", (x, y), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(y=0.15)
    in_digits(axes.xaxis, axes.yaxis)
    first = models[0][1]
    style_axes(
        axes, "", f"timesteps of a segment N·T (T = {first['timesteps']})",
        "MiB held for the gradient",
    )  # fmt: skip
    legend_below(axes)
