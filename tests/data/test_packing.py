"""Rows hold what their packing promises, and no token is read twice in an epoch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.best_fit import best_fit
from glassgpt.data.packing import cut, pack
from glassgpt.errors import DataError
from tests.data.conftest import lengths

PACKINGS = ("concatenate", "aligned", "best_fit")
contexts = st.integers(2, 24)


def epoch_of(packed, epoch: int) -> list[list[tuple[int, int]]]:
    return [packed.spans(epoch, row) for row in range(packed.rows(epoch))]


def places(rows) -> list[int]:
    return [place for spans in rows for start, stop in spans for place in range(start, stop)]


@pytest.mark.parametrize("packing", PACKINGS)
@given(lengths=lengths, context=contexts, seed=st.integers(0, 99), epoch=st.integers(0, 3))
def test_no_token_is_read_twice_in_an_epoch(shard_of, packing, lengths, context, seed, epoch):
    shard = shard_of(lengths)
    if shard.count < 3 * context:
        return
    packed = packed_or_none(shard, packing, context, seed)
    rows = epoch_of(packed, epoch) if packed else []
    read = places(rows)
    assert len(read) == len(set(read))
    assert set(read) <= set(range(shard.count))
    if packing == "best_fit":
        assert len(read) == shard.count
    if packing == "concatenate":
        assert len(read) >= shard.count - 3 * context
    if packing != "best_fit":
        assert all(sum(stop - start for start, stop in spans) == context for spans in rows)


def packed_or_none(shard, packing, context, seed):
    try:
        return pack(shard, packing, context, seed)
    except DataError:
        assert packing == "aligned", "only this one may find no full row in three rows' worth of tokens"
        return None


@given(lengths=lengths, context=contexts, seed=st.integers(0, 99))
def test_an_aligned_row_starts_at_a_document_or_where_a_row_of_a_long_one_ended(shard_of, lengths, context, seed):
    shard = shard_of(lengths)
    packed = packed_or_none(shard, "aligned", context, seed)
    begins = {start for start, _ in cut(shard.starts, shard.count, context).tolist()}
    for spans in epoch_of(packed, 0) if packed else []:
        assert {start for start, _ in spans} <= begins


@given(lengths=st.lists(st.integers(1, 24), max_size=120), context=st.just(24), key=st.randoms())
def test_best_fit_packs_every_piece_once_and_overfills_no_row(lengths, context, key):
    pieces, bounds = best_fit(np.array(lengths, np.int64), context)
    assert sorted(pieces.tolist()) == list(range(len(lengths)))
    filled = [sum(lengths[p] for p in pieces[a:b]) for a, b in pairwise(bounds)]
    assert all(0 < length <= context for length in filled)
    assert sum(length <= context / 2 for length in filled) <= 1, "two such rows would have been one"
    again = list(lengths)
    key.shuffle(again)
    assert len(best_fit(np.array(again, np.int64), context)[1]) == len(bounds)


@given(lengths=st.lists(st.integers(1, 12), max_size=40), context=st.just(12))
def test_best_fit_equals_its_textbook(lengths, context):
    rooms: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
        rooms.append((min(fitting) if fitting else context) - length)
    pieces, bounds = best_fit(np.array(lengths, np.int64), context)
    filled = [sum(lengths[p] for p in pieces[a:b]) for a, b in pairwise(bounds)]
    assert sorted(context - length for length in filled) == sorted(rooms)


@pytest.mark.parametrize("packing", PACKINGS)
def test_epochs_differ_and_too_little_text_is_refused(shard_of, packing):
    shard = shard_of([5, 9, 14, 3, 8, 20, 2, 7] * 8)
    packed = pack(shard, packing, 16, seed=3)
    assert epoch_of(packed, 0) != epoch_of(packed, 1)
    assert epoch_of(packed, 1) == epoch_of(pack(shard, packing, 16, seed=3), 1)
    with pytest.raises(DataError, match="too few"):
        pack(shard_of([1] * 9) if packing != "best_fit" else empty(shard_of), packing, 16, seed=0)


def empty(shard_of):
    return shard_of([])
