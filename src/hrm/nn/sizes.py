"""Sizes that follow from other sizes; free of torch."""


def swiglu_width(width: int, expansion: float) -> int:
    """Return the inner width of a SwiGLU: two thirds of ``expansion · width``, up to a multiple of 256.

    Source: official code; 512 · 4 · 2/3 gives 1536.
    """
    return -(-round(expansion * width * 2 / 3) // 256) * 256


def message_width(width: int, relation_kinds: int) -> int:
    """Return the width of a message of each kind: all kinds, and what comes from everywhere, share the width."""
    return max(width // (relation_kinds + 1), 8)
