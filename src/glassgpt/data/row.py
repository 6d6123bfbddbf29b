"""Spans of a shard in, one row out: ids, the target of each, and which document each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassgpt.data.batch import IGNORED
from glassgpt.data.packing import Span
from glassgpt.data.shard import Reader

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """`context` tokens."""

    ids: Numbers
    targets: Numbers
    documents: Numbers
    """Counted from 0 in each row; padding is a document of its own."""


def read_row(reader: Reader, spans: Sequence[Span], context: int, *, isolate: bool) -> Row:
    """Read the spans one after the other and fill up with padding, whose targets are ignored.

    The target of a token is what follows it in the shard: after the end of a document, the beginning of the next one
    there, unless documents are isolated. The tokens of a prompt are no targets.
    """
    parts = [_read_span(reader, start, stop, isolate) for start, stop in spans]
    pad = context - sum(len(ids) for ids, _, _ in parts)
    parts.append((np.zeros(pad, np.int64), np.full(pad, IGNORED), np.arange(pad) == 0))
    ids, targets, begins = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Row(ids, targets, np.cumsum(begins) - 1)


def _read_span(reader: Reader, start: int, stop: int, isolate: bool) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Ids, targets, and where a document begins that may not see what is before it."""
    shard = reader.shard
    length = stop - start
    tokens = reader.read(start, min(stop + 1, shard.count)).astype(np.int64)
    ids, targets = tokens[:length], np.append(tokens[1:], np.full(length + 1 - len(tokens), IGNORED))
    begins = np.arange(length) == 0
    if isolate or shard.answers_marked:
        places = np.arange(start, stop + 1)
        document = np.searchsorted(shard.starts, places, side="right") - 1
        targets[places[1:] < shard.answers[document[1:]]] = IGNORED
        if isolate:
            another = document[1:] != document[:-1]
            targets[another] = IGNORED
            begins[1:] = another[:-1]
    return ids, targets, begins
