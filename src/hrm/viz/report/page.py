"""The page of a report: one HTML file that loads nothing, from the values that ``studies.report`` has measured.

Whatever comes from outside (names, paths, puzzles, what a checkpoint says of itself) is escaped; the page's own policy
forbids every load and every script but its own.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from hrm.viz.report.drawings import colors_of, on_dark, part_of_page, properties, themed
from hrm.viz.report.sections import card, film, gallery, halting, inside, opening, reproduce, results, training

_HERE = Path(__file__).parent
WHITE = "#ffffff"


def page(found: dict[str, Any], command: str, source: dict[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        found: as ``studies.report.report`` returns it.
        command: the command line that made it.
        source: the code that measured: ``version``, ``commit`` and ``changed``.
    """
    shown = found["gallery"]
    pictures = [part_of_page(picture, "g") for picture in shown["pictures"]]
    figures = [entry["figure"] for entry in found["analyses"] if entry.get("figure")]
    in_pictures, in_figures = colors_of(pictures), colors_of(figures)
    dark = {color: on_dark(color) for color in in_figures}
    # where colors are symbols they stay what they are, on white paper
    dark_pictures = {color: color if shown["has_colors"] else on_dark(color) for color in in_pictures}
    pictures = [themed(picture) for picture in pictures]
    sections = [
        ("results", "Results", results(found)),
        ("halting", "Halting", halting(found)),
        ("gallery", "Gallery", gallery(found, pictures)),
        ("inside", "Inside", inside(found["analyses"])),
        ("training", "Training", training(found["training"])),  # empty where there is no log of one
        ("model", "The model", card(found)),
        ("again", "Measure it again", reproduce(found, command, source)),
    ]
    sections = [section for section in sections if section[2]]
    script = _read("report.js")
    light = properties({color: color for color in in_pictures | in_figures})
    style = (
        _read("report.css")
        + f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{properties(dark)}}}"
        + f".picture,.film{{{properties(dark_pictures)}}}}}\n"
    )
    return Template(_read("report.html")).substitute(
        title=escape(f"{found['title']}: report"),
        policy=_policy(script),
        style=style,
        links="".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections),
        opening=opening(found),
        film=film(shown, pictures),
        sections="\n".join(_section(*section) for section in sections),
        date=escape(found["protocol"]["date"][:10]),
        version=escape(str(source["version"])),
        data=_json(
            {
                "pictures": pictures,
                "puzzles": _frames([*shown["solved"], *shown["failed"]]),
                "symbols": shown["symbols"],
                "columns": shown["columns"],
                "unique": shown["unique"],
            }
        ),
        script=script,
    )


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>\n{body}\n</section>'


def _frames(entries: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the page's script needs of each puzzle, by the row that it has in the data."""
    return {str(entry["row"]): {key: entry[key] for key in ("moments", "spots", "stored")} for entry in entries}


def _policy(script: str) -> str:
    """Return a Content-Security-Policy that allows this script and nothing from anywhere."""
    summed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{summed}'"


def _json(value: Any) -> str:
    """Return JSON that cannot end the script element that it lies in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
