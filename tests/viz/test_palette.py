"""The colors of pictures, figures and pages have one home."""

import re
from pathlib import Path

import pytest

from hrm.viz import palette

ROOT = Path(palette.__file__).parent
FILES = [
    file for suffix in ("py", "css", "html", "js") for file in ROOT.rglob(f"*.{suffix}") if file.name != "palette.py"
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_color_is_written_elsewhere(file):
    text = re.sub(r'"""(.|\n)*?"""', "", file.read_text(encoding="utf-8"))
    assert not re.findall(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b", text)


def test_text_of_the_page_can_be_read_in_light_and_dark():
    for scheme in palette.PAGE.values():
        for ink in ("ink", "quiet", "accent", "red"):
            for ground in ("paper", "card"):
                assert palette.contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground)
    assert palette.PAGE["light"].keys() == palette.PAGE["dark"].keys()
