"""Matrices into the layout of the kernels, and back."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin, to_bfloat16_twin
from glassgpt.kernels.integers import Integers, round_to_nearest
from glassgpt.kernels.layout import BFLOAT16, BLOCK, FLOAT32, INT4, INT8, Format, Packed, padded
from glassgpt.kernels.memory import aligned, aligned_copy

ARRAYS = {"data": 1, "channel_scales": BLOCK, "group_scales": 1}
"""Of a packed matrix, and how many entries of each belong to a block."""
PART = 4096
"""Outputs that are packed at once: rounding takes memory for several copies of them."""


def pack(weight: Floats | Integers, form: Format) -> Packed:
    """Pack a matrix (N outputs, K inner positions). Floats are rounded to nearest; integers stay what they are."""
    outputs = len(weight.numbers if isinstance(weight, Integers) else weight)
    first = _pack_part(_part(weight, 0), form)
    if outputs <= PART:
        return first
    blocks = padded(outputs) // BLOCK

    def whole(name: str) -> NDArray[Any] | None:
        part: NDArray[Any] | None = getattr(first, name)
        return None if part is None else aligned((blocks * ARRAYS[name], *part.shape[1:]), part.dtype.type)

    data = whole("data")
    assert data is not None
    packed = Packed(form, data, whole("channel_scales"), whole("group_scales"))
    for start in range(0, outputs, PART):
        part = _pack_part(_part(weight, start), form) if start else first
        for name, per_block in ARRAYS.items():
            begin, numbers = start // BLOCK * per_block, getattr(part, name)
            if numbers is not None:
                getattr(packed, name)[begin : begin + len(numbers)] = numbers
    return packed


def _part(weight: Floats | Integers, start: int) -> Floats | Integers:
    chosen = slice(start, start + PART)
    if isinstance(weight, Integers):
        return replace(weight, numbers=weight.numbers[chosen], scales=weight.scales[chosen])
    return weight[chosen]


def _pack_part(weight: Floats | Integers, form: Format) -> Packed:
    if isinstance(weight, Integers):
        return _pack_integers(weight, form)
    if weight.ndim != 2 or not weight.size:
        raise InvalidParameter("weight", weight.shape, "must be a matrix that is not empty")
    if not np.isfinite(weight).all():
        raise InvalidParameter("weight", "nan or inf", "must hold finite numbers only")
    if form in (INT8, INT4):
        return _pack_integers(round_to_nearest(weight, form), form)
    outputs, inner = weight.shape
    whole = np.zeros((padded(outputs), padded(inner)), np.float32)
    whole[:outputs, :inner] = weight
    return Packed(form, _blocks(whole if form is FLOAT32 else to_bfloat16_twin(whole), form.per_step))


def unpack(packed: Packed) -> Floats:
    """The numbers that a packed matrix stands for, padding included: the inverse of `pack`, but for rounding."""
    form, data = packed.format, packed.data
    if form is INT4:
        low, high = data & 15, data >> 4
        data = np.stack([low, high], axis=2).reshape(packed.blocks, packed.inner // 4, BLOCK, 4)
    flat: NDArray[Any] = data.transpose(0, 2, 1, 3).reshape(packed.blocks * BLOCK, packed.inner)
    if form is BFLOAT16:
        return from_bfloat16_twin(flat)
    if form is FLOAT32:
        return flat.astype(np.float32)
    numbers = flat.astype(np.float32) - form.offset
    if packed.channel_scales is not None:
        return numbers * packed.channel_scales[:, None]
    return numbers * np.repeat(scales_of_groups(packed), form.group, axis=1)


def scales_of_groups(packed: Packed) -> Floats:
    """(N, K/32) scales of an int4 matrix."""
    assert packed.group_scales is not None
    return from_bfloat16_twin(packed.group_scales).transpose(0, 2, 1).reshape(packed.blocks * BLOCK, -1)


def _blocks(whole: NDArray[Any], per_step: int) -> NDArray[Any]:
    outputs, inner = whole.shape
    cut = whole.reshape(outputs // BLOCK, BLOCK, inner // per_step, per_step)
    return aligned_copy(cut.transpose(0, 2, 1, 3))


def _pack_integers(integers: Integers, form: Format) -> Packed:
    if integers.format is not form:
        raise InvalidParameter("weights", form.name, f"the matrix is stored as {integers.format.name}")
    integers = integers.filled()
    steps = _blocks((integers.numbers + np.int16(form.offset)).astype(np.uint8), form.per_step)
    if form is INT8:
        return Packed(form, steps, channel_scales=np.ascontiguousarray(integers.scales[:, 0]))
    data = steps[..., :4] | (steps[..., 4:] << 4)
    by_block = to_bfloat16_twin(integers.scales).reshape(data.shape[0], BLOCK, -1).transpose(0, 2, 1)
    return Packed(form, aligned_copy(data), group_scales=aligned_copy(by_block))
