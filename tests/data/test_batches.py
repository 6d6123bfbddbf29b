"""`batch(step)` is a pure function, and an epoch sees every window once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.batches import Batches, mix, permute
from glassgpt.errors import DataError


@given(count=st.integers(1, 200), key=st.integers(0, 2**64 - 1))
def test_permute_is_a_bijection(count: int, key: int):
    assert sorted(permute(k, count, key) for k in range(count)) == list(range(count))


@given(count=st.integers(2, 10**15), key=st.integers(0, 2**64 - 1), data=st.data())
def test_permute_stays_in_range_for_any_count(count: int, key: int, data: st.DataObject):
    k = data.draw(st.integers(0, count - 1))
    assert 0 <= permute(k, count, key) < count


def test_different_keys_shuffle_differently():
    orders = {tuple(permute(k, 50, mix(seed, 0)) for k in range(50)) for seed in range(20)}
    assert len(orders) == 20


def test_a_shuffle_leaves_no_order_behind():
    order = np.array([permute(k, 10_000, mix(1, 2)) for k in range(10_000)])
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.001


@given(seed=st.integers(0, 1000), step=st.integers(0, 500), rows=st.integers(1, 8))
def test_targets_are_the_ids_one_to_the_right(seed: int, step: int, rows: int):
    batches = Batches(np.arange(1000, dtype=np.uint16), context=16, rows=rows, seed=seed)
    read = batches.batch(step)
    ids, targets = read.ids, read.targets
    assert ids.shape == targets.shape == (rows, 16)
    assert torch.equal(ids + 1, targets)


@given(seed=st.integers(0, 1000), epoch=st.integers(0, 5))
def test_an_epoch_reads_every_window_once(seed: int, epoch: int):
    batches = Batches(np.arange(1000, dtype=np.uint16), context=16, rows=1, seed=seed)
    first = epoch * batches.windows
    starts = sorted(batches.start(first + k) for k in range(batches.windows))
    assert np.all(np.diff(starts) == 16)
    assert 0 <= starts[0] < 16
    assert starts[-1] + 17 <= 1000


def test_the_order_of_samples_does_not_depend_on_the_rows_of_a_batch():
    tokens = np.arange(5000, dtype=np.uint16)
    by_two, by_six = (Batches(tokens, context=8, rows=rows, seed=3) for rows in (2, 6))
    joined = torch.cat([by_two.batch(step).ids for step in range(3)])
    assert torch.equal(joined, by_six.batch(0).ids)


def test_too_little_text_says_how_much_is_needed():
    with pytest.raises(DataError, match="at least 129"):
        Batches(np.zeros(100, np.uint16), context=64, rows=1, seed=0)
