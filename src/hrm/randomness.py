"""Random numbers as a pure function of what they are for.

Every draw in this project is named by (seed, stream, counter): the counter is the number of the puzzle drawn,
the stream says what the number decides. Nothing is stored, so nothing can drift when a run resumes, and
neither the world size nor the global random state can change it.
"""

from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int, UInt64

from hrm.errors import UsageError

LARGEST_SEED = 2**63 - 1
"""What a user may give. Of larger ones numpy's generators make floating-point numbers: neighbors become the same."""


class Stream(IntEnum):
    """What a random number decides; two streams never share a number."""

    SYMMETRY = 1
    ORDER = 2
    EXPLORE = 3
    GENERATE = 4
    SPLIT = 5
    SAMPLE = 6
    REVEAL = 7
    VARIANT = 8
    TRANSLATE = 9
    PIN = 10


def uniforms(seed: int, stream: Stream, counters: Int[np.ndarray, " n"], count: int) -> Float[np.ndarray, "n {count}"]:
    """Return ``count`` numbers in [0, 1) for each counter, the same ones at every call.

    Args:
        seed: 64 bits, so that a hash will do, too.

    Raises:
        UsageError: there is no such seed.

    Source: SplitMix64 (Steele, Lea, Flood 2014) used as a hash of (seed, stream, counter, position).
    """
    _require_seed(seed, 2**64 - 1)
    key = mix(mix(np.array([seed], np.uint64)) + np.uint64(stream))
    rows = mix(key + counters.astype(np.uint64) * _STRIDE)
    columns = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
    return (mix(rows[:, None] + columns[None, :]) >> np.uint64(11)) * 2.0**-53


def generator(seed: int, stream: Stream, counter: int) -> np.random.Generator:
    """Return numpy's generator for one counter, for code that needs an unknown number of draws.

    Raises:
        UsageError: there is no such seed.
    """
    _require_seed(seed, LARGEST_SEED)
    return np.random.Generator(np.random.Philox(key=[seed, (int(stream) << 48) + counter]))


def _require_seed(seed: int, most: int) -> None:
    if not 0 <= seed <= most:
        raise UsageError(f"a seed is a whole number from 0 to {most} (got {seed})")


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STRIDE = np.uint64(0xD1342543DE82EF95)


def mix(x: UInt64[np.ndarray, "*shape"]) -> UInt64[np.ndarray, "*shape"]:
    """Scramble 64-bit numbers, each by itself and always in the same way.

    Source: the output function of SplitMix64 (Steele, Lea, Flood 2014).
    """
    x = x + _GOLDEN  # array arithmetic wraps silently, as the hash needs
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
