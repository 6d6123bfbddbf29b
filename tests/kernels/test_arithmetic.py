"""Vector arithmetic against NumPy."""

import numpy as np
import pytest

from glassgpt.kernels.arithmetic import (
    ACTIVATION,
    ACTIVATION_TWIN,
    exponential,
    exponential_twin,
    from_bfloat16_twin,
    to_bfloat16,
    to_bfloat16_twin,
)
from glassgpt.kernels.machine import PORTABLE, host
from glassgpt.kernels.types_of_llvm import F32, I64, PTR
from tests.kernels.machines import MACHINES, call, compiled

KERNELS = {"exponential": exponential, **ACTIVATION}
TWINS = {"exponential": exponential_twin, **ACTIVATION_TWIN}


@pytest.fixture(scope="module", params=[host().name, PORTABLE.name])
def library(request):
    machine = MACHINES[request.param]

    def write(module):
        rounding = {"bfloat16": lambda f, machine, x: to_bfloat16(f, x)}
        for name, kernel in {**KERNELS, **rounding}.items():
            with module.function(name, x=PTR, out=PTR, count=I64) as f, f.times(f["count"] // machine.lanes) as i:
                place = i * (4 * machine.lanes)
                f.store(kernel(f, machine, f.load(F32.of(machine.lanes), f["x"] + place)), f["out"] + place)

    return compiled(request.param, write)


def everywhere() -> np.ndarray:
    """Small, large, negative, zero: 8,192 numbers."""
    random = np.random.default_rng(0)
    return np.concatenate(
        [
            np.linspace(-12, 12, 4096),
            random.standard_normal(2048) * 40,
            10.0 ** random.uniform(-30, 1.9, 2047) * random.choice([-1, 1], 2047),
            [0.0],
        ]
    ).astype(np.float32)


@pytest.mark.parametrize("name", KERNELS)
def test_functions_agree_with_numpy(library, name):
    """To one millionth of the result, or 4e-7 of the argument where that is larger."""
    x = everywhere()
    out = np.empty_like(x)
    call(library, name, x, out, len(x))
    with np.errstate(over="ignore"):
        wanted = TWINS[name](x.astype(np.float64))
    if name in ("exponential", "relu"):
        np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-38)
    else:  # a difference of near equals keeps the error of the larger one
        assert (np.abs(out - wanted) <= 4e-7 * np.maximum(np.abs(x), 1)).all()


def test_not_a_number_stays_so(library):
    x, out = np.full(16, np.nan, np.float32), np.zeros(16, np.float32)
    for name in ("exponential", "gelu_new", "gelu", "silu", "tanh"):
        call(library, name, x, out, 16)
        assert np.isnan(out).all(), name


def test_bfloat16_is_rounded_to_even_as_torch_does(library):
    import torch

    bits = np.random.default_rng(1).integers(0, 2**32, 8192, dtype=np.uint32)
    bits[:4] = [0x3F808000, 0x3F818000, 0x3F808001, 0x80000000]  # two ties, one above a tie, −0
    x = bits.view(np.float32)
    x[~np.isfinite(x) | (np.abs(x) > 3e38)] = 1.5
    out = np.zeros(len(x), np.uint32)
    call(library, "bfloat16", x, out, len(x))
    wanted = torch.from_numpy(x).to(torch.bfloat16)
    assert (out == wanted.view(torch.int16).numpy().view(np.uint16)).all()
    assert (to_bfloat16_twin(x) == out).all()
    assert (from_bfloat16_twin(to_bfloat16_twin(x)) == wanted.float().numpy()).all()
