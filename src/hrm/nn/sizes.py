"""Sizes that follow from other sizes; free of torch."""


def swiglu_width(width: int, expansion: float) -> int:
    """Return the inner width of a SwiGLU: two thirds of ``expansion · width``, up to a multiple of 256.

    Source: official code; 512 · 4 · 2/3 gives 1536.
    """
    return -(-round(expansion * width * 2 / 3) // 256) * 256
