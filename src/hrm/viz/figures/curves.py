"""The curves of training runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrm.files import replace_file
from hrm.viz.figures.style import canvas, in_percent, in_shares, legend, legend_below, plain, rendered, style_axes
from hrm.viz.palette import SERIES

MARKERS = "osD^vP*X"
_UNITS = ((1e-9, "MFLOP"), (1e-6, "GFLOP"), (1e-3, "TFLOP"), (1.0, "PFLOP"), (1e3, "EFLOP"))


def plot_curves(lines: list[dict[str, Any]], file: Path) -> None:
    """Draw loss, exact accuracy and segments over the updates, from the lines of a ``metrics.jsonl``."""
    panels = [
        ("answer loss", "nats a cell", [("answer_loss", "training")]),
        (
            "whole answers right", "share of puzzles",
            [
                ("exact_rate", "training, after every segment"), ("validation_exact", "validation, after the last"),
                ("training_exact", "training puzzles, after the last"),
            ],
        ),
        ("segments before halting", "segments", [("segments_at_halt", "training")]),
    ]  # fmt: skip
    figure = canvas(11, 3.9, plain(f"Training of {file.resolve().parent.name}"))
    for axes, (title, unit, series) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for (key, label), color in zip(series, SERIES, strict=False):
            points = [(line["update"], line[key]) for line in lines if key in line]
            if points:
                marker = "o" if len(points) < 30 else None
                axes.plot(*zip(*points, strict=True), label=label, color=color, marker=marker, ms=3)
        style_axes(axes, title, "update", unit)
        if unit.startswith("share"):
            axes.set_ylim(-0.02, 1.03)
            in_percent(axes.yaxis)
            legend(axes, loc="best")
            axes.set_xlabel("update\n(training counts unfinished puzzles, too, and so lies below)", fontsize=9)
        elif unit.startswith("nats") and axes.lines:
            axes.set_yscale("log")
    replace_file(file, rendered(figure, "png", dpi=130))


def plot_comparison(measured: Mapping[str, Any], file: Path) -> None:
    """Draw exact accuracy against the operations of training and for each variant, as ``workflows.compare`` returns it.

    On the left a marker is one seed with the 95 % interval of its share, before training, half way and at the end; a
    dotted line joins the means over the seeds. On the right each variant has a place of its own, by depth: the number
    of blocks that lead to an answer one after the other, the counterpart of figure 2 of the HRM paper.
    """
    from matplotlib.lines import Line2D

    variants = measured["variants"]
    figure = canvas(
        11,
        5.2,
        plain(f"{measured['recipe']} at equal {measured['equal']}: {measured['test']['puzzles']} held-out puzzles"),
    )
    axes, depths = figure.subplots(1, 2, sharey=True)
    factor, unit = flop_unit(max(variant["pflop"] for variant in variants))
    # on the left: every seed at each stage, and the means over the seeds
    handles = []
    for number, variant in enumerate(variants):
        color, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
        per_update = variant["pflop"] / factor / variant["updates"]
        stages: dict[int, list[float]] = {}
        for run in variant["runs"]:
            for line in run["stages"]:
                low, high = line["exact_ci95"]
                stages.setdefault(line["update"], []).append(line["exact"])
                axes.errorbar(
                    line["update"] * per_update, line["exact"], ls="", alpha=0.6, lw=1, ms=4,
                    color=color, marker=marker,
                    yerr=[[line["exact"] - low], [high - line["exact"]]],
                )  # fmt: skip
        means = sorted((update * per_update, sum(v) / len(v)) for update, v in stages.items())
        axes.plot(*zip(*means, strict=True), lw=1.2, ls=":", color=color)
        handles.append(Line2D([], [], ls=":", ms=5, label=plain(variant["variant"]), color=color, marker=marker))
    # on the right: variants by depth
    order = sorted(range(len(variants)), key=lambda n: _depth(variants[n]))
    for place, number in enumerate(order):
        trained = variants[number]["summary"]["trained"]["exact"]
        mean, (low, high) = trained["mean"], trained["ci95"] or (trained["mean"],) * 2
        depths.errorbar(
            place, mean, fmt=MARKERS[number % len(MARKERS)], color=SERIES[number % len(SERIES)], capsize=3, ms=6,
            yerr=[[mean - low], [high - mean]],
        )  # fmt: skip
    depths.set_xticks(range(len(order)), [plain(f"{variants[n]['variant']}\n{_depth(variants[n])}") for n in order])
    depths.set_xlim(-0.6, len(order) - 0.4)
    # labels
    in_shares(axes)
    style_axes(axes, "before, half way through and after training", f"operations of training in {unit}",
          "whole answers right (bars: 95 %)")  # fmt: skip
    style_axes(
        depths,
        "after training, mean over the seeds",
        "variant, and its depth: blocks to an answer, one after the other",
    )
    depths.grid(False, axis="x")
    depths.tick_params(axis="x", labelrotation=0 if len(order) <= 5 else 45)
    labels = [str(handle.get_label()) for handle in handles]
    legend_below(axes, handles=handles, labels=labels, ncols=min(5, len(handles)))
    replace_file(file, rendered(figure, "png", dpi=130))


def flop_unit(pflop: float) -> tuple[float, str]:
    """Return the unit, in PFLOP, in which a number of operations is 1 or more, and its name."""
    return next(((size, name) for size, name in reversed(_UNITS) if pflop >= size), _UNITS[0])


def _depth(variant: Mapping[str, Any]) -> int:
    return variant["blocks_per_segment"] * variant["segments"]
