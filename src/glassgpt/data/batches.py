"""Shard in, batches out: `batch(step)` is a pure function of (seed, step), so resuming is arithmetic.

An epoch cuts the shard into windows of `context` tokens and reads them in a shuffled order; the next epoch cuts at
another offset and shuffles anew. The order is a permutation computed from a counter (a Feistel network with
cycle-walking), so no list is shuffled or stored, and any rank can ask for any sample.
"""

from dataclasses import dataclass

import numpy as np
import torch

from glassgpt.data.batch import Batch
from glassgpt.errors import DataError

ROUNDS = 4
"""Rounds of the Feistel network; four suffice for a pseudo-random permutation (Luby and Rackoff 1988)."""


@dataclass(frozen=True, slots=True)
class Batches:
    """All batches of a run over one shard of tokens."""

    tokens: np.ndarray
    context: int
    rows: int
    seed: int

    def __post_init__(self) -> None:
        """A shard must hold at least two windows, since each epoch starts at another offset."""
        if len(self.tokens) < 2 * self.context + 1:
            raise DataError(
                f"{len(self.tokens):,} tokens are too few for windows of {self.context}: "
                f"at least {2 * self.context + 1:,} are needed. Give more text or a shorter context."
            )

    @property
    def windows(self) -> int:
        """Windows in one epoch."""
        return (len(self.tokens) - 1) // self.context - 1

    def batch(self, step: int) -> Batch:
        """The ids of this step and, one to the right, what should have been predicted."""
        first = step * self.rows
        starts = [self.start(sample) for sample in range(first, first + self.rows)]
        rows = np.stack([self.tokens[start : start + self.context + 1] for start in starts]).astype(np.int64)
        both = torch.from_numpy(rows)
        return Batch(both[:, :-1], both[:, 1:])

    def start(self, sample: int) -> int:
        """Where the window of the k-th sample of the run begins."""
        epoch, k = divmod(sample, self.windows)
        key = mix(self.seed, epoch)
        offset = mix(key, 0) % self.context
        return offset + permute(k, self.windows, key) * self.context


def mix(a: int, b: int) -> int:
    """Two numbers to 64 well-stirred bits (the finaliser of splitmix64, Steele et al. 2014)."""
    mask = (1 << 64) - 1
    z = (a * 0x9E3779B97F4A7C15 + b + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
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
