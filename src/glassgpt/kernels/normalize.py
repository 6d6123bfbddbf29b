"""Layer normalisation: what is done to each row on its own.

An item is a row. With few rows every thread does all of them, each into memory of its own: that costs less than
waiting for each other.
"""

import numpy as np

from glassgpt.kernels.arithmetic import Floats, Reals, multiply_add
from glassgpt.kernels.ir import Module, Value
from glassgpt.kernels.layout import BLOCK, Format
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.operation import Operation, Slots, operation
from glassgpt.kernels.rows import load_block, store_row_block
from glassgpt.kernels.types_of_llvm import F32, I64, PTR

NORMALIZE = Slots(
    x=PTR,
    x_stride=I64,
    inner=I64,  # width, padded to whole blocks
    gain=PTR,
    bias=PTR,
    valid=PTR,  # 1 where the width is real, 0 where it is padding
    one_over_width=F32,
    epsilon=F32,
    out=PTR,
    out_stride=I64,
    private=I64,  # bytes between the threads' own outputs; 0: one output for all
    wanted_only=I64,  # 1: only rows whose logits are wanted, packed together
)


def add_normalize(module: Module, machine: Machine, form: Format) -> None:
    """(x − mean) / √(variance + ε) · gain + bias, row by row, into the form that the next matrix wants."""
    with operation(module, normalize_name(form), NORMALIZE) as op:
        f = op.f
        _, numbers = op.pick(op["wanted_only"])
        out = op["out"] + op.thread * op["private"]
        with op.items() as i:
            row = f.load(I64, numbers + i * 8)
            _normalize_row(op, machine, form, op["x"] + row * op["x_stride"], out + i * op["out_stride"])


def _normalize_row(op: Operation, machine: Machine, form: Format, x: Value, out: Value) -> None:
    f, lanes = op.f, machine.lanes
    registers = BLOCK // lanes
    blocks, zero = op["inner"] // BLOCK, f.value(F32.of(lanes), 0.0)

    def mean(terms: list[Value]) -> Value:
        while len(terms) > 1:
            terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=True)]
        return f.reduce(terms[0], lambda a, b: a + b) * op["one_over_width"]

    def add(block: Value, totals: list[Value]) -> list[Value]:
        return [a + b for a, b in zip(totals, load_block(f, x + block * 256, lanes), strict=True)]

    middle = f.splat(mean(f.fold(blocks, [zero] * registers, add)), lanes)

    def centred(block: Value) -> list[Value]:
        numbers, valid = (load_block(f, base + block * 256, lanes) for base in (x, op["valid"]))
        return [number - middle * real for number, real in zip(numbers, valid, strict=True)]

    def add_squares(block: Value, totals: list[Value]) -> list[Value]:
        pairs = zip(totals, centred(block), strict=True)
        return [multiply_add(f, machine, number, number, total) for total, number in pairs]

    variance = mean(f.fold(blocks, [zero] * registers, add_squares))
    root = f.intrinsic("llvm.sqrt.f32", F32, variance + op["epsilon"])
    scale = f.splat(f.value(F32, 1.0) / root, lanes)
    with f.times(blocks) as block:
        gains, biases = (load_block(f, op[name] + block * 256, lanes) for name in ("gain", "bias"))
        parts = zip(centred(block), gains, biases, strict=True)
        results = [multiply_add(f, machine, number * scale, gain, bias) for number, gain, bias in parts]
        store_row_block(f, form, results, out, block, op["inner"])


def normalize_name(form: Format) -> str:
    """What the kernel is called."""
    return f"normalize_{form.name}"


def normalize_twin(x: Reals, gain: Floats, bias: Floats, epsilon: float) -> Reals:
    """The same, before it is rounded to a form."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon) * gain + bias
