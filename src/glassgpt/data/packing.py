"""Documents in, rows out: three ways to lay a shard out in rows of `context` tokens.

concatenate  cuts the whole stream into windows, wherever documents end: each epoch at another offset
aligned      starts every row at a document and fills it with those that follow in the epoch's shuffle; what the end
             of a row cuts off is not read in that epoch
best_fit     fills rows with whole documents, the longest first, each into the row that it leaves the least room in;
             nothing is cut off, and the room that remains is padding

For the last two, a document longer than a row counts as several: pieces of `context` tokens and what is left.
A row is a list of spans (start, stop) of tokens to read; what follows each in the shard is its target. Where a row
stands in an epoch is computed from (seed, epoch), so any row can be asked for at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from glassgpt.data.best_fit import best_fit
from glassgpt.data.permutation import mix, permute, shuffled
from glassgpt.data.shard import Places, Shard
from glassgpt.errors import DataError

Span = tuple[int, int]


@runtime_checkable
class Packing(Protocol):
    """One way to lay a shard out in rows."""

    def rows(self, epoch: int) -> int:
        """How many rows an epoch has."""
        ...

    def spans(self, epoch: int, row: int) -> list[Span]:
        """What one of them reads."""
        ...


@dataclass(frozen=True)
class Concatenated:
    """Windows cut from the whole stream."""

    tokens: int
    context: int
    seed: int

    def rows(self, epoch: int) -> int:
        """One less than fit, since each epoch starts at another offset."""
        return max(0, (self.tokens - 1) // self.context - 1)

    def spans(self, epoch: int, row: int) -> list[Span]:
        """One window."""
        key = mix(self.seed, epoch)
        start = mix(key, 0) % self.context + permute(row, self.rows(epoch), key) * self.context
        return [(start, start + self.context)]


Plan = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Pieces in order of their rows, and where each row begins among them."""


@dataclass(frozen=True, eq=False)
class Planned:
    """Rows of documents, shuffled and planned anew for each epoch."""

    pieces: NDArray[np.int64]
    """Start and stop of each document, or of each piece of a long one."""
    context: int
    seed: int
    plan: Callable[[NDArray[np.int64], int], Plan]
    """Lengths in shuffled order and the context in, a plan out."""
    plans: dict[int, Plan] = field(default_factory=dict)
    """Of the last two epochs asked for."""

    def rows(self, epoch: int) -> int:
        """As many as the plan has."""
        return len(self._planned(epoch)[1]) - 1

    def spans(self, epoch: int, row: int) -> list[Span]:
        """The documents of a row, cut where it ends."""
        pieces, bounds = self._planned(epoch)
        place = permute(row, len(bounds) - 1, mix(self.seed, epoch))
        spans: list[Span] = []
        room = self.context
        for start, stop in self.pieces[pieces[bounds[place] : bounds[place + 1]]].tolist():
            spans.append((start, min(stop, start + room)))
            room -= stop - start
        return spans

    def _planned(self, epoch: int) -> Plan:
        if epoch not in self.plans:
            order = shuffled(len(self.pieces), mix(self.seed, epoch))
            start, stop = self.pieces[order].T
            pieces, bounds = self.plan(stop - start, self.context)
            self.plans[epoch] = (order[pieces], bounds)
            for old in list(self.plans)[:-2]:
                del self.plans[old]
        return self.plans[epoch]


def aligned(lengths: NDArray[np.int64], context: int) -> Plan:
    """Start a row wherever the one before has ended; leave out a last row that is not full."""
    ends = np.cumsum(lengths)
    following = np.searchsorted(ends, ends - lengths + context, side="left") + 1  # the piece after the one cut off
    bounds, total = [0], len(lengths)
    jumps = following.tolist()
    while bounds[-1] < total and jumps[bounds[-1]] <= total:
        bounds.append(jumps[bounds[-1]])
    return np.arange(bounds[-1]), np.array(bounds)


def cut(starts: Places, tokens: int, context: int) -> NDArray[np.int64]:
    """Start and stop of each document, those longer than `context` in pieces."""
    lengths = np.diff(np.append(starts, tokens))
    pieces = -(-lengths // context)
    nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = np.repeat(starts, pieces) + nth * context
    return np.stack([first, np.minimum(first + context, np.repeat(starts + lengths, pieces))], axis=1)


def pack(shard: Shard, packing: str, context: int, seed: int) -> Packing:
    """The rows of a shard. Raises DataError where it is too small to fill one, or two if windows are cut from it."""
    if packing == "concatenate":
        if shard.count < 2 * context + 1:
            raise DataError(
                f"{shard.path}: {shard.count:,} tokens are too few for windows of {context}: "
                f"at least {2 * context + 1:,} are needed. Give more text or a shorter context."
            )
        return Concatenated(shard.count, context, seed)
    plan = {"aligned": aligned, "best_fit": best_fit}[packing]
    rows = Planned(cut(shard.starts, shard.count, context), context, seed, plan)
    if not rows.rows(0):
        raise DataError(f"{shard.path}: {shard.count:,} tokens are too few for one row of {context}. Give more text.")
    return rows
