"""The page of a report: one HTML file that loads nothing, from the values that ``workflows.report`` has measured.

Whatever comes from outside (names, paths, puzzles, what a checkpoint says of itself) is escaped by the templates; the
page's own policy forbids every load and every script but its own.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hrm.viz.palette import PAGE
from hrm.viz.report import sections
from hrm.viz.report.drawings import colors_of, has_pixels, on_dark, part_of_page, properties, themed
from hrm.viz.templates import render

SECTIONS = {
    "results": "Results", "halting": "Halting", "gallery": "Gallery", "inside": "Inside", "training": "Training",
    "model": "The model", "again": "Measure it again",
}  # fmt: skip
"""Title of each section by its anchor, which is also the name of its template."""


def page(report: dict[str, Any], command: str, source: dict[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        report: as ``workflows.report.report`` returns it.
        command: the command line that made it.
        source: the code that measured: ``version``, ``commit`` and ``changed``.
    """
    # drawings
    gallery, analyses = report["gallery"], report["analyses"]
    pictures = [part_of_page(picture, "g") for picture in gallery["pictures"]]
    figures = {a["what"]: part_of_page(a["figure"], a["what"]) if a.get("figure") else None for a in analyses}
    colors = _colors(pictures, [figure for figure in figures.values() if figure], gallery["has_colors"])
    pictures = [Markup(themed(picture)) for picture in pictures]

    # sections: those in which there is something
    charts = sections.training_charts(report["training"])
    empty = {name for name, content in (("inside", analyses), ("training", charts)) if not content}
    puzzles = [*gallery["solved"], *gallery["failed"]]
    script = _read("report.js")
    return render(
        "page.html",
        report=report,
        command=command,
        source=source,
        colors=colors,
        css=Markup(_read("report.css")),
        sections={name: title for name, title in SECTIONS.items() if name not in empty},
        metrics=sections.METRICS,
        film=sections.film(gallery),
        clashing=any(moment["wrong"] for puzzle in puzzles for moment in puzzle["moments"]),
        pictures=pictures,
        figures={name: _figure(svg) for name, svg in figures.items()},
        results_chart=sections.results_chart(report["results"]["per_segment"]),
        halting_chart=sections.halting_chart(report["halting"]),
        training_charts=charts,
        data={
            "pictures": pictures,
            "puzzles": {str(p["row"]): {key: p[key] for key in ("moments", "spots", "stored")} for p in puzzles},
            **{key: gallery[key] for key in ("symbols", "columns", "unique")},
        },
        script=Markup(script),
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _colors(pictures: Sequence[str], figures: Sequence[str], has_colors: bool) -> dict[str, str]:
    """Return the CSS properties of the page and its drawings on light and on dark paper.

    Args:
        has_colors: whether colors are symbols in the pictures: then they stay, on white paper.
    """
    in_pictures, in_figures = colors_of(pictures), colors_of(figures)
    return {
        "light": properties(PAGE["light"] | {color: color for color in in_pictures | in_figures}),
        "dark": properties(PAGE["dark"] | {color: on_dark(color) for color in in_figures}),
        "dark_pictures": properties({color: color if has_colors else on_dark(color) for color in in_pictures}),
    }


def _figure(svg: str | None) -> dict[str, Any] | None:
    """Return a figure without the begin of its element, to which the page adds; None where there is no figure."""
    if svg is None:
        return None
    on_white = has_pixels(svg)
    return {"on_white": on_white, "rest": Markup((svg if on_white else themed(svg)).removeprefix("<svg "))}


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
