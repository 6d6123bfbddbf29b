"""Matrices of integers: what they stand for, and that packing keeps them to the bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.integers import Integers, group_slices, round_to_nearest
from glassgpt.kernels.layout import BFLOAT16, INT4, INT8
from glassgpt.kernels.packing import pack, unpack


def matrix(outputs, inner, seed=0):
    return np.random.default_rng(seed).standard_normal((outputs, inner)).astype(np.float32)


def widths(integers):
    slices = group_slices(integers.numbers.shape[1], integers.segment, integers.format)
    return [part.stop - part.start for part in slices]


@settings(max_examples=40)
@given(st.integers(1, 80), st.integers(1, 5), st.integers(1, 70), st.sampled_from([INT8, INT4]))
def test_packing_keeps_integers_to_the_bit(outputs, parts, segment, form):
    integers = round_to_nearest(matrix(outputs, parts * segment, outputs), form, segment)
    back = unpack(pack(integers, form)).reshape(-1, parts, (segment + 63) // 64 * 64)
    wanted = integers.floats().reshape(outputs, parts, segment)
    assert (back[:outputs, :, :segment] == wanted).all()
    assert not back[outputs:].any()
    assert not back[:, :, segment:].any()


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 70), st.sampled_from([INT8, INT4]))
def test_every_number_is_its_integer_times_the_scale_of_its_group(outputs, parts, segment, form):
    integers = round_to_nearest(matrix(outputs, parts * segment, segment), form, segment)
    assert sum(widths(integers)) == parts * segment
    assert max(widths(integers)) <= (32 if form is INT4 else parts * segment)
    wanted = integers.numbers * np.repeat(integers.scales, widths(integers), axis=1)
    assert (integers.floats() == wanted).all()


def test_groups_begin_anew_with_each_segment():
    assert [(s.start, s.stop) for s in group_slices(80, 40, INT4)] == [(0, 32), (32, 40), (40, 72), (72, 80)]
    assert group_slices(80, 40, INT8) == [slice(0, 80)]


def test_outputs_are_filled_up_head_by_head():
    wide = round_to_nearest(matrix(6, 10), INT4).widened(2)
    assert wide.numbers.shape == (128, 10)
    assert wide.numbers[:3].any()
    assert wide.numbers[64:67].any()
    assert not wide.numbers[3:64].any()
    assert not wide.scales[67:].any()


GOOD = round_to_nearest(matrix(3, 40), INT4)
WRONG = {
    "format": lambda: replace(GOOD, format=BFLOAT16),
    "segment": lambda: replace(GOOD, segment=7),
    "scales": lambda: replace(GOOD, scales=GOOD.scales[:, :1]),
    "scales  ": lambda: replace(GOOD, scales=GOOD.scales * np.float32(np.inf)),
    "numbers": lambda: replace(GOOD, numbers=np.full((3, 40), 8, np.int8)),
    "numbers ": lambda: Integers(INT8, np.full((1, 4), -128, np.int8), np.ones((1, 1), np.float32), 4),
    "weights": lambda: pack(GOOD, INT8),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_together_is_refused(name):
    with pytest.raises(InvalidParameter, match=name.strip()):
        WRONG[name]()
