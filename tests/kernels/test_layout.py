"""Matrices are packed and unpacked again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.layout import BFLOAT16, FLOAT32, FORMATS, INT4, INT8, padded
from glassgpt.kernels.packing import pack, scales_of_groups, unpack


def matrix(outputs, inner, seed=0):
    return np.random.default_rng(seed).standard_normal((outputs, inner)).astype(np.float32)


@settings(max_examples=40)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from(list(FORMATS.values())))
def test_unpacking_gives_back_what_was_packed_but_for_rounding(outputs, inner, form):
    weight = matrix(outputs, inner, outputs * inner)
    packed = pack(weight, form)
    back = unpack(packed)
    assert back.shape == (padded(outputs), padded(inner)) == (packed.blocks * 64, packed.inner)
    assert not back[outputs:].any()
    assert not back[:, inner:].any()
    back = back[:outputs, :inner]
    if form is FLOAT32:
        assert (back == weight).all()
    elif form is BFLOAT16:
        np.testing.assert_allclose(back, weight, rtol=2**-8)
    elif form is INT8:
        step = np.abs(weight).max(axis=1, keepdims=True) / 127
        assert (np.abs(back - weight) <= 0.501 * step).all()
    else:
        step = np.abs(np.repeat(scales_of_groups(packed), 32, axis=1))[:outputs, :inner]
        assert (np.abs(back - weight) <= 1.05 * step).all()  # at most one step off, at the end without a −8


def test_where_each_number_lies():
    weight = np.arange(128 * 64, dtype=np.float32).reshape(128, 64)
    data = pack(weight, FLOAT32).data
    assert data.shape == (2, 64, 64, 1)
    assert data[1, 5, 7, 0] == weight[64 + 7, 5]
    assert pack(weight, BFLOAT16).data.shape == (2, 32, 64, 2)
    assert unpack(pack(weight, BFLOAT16))[64 + 7, 5] == pytest.approx(weight[64 + 7, 5], rel=2**-8)


def test_a_packed_matrix_costs_what_it_should():
    weight = matrix(128, 192)
    each = {form: pack(weight, form).bytes / weight.size for form in FORMATS.values()}
    assert (each[FLOAT32], each[BFLOAT16], each[INT4]) == (4, 2, 0.5 + 2 / 32)
    assert each[INT8] == pytest.approx(1 + 4 / 192)


def test_blocks_begin_on_cache_lines():
    assert all(pack(matrix(70, 70), form).data.ctypes.data % 64 == 0 for form in FORMATS.values())


@pytest.mark.parametrize("form", [INT8, INT4])
def test_a_matrix_of_zeros_stays_zero(form):
    assert not unpack(pack(np.zeros((64, 64), np.float32), form)).any()


@pytest.mark.parametrize("weight", [np.zeros((0, 3)), np.zeros(3), np.full((2, 2), np.nan), np.full((2, 2), np.inf)])
def test_what_is_no_matrix_of_numbers_is_refused(weight):
    with pytest.raises(InvalidParameter, match="weight"):
        pack(weight.astype(np.float32), FLOAT32)
