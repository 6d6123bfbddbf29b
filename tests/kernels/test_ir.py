"""The IR that Python writes does what Python says."""

import numpy as np
import pytest

from glassgpt.kernels.ir import Module
from glassgpt.kernels.machine import host
from glassgpt.kernels.types_of_llvm import F32, I32, I64, PTR, Type
from tests.kernels.machines import call, compiled


def test_loops_carry_values_and_conditions_choose():
    """Σ of the even numbers below n, and how many odd ones there were."""

    def write(module):
        with module.function("f", n=I64, out=PTR) as f:

            def body(i, values):
                total, odd = values
                even = (i % 2).equals(0)
                return [total + f.choose(even, i, f.value(I64, 0)), odd + f.choose(even, f.value(I64, 0), i - i + 1)]

            total, odd = f.fold(f["n"], [f.value(I64, 0)] * 2, body)
            f.store(total, f["out"])
            f.store(odd, f["out"] + 8)

    library = compiled(host().name, write)
    for n in (0, 1, 2, 9):
        out = np.zeros(2, np.int64)
        call(library, "f", n, out)
        assert out.tolist() == [sum(range(0, n, 2)), n // 2]


def test_loops_nest_and_blocks_end_early():
    def write(module):
        with module.function("f", n=I64, out=PTR) as f:
            with f.times(f["n"]) as i, f.times(i) as j:
                f.atomic("add", f["out"], 1)
                with f.when(j.equals(0)):
                    f.atomic("add", f["out"] + 8, 1)
            with f.forever() as leave:
                leave(f.value(I64, 9).below(f.atomic("add", f["out"] + 16, 1)))

    out = np.zeros(3, np.int64)
    call(compiled(host().name, write), "f", 6, out)
    assert out.tolist() == [15, 5, 11]


def test_vectors_are_loaded_multiplied_and_joined():
    def write(module):
        with module.function("f", x=PTR, out=PTR) as f:
            x = f.load(F32.of(8), f["x"])
            total = f.reduce(x * x - 1.0, lambda a, b: a + b)
            f.store(total, f["out"])
            whole = f.vector(I32, range(8)) << 2
            f.store(f.reduce((whole + -12).signed_shift(1), lambda a, b: a + b), f["out"] + 4)

    x, out = np.arange(8, dtype=np.float32), np.zeros(2, np.float32)
    call(compiled(host().name, write), "f", x, out)
    assert out[0] == (x * x - 1).sum()
    assert out.view(np.int32)[1] == ((np.arange(8) * 4 - 12) >> 1).sum()


def test_swaps_happen_only_when_expected():
    def write(module):
        with module.function("f", place=PTR, out=PTR) as f:
            f.store(f.swap_if(f["place"], 5, 6), f["out"])

    library = compiled(host().name, write)
    place, out = np.array([5]), np.zeros(1, np.int64)
    call(library, "f", place, out)
    call(library, "f", place, out)
    assert (place[0], out[0]) == (6, 6)


def test_constants_are_rounded_to_their_type():
    assert F32.literal(0.1) == "0x3FB99999A0000000"
    assert F32.of(4).literal(1.0) == "splat (float 0x3FF0000000000000)"
    assert I32.literal(-7) == "-7"
    assert (F32.of(16).bytes, Type("i8", 3).bytes, PTR.bytes) == (64, 3, 8)


def test_types_must_agree():
    with Module().function("f", a=I64, b=I32) as f, pytest.raises(AssertionError, match="i32 where i64"):
        f["a"] + f["b"]
