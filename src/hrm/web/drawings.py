"""Drawings from elsewhere as parts of a page: without what only a file needs, and with colours that follow the theme.

Every colour of a drawing becomes a CSS property, ``#185cc8`` the property ``--c185cc8``, which has one value on light
paper and one on dark.
"""

import re
from collections.abc import Iterable
from colorsys import hls_to_rgb, rgb_to_hls

_COLOUR = re.compile(r'(fill="|stroke="|fill: |stroke: )(#[0-9a-fA-F]{6})')
_PATH = re.compile(r'(?<= d=")[^"]+')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_ONLY_IN_FILES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|\sxmlns(:\w+)?=\"[^\"]*\"", re.S
)
_DARKEST, _LIGHTEST = 0.09, 0.93


def part_of_page(svg: str, name: str) -> str:
    """Return an SVG file's content for a page: ids led by ``name``, paths to two decimals, links by plain ``href``."""
    bare = _ONLY_IN_FILES.sub("", svg).replace("xlink:href", "href").strip()
    bare = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{name}-", bare)
    return _PATH.sub(lambda path: _DECIMALS.sub(r"\1", path[0]), bare)


def themed(svg: str) -> str:
    """Return a drawing whose colours are CSS properties."""
    return _COLOUR.sub(lambda found: f"{found[1]}var(--c{found[2][1:].lower()})", svg)


def colours_of(svgs: Iterable[str]) -> set[str]:
    """Return the colours of drawings, ``#rrggbb``."""
    return {found[1].lower() for svg in svgs for found in _COLOUR.findall(svg)}


def on_dark(colour: str) -> str:
    """Return the colour with its lightness turned around, so that paper is dark and ink is light."""
    red, green, blue = (part / 255 for part in bytes.fromhex(colour[1:]))
    hue, lightness, saturation = rgb_to_hls(red, green, blue)
    turned = hls_to_rgb(hue, _DARKEST + (_LIGHTEST - _DARKEST) * (1 - lightness) ** 0.85, saturation * 0.9)
    return "#" + bytes(round(255 * part) for part in turned).hex()


def is_neutral(colour: str) -> bool:
    """Say whether a colour is paper or ink: black, white or a grey."""
    parts = bytes.fromhex(colour[1:])
    return max(parts) - min(parts) <= 24


def has_pixels(svg: str) -> bool:
    """Say whether a drawing holds an image, whose colours stay: then all others must, too."""
    return "<image" in svg


def properties(values: dict[str, str]) -> str:
    """Return CSS properties, one for each colour with the value that it has."""
    return "".join(f"--c{colour[1:]}:{value};" for colour, value in sorted(values.items()))
