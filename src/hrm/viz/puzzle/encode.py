"""Pictures as files: the suffix of a name says which kind of file to write."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from hrm.errors import UsageError
from hrm.files import replace_file


def require_suffix(file: Path, suffixes: Sequence[str]) -> None:
    """Refuse a name that does not say what to draw, before anything is computed.

    Raises:
        UsageError: the name has another suffix.
    """
    if file.suffix.lower() not in suffixes:
        allowed = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in {allowed}")


def save_by_suffix(file: Path, encoders: dict[str, Callable[[], bytes]]) -> None:
    """Save what the encoder of the name's suffix returns.

    Raises:
        UsageError: the name has another suffix.
        HrmError: the file cannot be written.
    """
    require_suffix(file, list(encoders))
    replace_file(file, encoders[file.suffix.lower()]())


def png(image: Image.Image, optimize: bool = False) -> bytes:
    """Return an image as PNG."""
    encoded = BytesIO()
    image.save(encoded, "PNG", optimize=optimize)
    return encoded.getvalue()


def gif(images: Sequence[Image.Image], durations_ms: Sequence[int]) -> bytes:
    """Return images of one size as an endless animation."""
    encoded = BytesIO()
    images[0].save(encoded, "GIF", save_all=True, append_images=images[1:], duration=list(durations_ms), loop=0)
    return encoded.getvalue()
