"""Whether harder puzzles get more segments."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import legend_below, style_axes
from hrm.viz.palette import INK, RIGHT, WRONG

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    line = next(entry for entry in numbers["correlations"] if entry["measure"] == numbers["measure"])
    rho, bounds = line["spearman"], line["ci95"]
    used = f"{numbers['segments_mean']:.1f} of {numbers['budget']} segments are used on average"
    if rho is None or bounds is None:
        return f"Cannot be told: all puzzles are equally hard, or use equally many segments; {used}."
    correlation = f"Spearman's ρ = {rho:.2f}, 95 %: {bounds[0]:.2f} to {bounds[1]:.2f}"
    if bounds[0] > 0:
        return f"Yes, harder puzzles get more segments ({correlation}); {used}."
    if bounds[1] < 0:
        return f"No, harder puzzles get fewer segments ({correlation}); {used}."
    return f"No relation was found between difficulty and segments ({correlation}); {used}."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the segments used against difficulty, and how many puzzles use how many."""
    from matplotlib.ticker import MaxNLocator

    points, shares = part.subplots(1, 2, width_ratios=(1.4, 1))
    used, difficulty = np.array(numbers["segments"]), np.array(numbers["difficulty"])
    exact = np.array(numbers["exact"], bool)
    # puzzles as points, a little apart from one another, so that equal ones are seen
    rng = np.random.default_rng(0)
    spread = (np.ptp(difficulty) or 1) / 60
    x = difficulty + rng.uniform(-spread, spread, len(used))
    y = used + rng.uniform(-0.16, 0.16, len(used))
    for chosen, color, marker, label in ((exact, RIGHT, "o", "right"), (~exact, WRONG, "x", "wrong")):
        if chosen.any():
            points.scatter(x[chosen], y[chosen], s=16, c=color, marker=marker, alpha=0.6, lw=1, label=label)
    # means of puzzles of about one difficulty
    edges = np.unique(np.quantile(difficulty, np.linspace(0, 1, 6)))
    if len(edges) > 2:
        place = np.searchsorted(edges[1:-1], difficulty, side="right")
        chosen = sorted(set(place.tolist()))
        means = [(difficulty[place == k].mean(), used[place == k].mean()) for k in chosen]
        label = f"means of {len(means)} groups by difficulty"
        points.plot(*zip(*means, strict=True), color=INK, lw=1.4, marker="D", ms=4, label=label)
    if difficulty.max() > 20 * max(float(np.median(difficulty)), 1):
        points.set_xscale("symlog", linthresh=1)
    else:
        points.xaxis.set_major_locator(MaxNLocator(8, integer=bool((difficulty % 1 == 0).all())))
    points.yaxis.set_major_locator(MaxNLocator(integer=True))
    style_axes(points, "", numbers["measure"], f"segments used (of {numbers['budget']})")
    # how many puzzles use how many segments
    budgets = np.arange(1, numbers["budget"] + 1)
    below = np.zeros(len(budgets))
    for chosen, color in ((exact, RIGHT), (~exact, WRONG)):
        counts = np.array([((used == budget) & chosen).sum() for budget in budgets], float)
        if counts.any():
            shares.bar(budgets, counts, 0.8, bottom=below, color=color)
            below += counts
    shares.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    shares.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    style_axes(shares, "", "segments used", "puzzles")
    shares.grid(False, axis="x")
    legend_below(points)
