"""One piece in, its tokens out, and every merge on the way: byte-pair encoding to be read.

The rule (Sennrich et al. 2016; openai/gpt-2, src/encoder.py, `bpe`): start from single bytes; among all neighbours
that have a merge, join the pair of lowest rank, the leftmost if there are several; repeat until none has one.

Scanning for the best pair after each merge would be quadratic. Here neighbours are linked, candidates wait in a heap,
and a candidate whose parts have changed meanwhile is dropped when its turn comes: n·log n for n bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Step:
    """One merge: `left` and `right`, neighbours from byte `at` of the piece, become one token."""

    rank: int
    at: int
    left: bytes
    right: bytes


def merge(piece: bytes, ranks: Mapping[tuple[bytes, bytes], int]) -> tuple[list[bytes], list[Step]]:
    """Join the bytes of one piece; return the final tokens and the steps that made them."""
    parts = [piece[place : place + 1] for place in range(len(piece))]  # b"" once swallowed by a left neighbour
    before, after = list(range(-1, len(piece) - 1)), list(range(1, len(piece) + 1))
    # What waits is (rank, place of the left part, left part, right part): the smallest is the next to merge.
    waiting = [(ranks[pair], place, *pair) for place, pair in enumerate(pairwise(parts)) if pair in ranks]
    heapify(waiting)
    steps: list[Step] = []
    while waiting:
        rank, place, left, right = heappop(waiting)
        taken = after[place]
        if parts[place] != left or taken == len(parts) or parts[taken] != right:
            continue  # a neighbour has grown since this candidate was noted
        parts[place], parts[taken] = left + right, b""
        after[place] = after[taken]
        if after[place] < len(parts):
            before[after[place]] = place
        steps.append(Step(rank, place, left, right))
        for first, second in ((before[place], place), (place, after[place])):
            if first >= 0 and second < len(parts):
                pair = parts[first], parts[second]
                if pair in ranks:
                    heappush(waiting, (ranks[pair], first, *pair))
    return [part for part in parts if part], steps


def states(piece: bytes, steps: list[Step]) -> Iterator[list[bytes]]:
    """Play the steps back: the tokens at the start and after each merge (long to list for a long piece)."""
    parts = {place: piece[place : place + 1] for place in range(len(piece))}
    yield list(parts.values())
    for step in steps:
        del parts[step.at + len(step.left)]
        parts[step.at] = step.left + step.right
        yield list(parts.values())
