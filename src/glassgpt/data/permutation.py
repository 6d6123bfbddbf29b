"""Shuffling as arithmetic: where something goes is computed from a key, so no shuffled list is kept or saved."""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 4
"""Rounds of the Feistel network; four suffice for a pseudo-random permutation (Luby and Rackoff 1988)."""

WORD = (1 << 64) - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of splitmix64 (Steele, Lea and Flood 2014)."""


def mix(a: int, b: int) -> int:
    """Two numbers to 64 well-stirred bits, by the finaliser of splitmix64."""
    z = (a * GOLDEN + b + GOLDEN) & WORD
    z = ((z ^ (z >> 30)) * FIRST) & WORD
    z = ((z ^ (z >> 27)) * SECOND) & WORD
    return z ^ (z >> 31)


def permute(k: int, count: int, key: int) -> int:
    """Where `k` goes in a shuffle of `range(count)`: a bijection for every key, without a table."""
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = k >> half, k & mask
        for turn in range(ROUNDS):
            left, right = right, left ^ (mix(key, (turn << 48) + right) & mask)
        k = (left << half) | right
        if k < count:  # outside: walk on along the cycle, which must come back inside
            return k


def shuffled(count: int, key: int) -> NDArray[np.int64]:
    """All of `range(count)` in the order of a key, at once: sorted by what `mix(key, k)` gives for each k."""
    z = np.arange(count, dtype=np.uint64) + np.uint64((key * GOLDEN + GOLDEN) & WORD)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return np.argsort(z ^ (z >> np.uint64(31)), kind="stable")
