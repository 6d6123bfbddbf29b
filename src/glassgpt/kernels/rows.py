"""Rows on their way into a matrix: in the form that the weights want.

    float32   as they are
    bfloat16  rounded
    integers  for each group of inner positions a scale, so that the largest becomes ±127; then rounded. After the
              numbers of a row come its scales, and after those −offset · Σ of each group: where the kernel's sums
              begin.

Scaling group by group keeps GPT-2's few very large activations from drowning the others: they spoil only their group.
"""

from collections.abc import Sequence

import numpy as np

from glassgpt.kernels.arithmetic import (
    ROUNDER,
    Reals,
    absolute,
    from_bfloat16_twin,
    greater,
    to_bfloat16,
    to_bfloat16_twin,
)
from glassgpt.kernels.ir import Function, Value
from glassgpt.kernels.layout import BFLOAT16, BLOCK, FLOAT32, Format
from glassgpt.kernels.types_of_llvm import F32, I8, I16, I32

LARGEST = 127
TINY = 1e-30
"""The least scale: a group of zeros must not divide by zero."""


def row_bytes(inner: int, form: Format) -> int:
    """How much memory a row takes, in whole cache lines."""
    size = {FLOAT32: 4 * inner, BFLOAT16: 2 * inner}.get(form) or inner + 8 * inner // form.group
    return -(-size // 64) * 64


def piece_bytes(form: Format) -> int:
    """How much memory 64 numbers take that are a row of their own, scale and all: a part of a query."""
    return row_bytes(BLOCK, form)


def scales_of(row: Value, inner: Value) -> Value:
    """Where the scales of a row of integers begin."""
    return row + inner


def starts_of(row: Value, inner: Value, form: Format) -> Value:
    """Where its −offset · Σ begin."""
    return scales_of(row, inner) + inner // (form.group // 4)


def load_block(f: Function, place: Value, lanes: int) -> list[Value]:
    """64 float32 numbers, in as many registers as they need."""
    return [f.load(F32.of(lanes), place + 4 * n) for n in range(0, BLOCK, lanes)]


def store_block(f: Function, numbers: Sequence[Value], place: Value) -> None:
    """The same 64 back."""
    for n, number in enumerate(numbers):
        f.store(number, place + n * number.type.bytes)


def store_row_block(
    f: Function, form: Format, numbers: Sequence[Value], row: Value, block: Value, inner: Value
) -> None:
    """Write 64 float32 numbers as block number `block` of a row in the given form."""
    lanes = numbers[0].type.lanes
    if form is FLOAT32:
        store_block(f, numbers, row + block * (4 * BLOCK))
    elif form is BFLOAT16:
        for n, number in enumerate(numbers):
            half = f.convert("trunc", to_bfloat16(f, number), I16)
            f.store(half, row + block * (2 * BLOCK) + 2 * lanes * n)
    else:
        _store_integers(f, form, numbers, row, block, inner)


def _store_integers(
    f: Function, form: Format, numbers: Sequence[Value], row: Value, block: Value, inner: Value
) -> None:
    lanes = numbers[0].type.lanes
    each = form.group // lanes
    for g in range(BLOCK // form.group):
        members = numbers[g * each : (g + 1) * each]
        largest = absolute(f, members[0])
        for number in members[1:]:
            largest = greater(f, largest, absolute(f, number))
        scale = f.reduce(largest, lambda a, b: greater(f, a, b)) * (1 / LARGEST)
        scale = greater(f, scale, f.value(F32, TINY))
        inverse = f.splat(f.value(F32, 1.0) / scale, lanes)
        total = f.value(I32.of(lanes), 0)
        for n, number in enumerate(members):
            shifted = number * inverse + ROUNDER  # the integer is now in the low bits
            whole = f.bits(shifted, I32.of(lanes)) - int(np.float32(ROUNDER).view(np.int32))
            total = total + whole
            f.store(f.convert("trunc", whole, I8), row + block * BLOCK + (g * form.group + n * lanes))
        place = (block * (BLOCK // form.group) + g) * 4
        f.store(scale, scales_of(row, inner) + place)
        start = f.reduce(total, lambda a, b: a + b) * -form.offset
        f.store(start, starts_of(row, inner, form) + place)


def rows_twin(x: Reals, form: Format) -> Reals:
    """What rows (…, K) become by this rounding, as float32 again."""
    if form is FLOAT32:
        return x
    if form is BFLOAT16:
        return from_bfloat16_twin(to_bfloat16_twin(x))
    whole, scales = integers_twin(x, form)
    return (whole * scales[..., None]).reshape(x.shape)


def integers_twin(x: Reals, form: Format) -> tuple[Reals, Reals]:
    """(…, groups, group) whole numbers and (…, groups) scales."""
    groups = x.reshape(*x.shape[:-1], -1, form.group)
    scales = np.maximum(np.abs(groups).max(axis=-1) * np.float32(1 / LARGEST), np.float32(TINY))
    return np.rint(groups * (np.float32(1) / scales)[..., None]), scales
