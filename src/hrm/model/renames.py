"""Names of tensors in checkpoints of format 1, from before networks had modules f_I and f_O; free of torch."""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

_RENAMES = [
    (r"^(token_embedding|position_embedding|puzzle_embedding)\b", r"f_I.\1"),
    (r"^output_head\b", "f_O.output_head"),
    (r"^f\.", "f_L."),  # of one state
    (r"^blocks\.", "f_L.blocks."),  # of one pass
    (r"\btell\b", "project"),
]


def renamed(tensors: Mapping[str, T]) -> dict[str, T]:
    """Return the tensors of a network, or of its training (``weights/…``, ``optim/…``), by the names of today."""
    result = {}
    for name, tensor in tensors.items():
        group, slash, rest = name.partition("/") if name.startswith(("weights/", "optim/")) else ("", "", name)
        for old, new in _RENAMES:
            rest = re.sub(old, new, rest)
        result[group + slash + rest] = tensor
    return result
