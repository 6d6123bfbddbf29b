"""Memory that begins on a cache line, so that no register is ever filled from two."""

import mmap
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


def huge(size: int) -> NDArray[np.uint8]:
    """Bytes for which the system is asked to take pages of two megabytes, where it has such.

    Whoever goes through hundreds of megabytes with pages of four kilobytes spends a tenth of the time on finding them.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return aligned((size,), np.uint8)
    memory = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8, size)
