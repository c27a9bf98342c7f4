"""What becomes of drawings on a page."""

import re

from hrm.viz import palette
from hrm.viz.report.drawings import colors_of, on_dark, part_of_page, properties, themed

FILE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- a secret -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">
<metadata><rdf about="http://example.org"/></metadata>
<defs><path id="p1" d="M 1.23456 2.5 L 3 4.999999" transform="scale(0.015625)"/></defs>
<use xlink:href="#p1" style="fill: #FFFFFF; stroke: #0072b2" clip-path="url(#p1)"/>
</svg>"""


def test_a_file_becomes_a_part_without_addresses_and_with_ids_of_its_own():
    part = part_of_page(FILE, "a")
    assert part.startswith("<svg") and "http" not in part and "secret" not in part and "metadata" not in part
    assert 'id="a-p1"' in part and 'href="#a-p1"' in part and "url(#a-p1)" in part and "#p1" not in part
    assert 'd="M 1.23 2.5 L 3 4.99"' in part and "scale(0.015625)" in part


def test_colors_become_properties_that_the_page_defines():
    part = part_of_page(FILE, "a")
    assert colors_of([part]) == {"#ffffff", "#0072b2"}
    assert set(re.findall(r"var\((--c\w+)\)", themed(part))) == {"--cffffff", "--c0072b2"}
    assert properties({"#ffffff": "#000000"}) == "--cffffff:#000000;"
    assert not re.search(r"(fill|stroke): #", themed(part))


def test_every_ink_can_be_read_on_every_ground_in_the_dark():
    assert palette.luminance(on_dark(palette.PAPER)) < 0.02
    sure = [palette.mixed(palette.UNSURE, palette.ANSWER, n / 16) for n in range(17)]
    for ink in (palette.INK, *sure, palette.CLASH):
        for ground in (palette.PAPER, palette.CHANGED):
            assert palette.contrast(ink, ground) >= 4.5, (ink, ground)
            assert palette.contrast(on_dark(ink), on_dark(ground)) >= 4.5, (ink, ground)
    assert palette.contrast(palette.CLASH, palette.CLASH_GROUND) >= 4.5
    assert palette.contrast(on_dark(palette.CLASH), on_dark(palette.CLASH_GROUND)) >= 4.5
