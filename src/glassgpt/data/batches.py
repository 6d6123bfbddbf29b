"""Shards in, batches out: `batch(step)` is a pure function of (seed, step), so resuming is arithmetic.

Sample k of a run comes from one of its sources (`mixture.py`), stands in some row of some epoch of that source
(`packing.py`), and is read from the file (`row.py`). Nothing is remembered from one batch to the next, so any rank can
ask for any rows of any step.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch

from glassgpt.data.batch import Batch
from glassgpt.data.mixture import source_of
from glassgpt.data.packing import Packing, Span, pack
from glassgpt.data.permutation import mix
from glassgpt.data.row import read_row
from glassgpt.data.shard import Shard
from glassgpt.errors import DataError


@dataclass(frozen=True)
class Stream:
    """The endless samples of one shard: epoch after epoch, none twice in an epoch."""

    shard: Shard
    packing: Packing
    ends: list[int] = field(default_factory=list)
    """How many samples the first epochs have together, as far as somebody has asked; computed, never saved."""

    def spans(self, sample: int) -> list[Span]:
        """What sample k reads."""
        while not self.ends or self.ends[-1] <= sample:
            self.ends.append(sum(self.ends[-1:]) + self.packing.rows(len(self.ends)))
        epoch = int(np.searchsorted(self.ends, sample, side="right"))
        return self.packing.spans(epoch, sample - (self.ends[epoch - 1] if epoch else 0))


@dataclass(frozen=True)
class Batches:
    """All batches of a run."""

    streams: Sequence[Stream]
    weights: Sequence[Fraction]
    context: int
    size: int
    """Rows of a batch."""
    isolate: bool = False
    vocab_size: int = 1 << 32

    def batch(self, step: int) -> Batch:
        """What this step reads."""
        return self.rows(step, 0, self.size)

    def rows(self, step: int, start: int, stop: int) -> Batch:
        """Rows `start` to `stop` of a batch, without reading the others. Raises DataError for a damaged file."""
        samples = [source_of(step * self.size + row, self.weights) for row in range(start, stop)]
        with ExitStack() as files:
            used = sorted({source for source, _ in samples})
            readers = {source: files.enter_context(self.streams[source].shard.reading()) for source in used}
            rows = [
                read_row(readers[source], self.streams[source].spans(sample), self.context, isolate=self.isolate)
                for source, sample in samples
            ]
        ids, targets, documents = (
            torch.from_numpy(np.stack([getattr(row, name) for row in rows])) for name in ("ids", "targets", "documents")
        )
        highest = max(int(ids.max()), int(targets.max()))
        if highest >= self.vocab_size:
            paths = ", ".join(str(self.streams[source].shard.path) for source in used)
            raise DataError(f"{paths}: id {highest:,} is outside the vocabulary of {self.vocab_size:,}: damaged.")
        return Batch(ids, targets, documents if self.isolate else None)


def make_batches(
    shards: Sequence[tuple[Shard, Fraction]],
    *,
    context: int,
    rows: int,
    seed: int,
    packing: str = "concatenate",
    isolate: bool = False,
    vocab_size: int = 1 << 32,
) -> Batches:
    """The batches of a run over shards with weights; the first shard has the seed itself, others their own."""
    seeds = [mix(seed, number) if number else seed for number in range(len(shards))]
    streams = [Stream(shard, pack(shard, packing, context, own)) for (shard, _), own in zip(shards, seeds, strict=True)]
    return Batches(streams, [weight for _, weight in shards], context, rows, isolate, vocab_size)
