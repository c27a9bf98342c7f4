"""HTML from the folders ``templates`` beside the code. What is put into a template is escaped, except ``Markup``."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hrm.errors import printable


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent."""
    return f"{100 * share:.{digits}f}\u202f%"


def interval(bounds: Sequence[float]) -> str:
    """Return the bounds of an interval of shares, in percent."""
    return f"{100 * bounds[0]:.1f} – {100 * bounds[1]:.1f}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(values: Mapping[str, Any]) -> str:
    """Return names and values in one line, without those that are None."""
    words = {True: "yes", False: "no"}
    return ", ".join(
        f"{name.replace('_', ' ')} {words[value] if isinstance(value, bool) else value}"
        for name, value in values.items()
        if value is not None
    )


FILTERS: dict[str, Callable[..., str]] = {
    "percent": percent, "interval": interval, "counted": counted, "listed": listed, "thousands": "{:,}".format,
}  # fmt: skip


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(sorted(Path(__file__).parent.glob("*/templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
    return made


def render(template: str, **values: Any) -> Markup:
    """Return a template with these values in it; a value that it names and that is not given is an error."""
    return Markup(_environment().get_template(template).render(values))
