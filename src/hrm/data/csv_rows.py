"""Write puzzles as CSV, which spreadsheets and every reader of this package read."""

import csv
import math
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from hrm.data.store import Store
from hrm.files import replace_file


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV in UTF-8 with plain line ends."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def write_store_as_csv(store: Store, path: Path) -> None:
    """Write the rows of a store: question and answer; the rating where there is one, the split where there are several.

    Raises:
        HrmError: the file cannot be written.
    """
    several = len(store.splits) > 1
    rated = any(not math.isnan(rating) for split in store.splits.values() for rating in split.ratings)
    rows = [
        (
            store.puzzle.text(split.inputs[row]),
            store.puzzle.text(split.labels[row]),
            *(["" if math.isnan(rating) else f"{rating:g}"] if rated else []),
            *([name] if several else []),
        )
        for name, split in store.splits.items()
        for row, rating in enumerate(split.ratings)
    ]
    replace_file(path, as_csv(("question", "answer", *["rating"] * rated, *["split"] * several), rows))
