"""What templates do with the values that are put into them."""

import pytest
from jinja2 import UndefinedError

from hrm.viz.templates import counted, interval, listed, percent, render


def test_text_is_escaped_and_a_missing_value_is_an_error():
    page = render("answer.html", picture="<script>", caption='"&')
    assert "<script>" not in page and "&lt;script&gt;" in page and "&#34;&amp;" in page
    with pytest.raises(UndefinedError, match="caption"):
        render("answer.html", picture="")


def test_numbers_in_words():
    assert [percent(0.5), percent(0.987, 0)] == ["50.0\u202f%", "99\u202f%"] and interval((0.1, 1)) == "10.0 – 100.0"
    assert [counted(1, "segment"), counted(1200, "segment")] == ["1 segment", "1,200 segments"]
    assert listed({"two_words": True, "none": None, "n": 3}) == "two words yes, n 3"
