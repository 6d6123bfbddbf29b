"""Lengths in, rows out: best-fit decreasing, for all lengths that are equal at once.

One piece after the other, the longest first, goes into the row that it leaves the least room in; if it fits nowhere, a
new row begins. Pieces of one length are alike, so they are dealt out together: the work grows with the number of
different lengths and not with the number of pieces (after Krell et al. 2021, arXiv 2107.02027).
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def best_fit(lengths: Numbers, context: int) -> tuple[Numbers, Numbers]:
    """Pack pieces of 1 to `context` tokens; among equals, who comes first is packed first.

    Returns the pieces in order of their rows, and where each row begins among them. How many rows there are depends
    on the lengths alone, not on their order.
    """
    by_length = np.argsort(-lengths, kind="stable")
    row_of, rows = np.empty(len(lengths), np.int64), 0
    room: dict[int, Numbers] = {}  # rows, by how much room they have
    for pieces in np.split(by_length, np.flatnonzero(np.diff(lengths[by_length])) + 1):
        length = int(lengths[pieces[0]]) if len(pieces) else 0
        while len(pieces):
            space = min((space for space in room if space >= length), default=context)
            each = min(space // length, len(pieces))  # as many as fit: what is left of a row fits best again
            wanted = len(pieces) // each
            open_rows = room.pop(space, None)
            if open_rows is None:
                open_rows, rows = np.arange(rows, rows + wanted), rows + wanted
            chosen, others = open_rows[:wanted], open_rows[wanted:]
            row_of[pieces[: each * len(chosen)]] = np.repeat(chosen, each)
            pieces = pieces[each * len(chosen) :]
            for left, some in ((space, others), (space - each * length, chosen)):
                if left and len(some):
                    room[left] = np.concatenate([room[left], some]) if left in room else some
    return np.argsort(row_of, kind="stable"), np.searchsorted(np.sort(row_of), np.arange(rows + 1))
