"""Vector arithmetic in IR: multiply-add, rounding, the exponential, GPT-2's activations. Each has a NumPy twin.

All of it is lane by lane, so a number's result depends on nothing but the number.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.kernels.ir import Function, Value
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.types_of_llvm import I32

Floats = NDArray[np.float32]
Reals = NDArray[Any]
"""Floats of any precision: what twins compute with."""

ROUNDER = 12582912.0
"""1.5 · 2²³: adding it pushes a small number's fraction out, rounding to even; the low bits are then the integer."""
LOG2E = 1.44269504
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
"""ln 2 in two parts, the first exact in few bits (Cody and Waite): x − n·ln 2 then loses nothing."""
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
"""e^f − 1 − f over f², highest power first (Cephes, expf.c)."""
LOWEST, HIGHEST = -87.0, 88.0
"""Where e^x is still a normal float32."""
ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
ERF_SLOPE = 0.3275911
"""Abramowitz and Stegun, 7.1.26: |error| ≤ 1.5e-7."""


def multiply_add(f: Function, machine: Machine, a: Value, b: Value, c: Value) -> Value:
    """The product of two, plus a third; rounded once where the CPU has an instruction for that."""
    if not machine.fused:
        return a * b + c
    suffix = f"v{a.type.lanes}f32" if a.type.lanes else "f32"
    return f.intrinsic(f"llvm.fma.{suffix}", a.type, a, b, c)


def polynomial(f: Function, machine: Machine, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule, highest power first."""
    total = f.value(x.type, coefficients[0])
    for coefficient in coefficients[1:]:
        total = multiply_add(f, machine, total, x, f.value(x.type, coefficient))
    return total


def greater(f: Function, a: Value, b: Value) -> Value:
    """The greater of two, lane by lane."""
    return f.choose(a.below(b), b, a)


def absolute(f: Function, x: Value) -> Value:
    """Without its sign."""
    whole = I32.of(x.type.lanes)
    return f.bits(f.bits(x, whole) & 0x7FFFFFFF, x.type)


def exponential(f: Function, machine: Machine, x: Value) -> Value:
    """e^x = 2^n · e^r, n whole and |r| ≤ ½ ln 2: a polynomial for e^r; n goes straight into the exponent bits."""
    whole = I32.of(x.type.lanes)
    x = f.choose(x.below(LOWEST), f.value(x.type, LOWEST), x)
    x = f.choose(f.value(x.type, HIGHEST).below(x), f.value(x.type, HIGHEST), x)
    shifted = multiply_add(f, machine, x, f.value(x.type, LOG2E), f.value(x.type, ROUNDER))
    n = shifted - ROUNDER
    rest = multiply_add(f, machine, n, f.value(x.type, -LN2_HIGH), x)
    rest = multiply_add(f, machine, n, f.value(x.type, -LN2_LOW), rest)
    bend = polynomial(f, machine, rest, EXP)
    grown = multiply_add(f, machine, bend, rest * rest, rest + 1.0)
    power = f.bits((f.bits(shifted, whole) << 23) + 0x3F800000, x.type)
    return grown * power


def exponential_twin(x: Reals) -> Reals:
    """NumPy's own exponential, in the same range."""
    return np.exp(np.clip(x, LOWEST, HIGHEST))


def to_bfloat16(f: Function, x: Value) -> Value:
    """The upper 16 bits, rounded to even, in 32-bit lanes."""
    whole = f.bits(x, I32.of(x.type.lanes))
    return (whole + 0x7FFF + ((whole >> 16) & 1)) >> 16


def to_bfloat16_twin(x: Floats) -> NDArray[np.uint16]:
    """The same."""
    whole = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((whole + np.uint32(0x7FFF) + ((whole >> 16) & 1)) >> 16).astype(np.uint16)


def from_bfloat16_twin(x: NDArray[np.uint16]) -> Floats:
    """Bfloat16 is float32 without its lower half."""
    return (x.astype(np.uint32) << 16).view(np.float32)


def _logistic(f: Function, machine: Machine, x: Value) -> Value:
    return f.value(x.type, 1.0) / (exponential(f, machine, x * -1.0) + 1.0)


def _gelu_tanh(f: Function, machine: Machine, x: Value) -> Value:
    """½ x (1 + tanh u) is x · logistic(2u), with u = √(2/π) (x + 0.044715 x³)."""
    inner = multiply_add(f, machine, x * x * x, f.value(x.type, 0.044715), x)
    return x * _logistic(f, machine, inner * (2 * (2 / np.pi) ** 0.5))


def _gelu(f: Function, machine: Machine, x: Value) -> Value:
    """½ x (1 + erf(x/√2)); for x ≥ 0 that is x − ½ x · t·P(t)·e^(−x²/2), and the other half mirrors it."""
    size = absolute(f, x)
    t = f.value(x.type, 1.0) / multiply_add(f, machine, size, f.value(x.type, ERF_SLOPE / 2**0.5), f.value(x.type, 1.0))
    tail = polynomial(f, machine, t, ERF) * t * exponential(f, machine, x * x * -0.5) * size * 0.5
    return greater(f, x, f.value(x.type, 0.0)) - tail


def _relu(f: Function, machine: Machine, x: Value) -> Value:
    return greater(f, f.value(x.type, 0.0), x)


def _silu(f: Function, machine: Machine, x: Value) -> Value:
    return x * _logistic(f, machine, x)


def _tanh(f: Function, machine: Machine, x: Value) -> Value:
    return _logistic(f, machine, x * 2.0) * 2.0 - 1.0


ACTIVATION: dict[str, Callable[[Function, Machine, Value], Value]] = {
    "gelu_new": _gelu_tanh,
    "gelu": _gelu,
    "relu": _relu,
    "silu": _silu,
    "tanh": _tanh,
}


def _erf(x: Reals) -> Reals:
    from math import erf

    return np.array([erf(one) for one in x.ravel().tolist()], np.float32).reshape(x.shape)


ACTIVATION_TWIN: dict[str, Callable[[Reals], Reals]] = {
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.float32(2**0.5))),
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
