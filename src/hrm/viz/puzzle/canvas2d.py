"""A drawing as a list of shapes, and the two ways to put it on paper: pixels and SVG.

Units are pixels, x to the right and y down; colors are ``#rrggbb``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from itertools import groupby

from PIL import Image, ImageDraw, ImageFont

from hrm.errors import one_line
from hrm.viz.palette import PAPER

_SMOOTH = 3  # what is not upright is drawn so many times as large, and then reduced
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_font = cache(ImageFont.load_default)


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    ink: str


@dataclass(frozen=True)
class Line:
    """A straight line in any direction."""

    x: float
    y: float
    dx: float
    dy: float
    ink: str
    thickness: float


@dataclass(frozen=True)
class Disc:
    """A filled circle around (x, y) with a rim inside its radius."""

    x: float
    y: float
    radius: float
    ink: str
    rim: str
    thickness: float


@dataclass(frozen=True)
class Words:
    """One line of text on the baseline y; x is its ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    size: float
    ink: str
    anchor: str = "start"
    bold: bool = False


Shape = Box | Line | Disc | Words


@dataclass(frozen=True)
class Drawing:
    """Shapes, the later ones over the earlier, on paper of this size."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


def moved(drawing: Drawing, dx: float, dy: float) -> list[Shape]:
    """Return the shapes of a drawing at another place."""
    return [replace(shape, x=shape.x + dx, y=shape.y + dy) for shape in drawing.shapes]


def sheet(drawings: list[Drawing], columns: int) -> Drawing:
    """Lay drawings of one size out row by row."""
    width, height = drawings[0].width, drawings[0].height
    shapes = [
        shape
        for number, drawing in enumerate(drawings)
        for shape in moved(drawing, number % columns * width, number // columns * height)
    ]
    return Drawing(width * columns, height * -(-len(drawings) // columns), tuple(shapes))


def text_width(text: str, size: float) -> float:
    """Return the width of a text; other fonts than ours need a little more or less."""
    return _font(size).getlength(text)


def to_image(drawing: Drawing) -> Image.Image:
    """Draw pixels."""
    times = _SMOOTH if any(isinstance(shape, Line | Disc) for shape in drawing.shapes) else 1
    image = Image.new("RGB", (drawing.width * times, drawing.height * times), PAPER)
    draw = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        x, y = shape.x * times, shape.y * times
        if isinstance(shape, Box):
            right, lower = round(x + shape.width * times) - 1, round(y + shape.height * times) - 1
            if right >= round(x) and lower >= round(y):
                draw.rectangle((round(x), round(y), right, lower), shape.ink)
        elif isinstance(shape, Line):
            draw.line((x, y, x + shape.dx * times, y + shape.dy * times), shape.ink, round(shape.thickness * times))
        elif isinstance(shape, Disc):
            rim = max(1, round(shape.thickness * times))
            draw.circle((x, y), shape.radius * times, shape.ink, shape.rim, rim)
        else:
            bold = max(0.0, shape.size / 30 - 0.2) * times if shape.bold else 0
            font = _font(shape.size * times)
            draw.text((x, y), shape.text, shape.ink, font, _ANCHORS[shape.anchor], stroke_width=bold)
    return image.reduce(times) if times > 1 else image


def to_svg(drawing: Drawing, title: str) -> str:
    """Write SVG that needs no other file; neighboring shapes of one kind and color share an element."""
    size = f"{drawing.width} {drawing.height}"
    body = "\n".join(
        _element(kind, ink, list(run)) for (kind, ink), run in groupby(drawing.shapes, lambda s: (type(s), s.ink))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{drawing.width}" '
        f'height="{drawing.height}" role="img" font-family="system-ui, Helvetica, Arial, sans-serif">\n'
        f'<title>{escape(one_line(title))}</title>\n<rect width="100%" height="100%" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


def _element(kind: type[Shape], ink: str, run: Iterable[Shape]) -> str:
    parts = []
    for shape in run:
        x, y = _n(shape.x), _n(shape.y)
        if isinstance(shape, Box):
            parts.append(f"M{x} {y}h{_n(shape.width)}v{_n(shape.height)}h{_n(-shape.width)}z")
        elif isinstance(shape, Line):
            width = f' stroke-width="{_n(shape.thickness)}"'
            parts.append(f'<path d="M{x} {y}l{_n(shape.dx)} {_n(shape.dy)}"{width}/>')
        elif isinstance(shape, Disc):
            radius, width = _n(shape.radius - shape.thickness / 2), _n(shape.thickness)
            rim = f'stroke="{shape.rim}" stroke-width="{width}"'
            parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" {rim}/>')
        else:
            bold = ' font-weight="bold"' if shape.bold else ""
            anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
            text = escape(one_line(shape.text))
            parts.append(f'<text x="{x}" y="{y}" font-size="{_n(shape.size)}"{anchor}{bold}>{text}</text>')
    if kind is Box:
        return f'<path fill="{ink}" d="{"".join(parts)}"/>'
    paint = "stroke" if kind is Line else "fill"
    return f'<g {paint}="{ink}">{"".join(parts)}</g>'


def _n(number: float) -> str:
    """Return a number as shortly as two decimals allow."""
    return f"{number:.2f}".rstrip("0").rstrip(".") if number % 1 else str(int(number))
