"""Documents in, a shard out, as they come: nothing is kept in memory but where each document begins."""

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from glassgpt.data.shard import DTYPES, HEADER, MAGIC, PLACE, VERSION, Shard, open_shard


class ShardWriter:
    """Writes ids as they come; `close` adds the index, completes the header and gives the file its final name."""

    def __init__(self, path: Path, vocabulary: str, vocab_size: int) -> None:
        """Ids take two bytes where the vocabulary fits into them."""
        self.path, self.vocabulary = path, vocabulary
        self.tokens, self.text_bytes = 0, 0
        self.starts, self.answers = array("Q"), array("Q")
        self._dtype = DTYPES[2 if vocab_size <= 1 << 16 else 4]
        self._temporary = path.with_name(f".tmp-{path.name}")
        self._file: BinaryIO = self._temporary.open("wb")
        self._file.write(bytes(HEADER.size))

    def add(self, ids: NDArray[np.unsignedinteger], text_bytes: int, prompt: int = 0) -> None:
        """Append a document; `text_bytes` is the size of its text, its first `prompt` tokens are not learned."""
        if not len(ids):
            return
        self.starts.append(self.tokens)
        self.answers.append(self.tokens + prompt)
        self._file.write(ids.astype(self._dtype).tobytes())
        self.tokens += len(ids)
        self.text_bytes += text_bytes

    def close(self) -> None:
        """Write index and header and rename; before this nothing stands under the final name."""
        width = self._dtype.itemsize
        marked = self.answers != self.starts
        self._file.write(bytes(-self.tokens * width % 8))
        for table in (self.starts, self.answers)[: 1 + marked]:
            self._file.write(np.array(table, PLACE).tobytes())
        self._file.seek(0)
        digest = bytes.fromhex(self.vocabulary)
        facts = (self.text_bytes, self.tokens, digest, len(self.starts), int(marked))
        self._file.write(HEADER.pack(MAGIC, VERSION, width, *facts))
        self._file.close()
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Give up: remove what was written."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def write_shard(
    path: Path, documents: Iterable[tuple[NDArray[np.unsignedinteger], int]], vocabulary: str, vocab_size: int
) -> Shard:
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
