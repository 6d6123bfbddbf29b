"""How matrices lie in memory: blocks of 64 outputs, inner positions in groups that fill four bytes.

    float32  (N/64, K,   64, 1)      one inner position in four bytes
    bfloat16 (N/64, K/2, 64, 2)      two
    int8     (N/64, K/4, 64, 4)      four
    int4     (N/64, K/8, 64, 4)      eight: four in the low halves of the bytes, four in the high halves

So in every width one step of a kernel takes 256 bytes of weights, for 64 outputs, and four bytes of each row (int4:
two steps from the same 256 bytes). Keys and values are stored likewise: keys as a matrix whose outputs are positions,
values as one whose inner positions are.

Integers are stored with an offset, so that they are never negative: w ≈ (stored − offset) · scale. That suits the dot
instruction, which wants one unsigned side. Int8 has one scale an output, int4 one for each 32 inner positions.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin, to_bfloat16_twin
from glassgpt.kernels.memory import aligned_copy

BLOCK = 64
"""Outputs that lie together; inner sizes are padded to a multiple of it too."""
Width = Literal["float32", "bfloat16", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to store numbers."""

    name: Width
    dtype: type
    """What NumPy calls a stored element."""
    per_step: int
    """Inner positions in one step of 256 bytes."""
    offset: int = 0
    """What the stored integer is above the true one."""
    group: int = 0
    """Integers: inner positions that share a scale on the side of the rows."""
    group_scales: bool = False
    """Whether weights have a scale for each group too."""


FLOAT32 = Format("float32", np.float32, 1)
BFLOAT16 = Format("bfloat16", np.uint16, 2)
INT8 = Format("int8", np.uint8, 4, offset=128, group=64)
INT4 = Format("int4", np.uint8, 8, offset=8, group=32, group_scales=True)
FORMATS: dict[str, Format] = {f.name: f for f in (FLOAT32, BFLOAT16, INT8, INT4)}


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix of N outputs and K inner positions, both padded with zeros to whole blocks."""

    format: Format
    data: NDArray[Any]
    """(N/64, K / per_step, 64, elements of a step)."""
    channel_scales: Floats | None = None
    """int8: (N,)."""
    group_scales: NDArray[np.uint16] | None = None
    """int4: (N/64, K/32, 64), bfloat16."""

    @property
    def blocks(self) -> int:
        """N / 64."""
        return self.data.shape[0]

    @property
    def inner(self) -> int:
        """K, padded."""
        return self.data.shape[1] * self.format.per_step

    @property
    def bytes(self) -> int:
        """All memory it takes: what reading it once costs."""
        scales = (self.channel_scales, self.group_scales)
        return self.data.nbytes + sum(part.nbytes for part in scales if part is not None)


def padded(size: int) -> int:
    """The next multiple of 64."""
    return -(-size // BLOCK) * BLOCK


def pack(weight: Floats, form: Format) -> Packed:
    """Pack a matrix (N outputs, K inner positions); integers are rounded to nearest."""
    if weight.ndim != 2 or not weight.size:
        raise InvalidParameter("weight", weight.shape, "must be a matrix that is not empty")
    if not np.isfinite(weight).all():
        raise InvalidParameter("weight", "nan or inf", "must hold finite numbers only")
    outputs, inner = weight.shape
    whole = np.zeros((padded(outputs), padded(inner)), np.float32)
    whole[:outputs, :inner] = weight
    if form is FLOAT32:
        return Packed(form, _blocks(whole, 1))
    if form is BFLOAT16:
        return Packed(form, _blocks(to_bfloat16_twin(whole), 2))
    return _pack_int8(whole) if form is INT8 else _pack_int4(whole)


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


def _pack_int8(whole: Floats) -> Packed:
    scales = np.maximum(np.abs(whole).max(axis=1) / 127, np.float32(1e-30))
    numbers = np.rint(whole / scales[:, None]) + INT8.offset
    return Packed(INT8, _blocks(numbers.astype(np.uint8), 4), channel_scales=scales)


def _pack_int4(whole: Floats) -> Packed:
    outputs, inner = whole.shape
    groups = whole.reshape(outputs, inner // INT4.group, INT4.group)
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(axis=2)[..., None], axis=2)[..., 0]
    # The extreme itself becomes −8: of the sixteen values the one without a mirror image.
    stored = to_bfloat16_twin(extreme * np.float32(-1 / 8))
    scales = from_bfloat16_twin(stored)
    divisor = np.where(scales == 0, np.float32(1), scales)[..., None]
    numbers = np.clip(np.rint(groups / divisor) + INT4.offset, 0, 15).astype(np.uint8)
    steps = _blocks(numbers.reshape(outputs, inner), 8)
    data = steps[..., :4] | (steps[..., 4:] << 4)
    by_block = stored.reshape(outputs // BLOCK, BLOCK, -1).transpose(0, 2, 1)
    return Packed(INT4, aligned_copy(data), group_scales=aligned_copy(by_block))
