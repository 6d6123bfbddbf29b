"""Documents in, a shard out, as they come: ids go to one file, where documents begin to another, both to disk at once.

What was written so far can be noted down (`mark`) and taken up again after a crash, which then costs what came later.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from glassgpt.data.shard import DTYPES, HEADER, MAGIC, PLACE, VERSION, Ids, Shard, open_shard

CHUNK = 1 << 16


@dataclass(slots=True)
class Written:
    """How far a shard is."""

    tokens: int = 0
    text_bytes: int = 0
    documents: int = 0
    answers_marked: bool = False


class ShardWriter:
    """Writes ids as they come; `close` adds the index, completes the header and gives the file its final name."""

    def __init__(self, path: Path, vocabulary: str, vocab_size: int, written: Written | None = None) -> None:
        """Ids take two bytes where the vocabulary fits into them; `written` goes on where `mark` has been."""
        self.path, self.vocabulary, self.written = path, vocabulary, written or Written()
        self._dtype = DTYPES[2 if vocab_size <= 1 << 16 else 4]
        self._ids = _open(_beside(path, "ids"), HEADER.size + self.written.tokens * self._dtype.itemsize)
        self._index = _open(_beside(path, "index"), self.written.documents * 2 * PLACE.itemsize)

    def add(self, ids: Ids, text_bytes: int, prompt: int = 0, *, begins: bool = True) -> None:
        """Append a document, or more of the last one; its first `prompt` tokens are not learned.

        `text_bytes` is the size of its text.
        """
        if begins and len(ids):
            start = self.written.tokens
            self._index.write(np.array([start, start + prompt], PLACE).tobytes())
            self.written.documents += 1
            self.written.answers_marked |= prompt > 0
        self._ids.write(ids.astype(self._dtype).tobytes())
        self.written.tokens += len(ids)
        self.written.text_bytes += text_bytes

    def mark(self) -> None:
        """Force everything to disk: `written` may now be noted down."""
        for file in (self._ids, self._index):
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> Shard:
        """Write index and header and rename; before this nothing stands under the final name."""
        done, width = self.written, self._dtype.itemsize
        self._ids.write(bytes(-done.tokens * width % 8))
        for column in range(1 + done.answers_marked):
            self._index.seek(0)
            while block := self._index.read(CHUNK * 2 * PLACE.itemsize):
                self._ids.write(np.frombuffer(block, PLACE)[column::2].tobytes())
        self._ids.seek(0)
        facts = (done.text_bytes, done.tokens, bytes.fromhex(self.vocabulary), done.documents, int(done.answers_marked))
        self._ids.write(HEADER.pack(MAGIC, VERSION, width, *facts))
        self.mark()
        self._ids.close()
        _beside(self.path, "ids").replace(self.path)
        self._remove_index()
        return open_shard(self.path)

    def discard(self) -> None:
        """Give up: remove what was written."""
        self._ids.close()
        _beside(self.path, "ids").unlink(missing_ok=True)
        self._remove_index()

    def leave(self) -> None:
        """Stop, and keep what was written for a later writer."""
        self._ids.close()
        self._index.close()

    def _remove_index(self) -> None:
        self._index.close()
        _beside(self.path, "index").unlink(missing_ok=True)


def has_marked(path: Path, written: Written, vocab_size: int) -> bool:
    """Whether what was noted down is still there to go on from."""
    width = DTYPES[2 if vocab_size <= 1 << 16 else 4].itemsize
    needed = {"ids": HEADER.size + written.tokens * width, "index": written.documents * 2 * PLACE.itemsize}
    files = {_beside(path, part): size for part, size in needed.items()}
    return all(file.is_file() and file.stat().st_size >= size for file, size in files.items())


def write_shard(path: Path, documents: Iterable[tuple[Ids, int]], vocabulary: str, vocab_size: int) -> Shard:
    """Write documents, each its ids and the size of its text, and open the result."""
    writer = ShardWriter(path, vocabulary, vocab_size)
    try:
        for ids, text_bytes in documents:
            writer.add(ids, text_bytes)
    except BaseException:
        writer.discard()
        raise
    return writer.close()


def _beside(path: Path, part: str) -> Path:
    return path.with_name(f".tmp-{path.stem}.{part}")


def _open(path: Path, length: int) -> BinaryIO:
    """Open a file to append after its first `length` bytes."""
    file = path.open("r+b" if path.exists() else "w+b")
    file.truncate(length)
    file.seek(length)
    return file
