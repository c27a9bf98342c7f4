"""Drawings from elsewhere as parts of a page: without what only a file needs, and with colors that follow the theme.

Every color of a drawing becomes a CSS property, ``#185cc8`` the property ``--c185cc8``, which has one value on light
paper and one on dark.
"""

import re
from collections.abc import Iterable
from colorsys import hls_to_rgb, rgb_to_hls

from hrm.viz.palette import DARK_GROUND, PAPER, contrast

_COLOR = re.compile(r'(fill="|stroke="|fill: |stroke: )(#[0-9a-fA-F]{6})')
_PATH = re.compile(r'(?<= d=")[^"]+')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_ONLY_IN_FILES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|\sxmlns(:\w+)?=\"[^\"]*\"", re.S
)
_DARKEST, _LIGHTEST = 0.09, 0.93
_READ = 4.5
"""Contrast with paper that makes a color an ink."""
_GROUND = 1.35
"""Contrast with paper below which a color is a ground, on which there may be ink."""


def part_of_page(svg: str, name: str) -> str:
    """Return an SVG file's content for a page: ids led by ``name``, paths to two decimals, links by plain ``href``."""
    bare = _ONLY_IN_FILES.sub("", svg).replace("xlink:href", "href").strip()
    bare = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{name}-", bare)
    return _PATH.sub(lambda path: _DECIMALS.sub(r"\1", path[0]), bare)


def themed(svg: str) -> str:
    """Return a drawing whose colors are CSS properties."""
    return _COLOR.sub(lambda match: f"{match[1]}var(--c{match[2][1:].lower()})", svg)


def colors_of(svgs: Iterable[str]) -> set[str]:
    """Return the colors of drawings, ``#rrggbb``."""
    return {color.lower() for svg in svgs for _, color in _COLOR.findall(svg)}


def on_dark(color: str) -> str:
    """Return the color with its lightness turned around, so that paper is dark and ink is light enough to read."""
    red, green, blue = (part / 255 for part in bytes.fromhex(color[1:]))
    hue, lightness, saturation = rgb_to_hls(red, green, blue)
    turned = _DARKEST + (_LIGHTEST - _DARKEST) * (1 - lightness) ** 0.85
    dark = _hex(hue, turned, saturation * 0.9)
    if contrast(color, PAPER) >= _READ:  # an ink
        while turned < 1 and contrast(dark, DARK_GROUND) < _READ:
            turned += 0.02
            dark = _hex(hue, min(turned, 1.0), saturation * 0.9)
    elif contrast(color, PAPER) < _GROUND:
        dark = _hex(hue, min(turned, 0.17), saturation * 0.6)
    return dark


def _hex(hue: float, lightness: float, saturation: float) -> str:
    return "#" + bytes(round(255 * part) for part in hls_to_rgb(hue, lightness, saturation)).hex()


def has_pixels(svg: str) -> bool:
    """Say whether a drawing holds an image, whose colors stay: then all others must, too."""
    return "<image" in svg


def properties(values: dict[str, str]) -> str:
    """Return CSS properties with their values; a color of a drawing names its own."""
    return "".join(f"--{name.replace('#', 'c')}:{value};" for name, value in sorted(values.items()))
