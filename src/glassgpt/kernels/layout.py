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

from glassgpt.kernels.arithmetic import Floats

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
