"""What becomes of drawings on a page."""

import re

from hrm.web.drawings import colours_of, is_neutral, on_dark, part_of_page, properties, themed

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


def test_colours_become_properties_that_the_page_defines():
    part = part_of_page(FILE, "a")
    assert colours_of([part]) == {"#ffffff", "#0072b2"}
    assert set(re.findall(r"var\((--c\w+)\)", themed(part))) == {"--cffffff", "--c0072b2"}
    assert properties({"#ffffff": "#000000"}) == "--cffffff:#000000;"
    assert not re.search(r"(fill|stroke): #", themed(part))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_ink_on_dark_paper_can_be_read():
    paper = on_dark("#ffffff")
    assert luminance(paper) < 0.02
    for ink in ("#141418", "#185cc8", "#d61424"):  # given, the network's, wrong: as in the pictures
        assert contrast(on_dark(ink), paper) > 4.5, ink
        assert contrast(on_dark(ink), on_dark("#d3d7de")) > 2.5, f"{ink} where a cell changed"
    assert is_neutral("#30353f") and is_neutral("#ffffff") and not is_neutral("#185cc8")
