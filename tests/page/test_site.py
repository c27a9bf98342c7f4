"""The files of the page: nothing from elsewhere, no script or style in the HTML, text only ever put in as text."""

import re

import pytest

from hrm.page.site import BACKEND, COLORS, ENTRY, files, media_type, policy, without_server
from hrm.viz import palette

FILES = {name: content.decode() for name, content in files().items()}
SCRIPTS = [name for name in FILES if name.endswith(".js")]


def test_every_file_that_is_named_is_there_and_every_file_is_used():
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', FILES[ENTRY]))
    for name in SCRIPTS:
        named |= set(re.findall(r'from "\./([^"]+)"', FILES[name]))
    assert named == FILES.keys() - {ENTRY}
    assert {BACKEND, COLORS} < named


@pytest.mark.parametrize("name", FILES)
def test_files_are_short_and_name_no_other_place(name):
    text = FILES[name]
    assert len(text.splitlines()) <= 400
    assert not re.findall(r"(?<!www\.w3\.org)//[\w.-]+\.\w+/", text.replace("http://www.w3.org/", ""))
    assert media_type(name).partition(";")[0] in ("text/html", "text/css", "text/javascript", "image/svg+xml")


def test_the_html_holds_no_script_no_style_and_no_handler():
    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", FILES[ENTRY])
    assert "unsafe" not in policy() and policy(script_src="'self' 'wasm-unsafe-eval'").count("script-src") == 1


def test_a_site_without_a_server_has_another_backend_and_its_policy_inside():
    site = without_server({"backend.js": b"export {};", "model.bin": b"0"}, script_src="'self' 'wasm-unsafe-eval'")
    assert site.keys() == FILES.keys() - {"http.js"} | {"model.bin"} and site["backend.js"] == b"export {};"
    inside = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', site[ENTRY].decode())
    assert inside == [policy(script_src="'self' 'wasm-unsafe-eval'")] and "frame-ancestors" not in inside[0]
    assert "http-equiv" not in FILES[ENTRY]


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_comes_from_outside_enters_as_text(name):
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\(\"(?:style|on)"
    )
    assert not re.findall(unsafe, FILES[name])


@pytest.mark.parametrize("name", [name for name in FILES if name not in (COLORS, "icon.svg")])
def test_colors_come_from_the_palette(name):
    assert not re.findall(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b", FILES[name])
    assert set(
        re.findall(r"var\(--(paper|card|ink|quiet|line|accent|red|right|clash|shade|hair|edge)\b", FILES[name])
    ) <= (palette.PAGE["light"].keys())


@pytest.mark.parametrize("scheme", palette.PAGE)
def test_what_is_written_on_a_mark_can_be_read(scheme):
    colors = palette.PAGE[scheme]
    pairs = [("red", "clash"), ("ink", "clash"), ("accent", "shade"), ("right", "paper"), ("paper", "accent")]
    for ink, ground in pairs:
        assert palette.contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    assert palette.contrast(colors["edge"], colors["card"]) >= 3  # the rim of what can be pressed
