"""The curves of a training run."""

from pathlib import Path
from typing import Any


def plot_curves(lines: list[dict[str, Any]], file: Path) -> None:
    """Draw loss, exact accuracy and segments over the updates, from the lines of a ``metrics.jsonl``."""
    from matplotlib.figure import Figure

    panels = [
        ("answer loss (per puzzle)", [("answer_loss", "training")]),
        (
            "exact",
            [("exact_rate", "training, all segments"), ("validation_exact", "validation, last segment")],
        ),
        ("segments when halted", [("segments_at_halt", "training")]),
    ]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, (title, series) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for key, label in series:
            points = [(line["update"], line[key]) for line in lines if key in line]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="o" if len(points) < 30 else None, ms=3)
        axes.set_title(title)
        axes.set_xlabel("update")
        axes.grid(alpha=0.3)
        if title == "exact":
            axes.set_ylim(0, 1.02)
        if title == "answer loss (per puzzle)":
            axes.set_yscale("log")
        if axes.lines:
            axes.legend(loc="best", fontsize=8)
    figure.savefig(file, dpi=130)
