"""What the sections of a report show beside plain values: the puzzle at the top, and the charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from hrm.viz.report.charts import Curve, bar_chart, line_chart, plain
from hrm.viz.templates import percent

MOST_FRAMES = 6
"""Pictures of the puzzle at the top."""
METRICS = {"exact": "whole answers", "cell": "cells", "valid": "valid by the rules"}
"""What metrics are called."""
_TRAINING = {
    "Answer loss, nats a cell": [("answer_loss", "training", "main")],
    "Whole answers right": [
        ("exact_rate", "training, after every segment", "second"),
        ("validation_exact", "validation, after the last", "main"),
        ("training_exact", "training puzzles, after the last", "third"),
    ],
    "Segments before halting": [("segments_at_halt", "training", "main")],
}
"""Charts of a training: title, and key in the log, name and style of each curve."""


def film(gallery: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return some moments of the solved puzzle that took longest, or else of the first failed one."""
    for puzzle in [*gallery["solved"][-1:], *gallery["failed"][:1]]:
        moments, solved = puzzle["moments"], puzzle["right_from"] is not None
        segments = puzzle["right_from"] if solved else len(moments) - 1
        count = min(MOST_FRAMES, segments + 1)
        numbers = sorted({round(segments * place / (count - 1)) for place in range(count)})
        shown = [moments[number] for number in numbers]
        return {"row": puzzle["row"], "moments": shown, "segments": segments, "solved": solved}
    return None


def results_chart(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the shares that are right after each segment: of answers, of cells, and, where it differs, of valid ones."""
    keys = {"exact": "main", "cell": "second"}
    if any(row.get("valid", row["exact"]) != row["exact"] for row in rows):
        keys["valid"] = "third"
    curves = [
        Curve(
            METRICS[key], [(row["segment"], row[key]) for row in rows], style,
            [tuple(row["exact_ci95"]) for row in rows if key == "exact"],
        )
        for key, style in keys.items()
    ]  # fmt: skip
    first, last = rows[0]["exact"], rows[-1]["exact"]
    label = f"Share right after each segment, rising from {percent(first)} to {percent(last)}"
    if len(rows) == 1 or first > last:
        label = f"Share right after each segment, {percent(last)} after the last"
    return line_chart(curves, "segment", label, 0, 1)


def halting_chart(halting: Mapping[str, Any]) -> Markup:
    """Draw how many puzzles use how many segments."""
    label = f"Puzzles by segments used, {halting['segments_mean']:.1f} on average"
    return bar_chart(halting["right"], halting["wrong"], "segments used with early exit", label)


def training_charts(log: Sequence[Mapping[str, Any]]) -> dict[str, Markup]:
    """Return the charts of a training by title: those whose numbers the log holds."""
    charts = {}
    for title, series in _TRAINING.items():
        curves = [
            Curve(name, [(line["update"], line[key]) for line in log if line.get(key) is not None], style)
            for key, name, style in series
        ]
        curves = [curve for curve in curves if len(curve.points) > 1]
        is_log, is_share = title.startswith("Answer loss"), title.startswith("Whole")
        values = [value for curve in curves for _, value in curve.points if value > 0 or not is_log]
        if not values:
            continue
        low, high = (min(values), max(values)) if is_log else (0.0, 1.0 if is_share else max(values))
        low, high = (low / 1.2, high * 1.2) if is_log or high <= low else (low, high)
        label = f"{title} over the updates, at the end {plain(curves[0].points[-1][1])} ({curves[0].name})"
        words = {} if is_share else {"y": plain}
        charts[title] = line_chart(curves, "update", label, low, high, is_log=is_log, **words)
    return charts
