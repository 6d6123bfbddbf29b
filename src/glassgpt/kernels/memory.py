"""Memory that begins on a cache line, so that no register is ever filled from two."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64


def aligned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """An array of zeros whose first byte begins a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, so placed."""
    copy = aligned(array.shape, array.dtype.type)
    copy[...] = array
    return copy
