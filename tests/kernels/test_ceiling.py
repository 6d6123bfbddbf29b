"""The limits that speeds are set beside: the kernels do what they say, and nothing is left out."""

import numpy as np
import pytest

from glassgpt.kernels.ceiling import PIECE, READ, add_peak, add_read, measure_ceiling, operations_a_turn, sums_of
from glassgpt.kernels.layout import FORMATS
from glassgpt.kernels.library import compile_module
from glassgpt.kernels.machine import host
from glassgpt.kernels.operation import STATE
from glassgpt.kernels.tile import STEP
from tests.kernels.machines import MACHINES, call, compiled


@pytest.mark.parametrize("machine", MACHINES)
def test_every_byte_is_read_once_by_one_of_the_threads(machine):
    data = np.random.default_rng(1).integers(0, 2**32, 5 * PIECE // 4, np.uint32)
    out, state = np.zeros(2 * STEP // 4, np.uint32), np.zeros(len(STATE.kinds), np.int64)
    library = compiled(machine, lambda module: add_read(module, MACHINES[machine]))
    for threads in (1, 2):  # a thread's sums are of its last piece
        arguments = READ.fill({"data": data, "out": out})
        for thread in range(threads):
            call(library, "read", arguments, state, thread, thread, 1)
        wanted = data.reshape(5, -1, STEP // 4).sum(axis=1, dtype=np.uint32)[:threads]
        assert np.array_equal(out.reshape(2, -1)[:threads], wanted)


@pytest.mark.parametrize("name", FORMATS)
def test_the_loop_multiplies_into_all_sums_and_does_nothing_else(name):
    from glassgpt.kernels.ir import Module

    machine, module = host(), Module()
    add_peak(module, machine, FORMATS[name])
    text = compile_module(module, machine, assembly=True).decode()
    if machine.name != "avx512-bf16":
        pytest.skip("the listing is that of a CPU with AVX-512")
    multiply = {"float32": "vfmadd", "bfloat16": "vdpbf16ps"}.get(name, "vpdpbusd")
    assert sum(line.strip().startswith(multiply) for line in text.splitlines()) == sums_of(machine, FORMATS[name])


def test_operations_are_two_for_each_lane_and_inner_position():
    machine = MACHINES["portable"]
    each = {name: operations_a_turn(machine, form) / sums_of(machine, form) for name, form in FORMATS.items()}
    assert each == {"float32": 8, "bfloat16": 16, "int8": 32, "int4": 32}


def test_the_limits_are_measured():
    found = measure_ceiling(1, ("float32", "int8"), stream_bytes=4 << 20)
    assert found.bytes_per_second > 0
    assert found.operations_per_second.keys() == {"float32", "int8"}
    assert min(found.operations_per_second.values()) > 0
