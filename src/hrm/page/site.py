"""The files of the page by name, with the colors of ``viz.palette``."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources

from hrm.viz.palette import PAGE

TYPES = {
    "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}  # fmt: skip
"""Media type by suffix."""
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
    "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
}  # fmt: skip
"""The Content-Security-Policy under which the page works: its own files, and nothing written into the HTML."""
ENTRY, BACKEND, OVER_HTTP, COLORS = "index.html", "backend.js", "http.js", "palette.css"
_PLACE = b"<!-- policy -->"


def policy(**more: str) -> str:
    """Return the policy as one line; directives are added, or replaced, by their names with ``_`` for ``-``."""
    added = {name.replace("_", "-"): value for name, value in more.items()}
    return "; ".join(f"{name} {value}" for name, value in (POLICY | added).items())


@cache
def files() -> dict[str, bytes]:
    """Return every file of the page by its name; ``index.html`` is the first to load."""
    folder = resources("hrm.page") / "static"
    kept = (file for file in folder.iterdir() if file.name.rpartition(".")[2] in TYPES)
    found = {file.name: file.read_bytes() for file in kept}
    return dict(sorted((found | {COLORS: _colors().encode()}).items()))


def without_server(backend: Mapping[str, bytes], **more: str) -> dict[str, bytes]:
    """Return the files of the page for a folder that any web server can hand out, with the policy in the HTML.

    Args:
        backend: ``backend.js`` with the functions that the page's own one names, and whatever files it loads.
        more: directives of the policy, as for ``policy``.
    """
    tag = f'\n<meta http-equiv="Content-Security-Policy" content="{policy(**more)}">'.encode()
    own = {name: content for name, content in files().items() if name != OVER_HTTP}
    return own | {ENTRY: own[ENTRY].replace(_PLACE, tag)} | dict(backend)


def media_type(name: str) -> str:
    """Return the media type of a file by its suffix."""
    return TYPES[name.rpartition(".")[2]]


def _colors() -> str:
    light, dark = ("".join(f"--{name}:{color};" for name, color in PAGE[scheme].items()) for scheme in PAGE)
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    )  # fmt: skip
