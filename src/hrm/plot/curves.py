"""The curves of training runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEPTHS_APART = 1.07
"""Networks of one depth stand beside one another, each so many times as far to the right as the one before."""


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


def plot_comparison(found: Mapping[str, Any], file: Path) -> None:
    """Draw exact accuracy against the operations of training and against depth, from what ``studies.compare`` found.

    On the left a dot is one seed with the 95 % interval of its share; a line joins the means over the seeds. On the
    right stands the mean over the seeds with its interval, at the number of blocks that lead to an answer one after the
    other: the counterpart of figure 2 of the HRM paper.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes, depths = figure.subplots(1, 2, sharey=True)
    colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933"]
    markers = "osD^vP*X"
    at_depth: dict[int, list[str]] = {}
    for variant in found["variants"]:
        at_depth.setdefault(variant["blocks_per_segment"] * variant["segments"], []).append(variant["variant"])
    for number, variant in enumerate(found["variants"]):
        colour = colours[number % len(colours)]
        marker = markers[(number + number // len(colours)) % len(markers)]
        per_update = variant["pflop"] / variant["updates"]
        stages: dict[int, list[float]] = {}
        for run in variant["runs"]:
            for line in run["stages"]:
                low, high = line["exact_ci95"]
                stages.setdefault(line["update"], []).append(line["exact"])
                axes.errorbar(
                    line["update"] * per_update, 100 * line["exact"], fmt="none", ecolor=colour, alpha=0.5, lw=1,
                    yerr=[[100 * (line["exact"] - low)], [100 * (high - line["exact"])]],
                )  # fmt: skip
                axes.plot(
                    line["update"] * per_update, 100 * line["exact"], ms=4, alpha=0.6, color=colour, marker=marker
                )
        means = sorted((update * per_update, 100 * sum(v) / len(v)) for update, v in stages.items())
        axes.plot(*zip(*means, strict=True), lw=1.5, color=colour)
        trained = variant["summary"]["trained"]["exact"]
        mean, (low, high) = trained["mean"], trained["ci95"] or (trained["mean"],) * 2
        depth = variant["blocks_per_segment"] * variant["segments"]
        beside = DEPTHS_APART ** (at_depth[depth].index(variant["variant"]) - (len(at_depth[depth]) - 1) / 2)
        depths.errorbar(
            depth * beside, 100 * mean, fmt=marker, color=colour, capsize=3, ms=6,
            yerr=[[100 * (mean - low)], [100 * (high - mean)]], label=variant["variant"],
        )  # fmt: skip
    test = found["test"]
    axes.set_xlabel("operations of training in PFLOP")
    depths.set_xlabel("depth: blocks to an answer, one after the other")
    depths.set_xscale("log")
    reached = sorted(at_depth)
    depths.set_xticks(reached, [str(depth) for depth in reached])
    depths.set_xticks([], minor=True)
    axes.set_ylabel("exact in %")
    axes.set_ylim(-2, 102)
    figure.suptitle(
        f"{found['recipe']} at equal {found['equal']}: {test['puzzles']} puzzles of {test['data']}", size=10
    )
    for panel in (axes, depths):
        panel.grid(alpha=0.3)
    depths.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(file, dpi=130)
