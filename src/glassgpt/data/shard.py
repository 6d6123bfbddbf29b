"""A file of token ids: a header that says what they are, then the ids, read without loading them.

bytes  0-7   magic  b"GLASSTOK"          24-31  number of tokens (u64)
bytes  8-11  version, 1 (u32)            32-63  sha256 of the vocabulary the ids belong to
bytes 12-15  bytes in an id, 2 or 4      64-    the ids, little-endian
bytes 16-23  bytes of UTF-8 text behind the tokens (u64), for bits per byte
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from glassgpt.errors import DataError

MAGIC, VERSION = b"GLASSTOK", 1
HEADER = struct.Struct("<8sIIQQ32s")
DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


@dataclass(frozen=True, slots=True)
class Shard:
    """The ids of one file, mapped into memory, and what its header says."""

    path: Path
    tokens: np.ndarray
    text_bytes: int
    vocabulary: str
    """Fingerprint of the vocabulary, sha256 in hex."""


class ShardWriter:
    """Writes ids as they come; `close` completes the header and gives the file its final name."""

    def __init__(self, path: Path, vocabulary: str, vocab_size: int) -> None:
        """Ids take two bytes where the vocabulary fits into them."""
        self.path, self.vocabulary = path, vocabulary
        self.tokens, self.text_bytes = 0, 0
        self._dtype = DTYPES[2 if vocab_size <= 1 << 16 else 4]
        self._temporary = path.with_name(f".tmp-{path.name}")
        self._file: BinaryIO = self._temporary.open("wb")
        self._file.write(bytes(HEADER.size))

    def add(self, ids: np.ndarray, text_bytes: int) -> None:
        """Append the ids of one document; `text_bytes` is the size of its text."""
        self._file.write(ids.astype(self._dtype).tobytes())
        self.tokens += len(ids)
        self.text_bytes += text_bytes

    def close(self) -> None:
        """Write the header and rename; before this nothing stands under the final name."""
        self._file.seek(0)
        size = self._dtype.itemsize
        digest = bytes.fromhex(self.vocabulary)
        self._file.write(HEADER.pack(MAGIC, VERSION, size, self.text_bytes, self.tokens, digest))
        self._file.close()
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Give up: remove what was written."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def write_shard(path: Path, documents: Iterable[tuple[np.ndarray, int]], vocabulary: str, vocab_size: int) -> Shard:
    """Write documents, each its ids and the size of its text, and open the result."""
    writer = ShardWriter(path, vocabulary, vocab_size)
    try:
        for ids, text_bytes in documents:
            writer.add(ids, text_bytes)
    except BaseException:
        writer.discard()
        raise
    writer.close()
    return open_shard(path)


def open_shard(path: Path) -> Shard:
    """Map a shard into memory. Raises DataError where header and file do not agree."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(HEADER.size)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Run `glassgpt data prepare` first."
        ) from error
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        raise DataError(f"{path} is not a token shard. Run `glassgpt data prepare` to make one.")
    _, version, width, text_bytes, tokens, digest = HEADER.unpack(header)
    if version != VERSION or width not in DTYPES:
        raise DataError(
            f"{path}: shard version {version} with {width}-byte ids; this GlassGPT reads version {VERSION}."
        )
    if size != HEADER.size + tokens * width:
        raise DataError(
            f"{path}: {size:,} bytes, but {tokens:,} tokens need {HEADER.size + tokens * width:,}: damaged."
        )
    ids = np.memmap(path, DTYPES[width], "r", HEADER.size, (tokens,)) if tokens else np.empty(0, DTYPES[width])
    return Shard(path, ids, text_bytes, digest.hex())
