"""One tensor on disk: where its bytes lie, and how to read them.

Both formats we read keep raw little-endian numbers in row order, so a format's reader only has to say where. Reading
goes straight from the file into the tensor's own memory. That costs no more than a memory map would, keeps nothing
tied to the file (which may be overwritten or truncated later), and a short file is an error instead of a crash.

Numbers come as PyTorch's tensors or as NumPy's arrays; PyTorch is imported when somebody asks for the first.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import CheckpointError
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_DIMENSIONS = 8
_CHUNK = 1 << 22

Stamp = tuple[int, int, int]
"""Which file this is: inode, size, time of change. Another file under the same name has another stamp."""


@dataclass(frozen=True, slots=True)
class NumberType:
    """A kind of numbers, by PyTorch's name for it."""

    name: str
    itemsize: int
    is_floating_point: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def torch(self) -> "torch.dtype":
        """PyTorch's object."""
        import torch

        return getattr(torch, self.name)

    @property
    def numpy(self) -> "np.dtype[Any]":
        """NumPy's; bfloat16, which it does not know, as 16 bits."""
        return np.dtype("uint16" if self.name == "bfloat16" else self.name)


_WHOLE = (("bool", 1), ("uint8", 1), ("int8", 1), ("int16", 2), ("int32", 4), ("int64", 8))
_REAL = (("float16", 2), ("bfloat16", 2), ("float32", 4), ("float64", 8))
NUMBER_TYPES = {name: NumberType(name, size) for name, size in _WHOLE}
NUMBER_TYPES |= {name: NumberType(name, size, is_floating_point=True) for name, size in _REAL}
"""All that is read, by name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file; whoever makes one has checked that offset and size lie inside the file."""

    path: Path
    stamp: Stamp
    offset: int
    shape: tuple[int, ...]
    dtype: NumberType
    verify: Callable[[memoryview], bool] | None = None
    """Says whether the bytes are undamaged, where the format carries a checksum."""

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return prod(self.shape) * self.dtype.itemsize

    def read(self, into: "Tensor | None" = None) -> "Tensor":
        """The tensor, in memory of its own or in the first bytes of `into`."""
        import torch

        raw = torch.empty(self.size, dtype=torch.uint8) if into is None else into[: self.size]
        self._fill(raw.numpy().data)
        return raw.view(self.dtype.torch).reshape(self.shape)

    def read_array(self) -> NDArray[Any]:
        """The same as an array; bfloat16 as 16 bits."""
        raw = np.empty(self.size, np.uint8)
        self._fill(raw.data)
        return raw.view(self.dtype.numpy).reshape(self.shape)

    def read_floats(self) -> Floats:
        """The same in float32."""
        array = self.read_array()
        return from_bfloat16_twin(array) if self.dtype.name == "bfloat16" else array.astype(np.float32, copy=False)

    def _fill(self, view: memoryview) -> None:
        _need_little_endian(self.path)
        with self._open() as file:
            if file.readinto(view) != self.size:
                raise CheckpointError(f"{self.path} ended while it was read.")
        if self.verify is not None and not self.verify(view):
            raise CheckpointError(f"{self.path} is damaged: the checksum at byte {self.offset:,} does not match.")

    def holds_the_same_as(self, other: "Stored") -> bool:
        """Whether both are equal bit for bit, compared in pieces."""
        if (self.shape, self.dtype) != (other.shape, other.dtype):
            return False
        return all(a == b for a, b in zip(self._pieces(), other._pieces(), strict=True))

    def _pieces(self) -> Iterator[bytes]:
        with self._open() as file:
            for start in range(0, self.size, _CHUNK):
                yield file.read(min(_CHUNK, self.size - start))

    def _open(self) -> BufferedReader:
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise CheckpointError(f"Cannot read {self.path}: {error.strerror or error}.") from error
        if stamp_of(file) != self.stamp:
            file.close()
            raise CheckpointError(f"{self.path} was changed by someone else while it was read. Try again.")
        file.seek(self.offset)
        return file


def stamp_of(file: BinaryIO) -> Stamp:
    """Which file stands behind an open handle."""
    status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns


def _need_little_endian(path: Path) -> None:
    if sys.byteorder != "little":
        raise CheckpointError(f"{path} holds little-endian numbers, which this big-endian machine cannot read.")
