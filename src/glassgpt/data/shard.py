"""A file of token ids: a header that says what they are, the ids, and where each document begins.

bytes  0-7   magic  b"GLASSTOK"          32-63  sha256 of the vocabulary the ids belong to
bytes  8-11  version, 2 (u32)            64-71  number of documents, D (u64)
bytes 12-15  bytes in an id, 2 or 4      72-79  1 if answers are marked, else 0 (u64)
bytes 16-23  bytes of UTF-8 text behind the tokens (u64), for bits per byte
bytes 24-31  number of tokens, N (u64)
80-    N ids, then zeros up to a multiple of 8; D places where documents begin (u64);
       if answers are marked, D places from which on a document is learned: what is before, its prompt, is only read

All little-endian. Version 1 ends its header at byte 64 and has no index.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import DataError

MAGIC, VERSION = b"GLASSTOK", 2
COMMON = struct.Struct("<8sIIQQ32s")
HEADER = struct.Struct("<8sIIQQ32sQQ")
DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}
PLACE = np.dtype("<u8")

Ids = NDArray[np.unsignedinteger]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """The ids of one file and what is known of them."""

    path: Path
    count: int
    """Tokens."""
    text_bytes: int
    vocabulary: str
    """Fingerprint of the vocabulary, sha256 in hex."""
    dtype: np.dtype
    start: int
    """The byte at which the ids begin."""
    size: int
    """Bytes of the whole file."""
    documents: int = 0
    """How many; 0 where the file has no index."""
    answers_marked: bool = False
    end: int | None = None
    """The id that ends a document, to find them by where there is no index."""

    @cached_property
    def tokens(self) -> Ids:
        """All ids, mapped into memory: for looking around. What must survive a file that changes uses `reading`."""
        self.check_size()
        if not self.count:
            return np.empty(0, self.dtype)
        return np.memmap(self.path, self.dtype, "r", self.start, (self.count,))

    @cached_property
    def starts(self) -> Places:
        """Where each document begins."""
        starts = self._places(0) if self.documents else self._found()
        whole = not self.count if not len(starts) else starts[0] == 0 and starts[-1] < self.count
        if not whole or np.any(np.diff(starts) <= 0):
            raise DataError(f"{self.path}: its index of documents is damaged. Prepare the data again.")
        return starts

    @cached_property
    def answers(self) -> Places:
        """From which token on each document is learned: its first, or the first of its answer."""
        if not self.answers_marked:
            return self.starts
        answers, starts = self._places(1), self.starts
        if np.any(answers < starts) or np.any(answers > np.append(starts[1:], self.count)):
            raise DataError(f"{self.path}: its index of answers is damaged. Prepare the data again.")
        return answers

    def check_size(self) -> None:
        """Raise DataError if the file is no longer as long as it was: the missing pages of a map would kill us."""
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if size != self.size:
            raise DataError(f"{self.path} changed while in use: {self.size:,} bytes before, {size:,} now.")

    @contextmanager
    def reading(self) -> Iterator["Reader"]:
        """Open the file to read parts of it. Raises DataError where it is gone or has another size by now."""
        self.check_size()
        try:
            with self.path.open("rb", buffering=0) as file:
                yield Reader(self, file)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}.") from error

    def chunks(self, size: int = 1 << 20) -> Iterator[Ids]:
        """All ids, so many at a time."""
        with self.reading() as reader:
            for start in range(0, self.count, size):
                yield reader.read(start, min(start + size, self.count))

    def _found(self) -> Places:
        """The starts of a file without an index: its first token, and what follows an end."""
        parts = [np.flatnonzero(chunk == self.end) + k * (1 << 20) for k, chunk in enumerate(self.chunks(1 << 20))]
        ends = np.concatenate([[-1], *parts])[: None if self.count else 0]
        return ends[ends < self.count - 1] + 1

    def _places(self, table: int) -> Places:
        first = self.start + -(-self.count * self.dtype.itemsize // 8) * 8 + table * self.documents * 8
        with self.reading() as reader:
            return reader.items(first, self.documents, PLACE).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Reader:
    """An open shard: reads by copying, so a file cut short meanwhile is an error and not the end of the process."""

    shard: Shard
    file: BinaryIO

    def read(self, start: int, stop: int) -> Ids:
        """Tokens `start` to `stop`."""
        width = self.shard.dtype.itemsize
        return self.items(self.shard.start + start * width, stop - start, self.shard.dtype)

    def items(self, first: int, count: int, dtype: np.dtype) -> NDArray[np.unsignedinteger]:
        """So many items from byte `first` on."""
        self.file.seek(first)
        values = np.fromfile(self.file, dtype, count)
        if len(values) != count:
            raise DataError(f"{self.shard.path} ends early: it was cut short while in use.")
        return values


def open_shard(path: Path) -> Shard:
    """Look at the header of a shard. Raises DataError where header and file do not agree."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(HEADER.size)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Run `glassgpt data prepare` first."
        ) from error
    if len(header) < COMMON.size or not header.startswith(MAGIC):
        raise DataError(f"{path} is not a token shard. Run `glassgpt data prepare` to make one.")
    _, version, width, text_bytes, count, digest = COMMON.unpack_from(header)
    start = {1: COMMON.size, 2: HEADER.size}.get(version, 0)
    if not start or width not in DTYPES:
        raise DataError(
            f"{path}: shard version {version} with {width}-byte ids; this GlassGPT reads versions 1 and {VERSION}."
        )
    documents, marked = HEADER.unpack_from(header)[6:] if version == VERSION and len(header) == HEADER.size else (0, 0)
    ids = count * width
    needed = start + ids + (-ids % 8 + documents * 8 * (1 + marked) if version == VERSION else 0)
    if size != needed or marked > 1 or documents > count:
        raise DataError(f"{path}: {size:,} bytes, but its header speaks of {needed:,}: damaged.")
    return Shard(path, count, text_bytes, digest.hex(), DTYPES[width], start, size, documents, bool(marked))
