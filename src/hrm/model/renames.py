"""Names of tensors in checkpoints of format 1, from before networks had modules f_I and f_O."""

import re
from collections.abc import Mapping

from torch import Tensor

_RENAMES = [
    (r"(^|/)(token_embedding|position_embedding|puzzle_embedding)\b", r"\1f_I.\2"),
    (r"(^|/)output_head\.", r"\1f_O.output_head."),
    (r"(^|/)f\.", r"\1f_L."),  # of one state
    (r"(^|/)blocks\.", r"\1f_L.blocks."),  # of one pass
    (r"\.tell\.", ".project."),
]


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a network, or of its training (``weights/…``, ``optim/…``), by the names of today."""

    def of_today(name: str) -> str:
        for old, new in _RENAMES:
            name = re.sub(old, new, name)
        return name

    return {of_today(name): tensor for name, tensor in tensors.items()}
