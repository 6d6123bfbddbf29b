"""A shuffle that is arithmetic is still a shuffle."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.permutation import mix, permute, shuffled


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
    by_number = np.array([permute(k, 10_000, mix(1, 2)) for k in range(10_000)])
    for order in (by_number, shuffled(10_000, mix(1, 2))):
        assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
        assert np.mean(np.abs(np.diff(order)) == 1) < 0.001


@given(count=st.integers(0, 300), key=st.integers(0, 2**64 - 1))
def test_all_at_once_is_sorted_by_what_each_is_mixed_to(count: int, key: int):
    assert shuffled(count, key).tolist() == sorted(range(count), key=lambda k: mix(key, k))
