"""Text from outside, such as file names and fields of files, as it may stand in JSON, Markdown, CSV and on a terminal.

Files, folders and models come from anywhere, and their names and fields may hold what a terminal, a page or a
spreadsheet would act on. Such text is shown, and never obeyed: ``hrm.errors.printable`` spells out characters that
cannot be seen, and here is what else each kind of output needs.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from hrm.errors import one_line, printable

_MARKDOWN = re.compile(r"([\\`*\[\]<>&|])")
_FORMULA = ("=", "+", "-", "@")


class Terminal(Console):
    """A console without markup: square brackets are brackets, and no character moves the cursor or turns the text."""

    def __init__(self, stderr: bool = False):
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as text, with what cannot be seen spelled out, so that its width is known."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is printed; strings that came in as text of rich are spelled out here."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text in ("\n", "\r"):
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return JSON in which every character can be seen; others are escaped, so that it says the same.

    Raises:
        ValueError: there is a NaN in it.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    shown = text.split("\n")  # JSON has line ends between its values alone
    return "\n".join(line if line.isprintable() else "".join(map(_json_char, line)) for line in shown)


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is, without links, images, HTML or table cells of its own."""
    return _MARKDOWN.sub(r"\\\1", one_line(str(text)))


def csv_note(text: object) -> str:
    """Return text for a cell of CSV that only people read: a spreadsheet takes it for no formula."""
    shown = one_line(str(text))
    return f"'{shown}" if shown.startswith(_FORMULA) and not _is_number(shown) else shown


def _json_char(char: str) -> str:
    if one_line(char) == char:
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
