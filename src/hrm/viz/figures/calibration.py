"""Whether the Q-head knows when the answer is right."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_percent, in_shares, legend_below, percent, style_axes
from hrm.viz.palette import FAINT, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    part = numbers["all_segments"]
    auroc, ece = part["auroc"]["value"], part["ece"]["value"]
    off = f"q_halt is off by {100 * ece:.1f} percentage points on average"
    if auroc is None:
        every = "right" if part["base_rate"] == 1 else "wrong"
        return f"Cannot be told, because every answer is {every}; {off}."
    verdict = "Yes" if auroc >= 0.9 else "Partly" if auroc >= 0.7 else "Hardly"
    return f"{verdict}: a right answer has a higher q_halt than a wrong one in {percent(auroc)} of pairs, and {off}."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the reliability of q_halt and how often it takes which value."""
    curve, counts = part.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color=FAINT, lw=1, label="perfect")
    for key, color, offset in (("all_segments", SERIES[0], -0.011), ("last_segment", SERIES[1], 0.011)):
        rows = [row for row in numbers[key]["bins"] if row["count"]]
        x, y = [row["q_halt_mean"] for row in rows], [row["exact"] for row in rows]
        spread = np.array([(max(0, r["exact"] - r["exact_ci95"][0]), r["exact_ci95"][1] - r["exact"]) for r in rows])
        scores = ", ".join(
            f"{name} {numbers[key][score]['value']:.2g}"
            for name, score in (("ECE", "ece"), ("Brier", "brier"), ("AUROC", "auroc"))
            if numbers[key][score]["value"] is not None
        )
        label = f"{key.replace('_', ' ')}: {scores}"
        line = "-" if key == "all_segments" else ""
        curve.errorbar(x, y, spread.T, color=color, marker="o", ls=line, ms=4, lw=1.2, capsize=2, label=label)
        bins = numbers[key]["bins"]
        centers = np.array([(row["low"] + row["high"]) / 2 for row in bins])
        counts.bar(centers + 2 * offset, [row["count"] for row in bins], 0.04, color=color)
    in_shares(curve)
    counts.set_yscale("symlog", linthresh=1)
    in_percent(counts.xaxis)
    style_axes(curve, "", y="share right (95 % interval)")
    style_axes(counts, "", "q_halt: how likely the Q-head holds the answer to be right", "answers (log)")
    legend_below(curve, ncols=1)
