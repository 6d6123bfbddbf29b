"""The micro-kernel against its twin: every format, every number of rows, every machine that this one can imitate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.kernels.layout import FORMATS, INT4, padded
from glassgpt.kernels.machine import host
from glassgpt.kernels.packing import pack
from glassgpt.kernels.tile import MOST_ROWS, TALL, columns_at_once, tile_twin
from tests.kernels.machines import DESIGNS, EVERY, MACHINES, QUICK, call, library, stored_rows


def tolerance(inner):
    """Of the largest result: float32 sums in another order differ by their roundings, a random walk over the terms."""
    return 1e-7 * max(inner, 400) ** 0.5


def run(machine, name, packed, x, rows, kind):
    stored, out = stored_rows(x, packed.format), np.full((TALL, 64), np.nan, np.float32)
    scales = packed.group_scales if packed.format is INT4 else stored
    steps = packed.inner // packed.format.per_step
    tile = f"tile_{name}_{kind}_{rows}"
    arguments = (packed.data, scales, stored, stored.strides[0], steps, out, out.strides[0], packed.data)
    call(library(machine, DESIGNS[name]), tile, *arguments)
    assert np.isnan(out[rows:]).all()
    return out[:rows]


def check(machine, name, inner, seed):
    random = np.random.default_rng(seed)
    packed = pack(random.standard_normal((64, inner)).astype(np.float32), FORMATS[name])
    x = np.zeros((TALL, padded(inner)), np.float32)
    x[:, :inner] = random.standard_normal((TALL, inner)) * 10.0 ** random.integers(-3, 3, (TALL, 1))
    wanted = tile_twin(packed, x)
    first, allowed = None, tolerance(inner) * np.abs(wanted).max(axis=1, keepdims=True)
    for kind, most in (("stream", TALL), ("reuse", MOST_ROWS)):
        for rows in range(1, most + 1):
            out = run(machine, name, packed, x, rows, kind)
            first = out[0].copy() if first is None else first
            assert (out[0] == first).all(), "a row's bits depend on its neighbours"
            assert (np.abs(out - wanted[:rows]) <= allowed[:rows]).all()


@pytest.mark.parametrize(("machine", "name"), QUICK)
@settings(max_examples=6)
@given(inner=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_kernels_equal_their_twin(machine, name, inner, seed):
    check(machine, name, inner, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "name"), EVERY)
@settings(max_examples=10)
@given(inner=st.integers(1, 3072), seed=st.integers(0, 2**32))
def test_kernels_equal_their_twin_on_every_machine(machine, name, inner, seed):
    check(machine, name, inner, seed)


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_whole_numbers_are_summed_exactly_at_their_limits(name):
    """All weights and rows at the ends of their ranges: nothing overflows, nothing saturates."""
    form = FORMATS[name]
    for sign in (1, -1):
        weight = np.full((64, 256), sign, np.float32)
        packed = pack(weight, form)
        x = np.full((1, 256), -sign, np.float32)
        wanted = tile_twin(packed, x)
        np.testing.assert_allclose(run(host().name, name, packed, x, 1, "stream"), wanted, rtol=1e-6)


def test_sums_fit_into_the_registers():
    for machine in MACHINES.values():
        for form in FORMATS.values():
            for rows in range(1, MOST_ROWS + 1):
                columns = columns_at_once(machine, form, rows)
                assert 64 // machine.lanes % columns == 0
                assert columns == 1 or rows * columns < machine.registers
