"""Token files of other programs: what nanoGPT and llm.c read and write.

nanoGPT  train.bin and val.bin, nothing but 16-bit ids; meta.pkl beside them where the ids are not GPT-2's
llm.c    NAME_train_*.bin and NAME_val_*.bin: 256 32-bit numbers, of which the first three are the magic 20240520, the
         version 1 and how many tokens follow; then 16-bit ids of GPT-2. <|endoftext|> stands before each document
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassgpt.data.shard import DTYPES, Ids, Shard
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer

SHORT = DTYPES[2]
MAGIC, VERSION, LLAMA_MAGIC = 20240520, 1, 20240801
HEADER_BYTES = 256 * 4
FILE_TOKENS = 100_000_000
"""Tokens in a file of llm.c, as its own scripts cut them: its count is a 32-bit number."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one program lays out token files in a folder."""

    name: str
    train: str
    """A pattern of the files to train on."""
    valid: str
    open: Callable[[Path, Tokenizer], Shard]
    """A file, and the tokenizer it was made with, which it does not know."""
    write: Callable[[Path, str, Iterable[Ids], Tokenizer], None]
    """Into a folder, `train` or `val`: these ids."""

    def fits(self, folder: Path) -> bool:
        """Whether a folder has such files."""
        return any(folder.glob(self.train))

    def shards(self, folder: Path, pattern: str, tokenizer: Tokenizer) -> tuple[Shard, ...]:
        """All files of one part."""
        return tuple(self.open(path, tokenizer) for path in sorted(folder.glob(pattern)))


def open_llm_c(path: Path, tokenizer: Tokenizer) -> Shard:
    """Look at the header of a file of llm.c. Raises DataError where header and file do not agree."""
    size, head = _head(path, HEADER_BYTES)
    header = np.frombuffer(head, "<i4") if len(head) == HEADER_BYTES else np.zeros(3, "<i4")
    magic, version, count = header[:3].tolist()
    if magic == LLAMA_MAGIC:
        raise DataError(f"{path} holds tokens of Llama 3, not of GPT-2: prepare its text anew.")
    if magic != MAGIC or version != VERSION:
        raise DataError(f"{path} is not a token file of llm.c, version {VERSION}.")
    if count < 0 or size != HEADER_BYTES + count * SHORT.itemsize:
        needed = HEADER_BYTES + count * SHORT.itemsize
        raise DataError(f"{path}: {size:,} bytes, but its header speaks of {needed:,}: damaged.")
    return Shard(path, count, 0, tokenizer.fingerprint, SHORT, HEADER_BYTES, size, end=tokenizer.end_of_text)


def open_nano_gpt(path: Path, tokenizer: Tokenizer) -> Shard:
    """A file of nanoGPT, which says nothing of itself. Raises DataError where it cannot be whole."""
    size, _ = _head(path, 0)
    if size % SHORT.itemsize:
        raise DataError(f"{path}: {size:,} bytes are no whole number of 16-bit ids: damaged.")
    return Shard(path, size // SHORT.itemsize, 0, tokenizer.fingerprint, SHORT, 0, size, end=tokenizer.end_of_text)


def _head(path: Path, count: int) -> tuple[int, bytes]:
    try:
        with path.open("rb") as file:
            return path.stat().st_size, file.read(count)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def write_nano_gpt(folder: Path, part: str, chunks: Iterable[Ids], tokenizer: Tokenizer) -> None:
    """Write `train.bin` or `val.bin`, and where the ids are not GPT-2's a meta.pkl that says how many there are."""
    _refuse_wide(tokenizer, "nanoGPT")
    with (folder / f"{part}.bin").open("wb") as file:
        for chunk in chunks:
            file.write(chunk.astype(SHORT).tobytes())
    if tokenizer.fingerprint != Tokenizer.gpt2().fingerprint:
        size = tokenizer.vocab_size.to_bytes(4, "little")
        (folder / "meta.pkl").write_bytes(b"\x80\x02}X\x0a\0\0\0vocab_sizeJ" + size + b"s.")  # {"vocab_size": size}


def write_llm_c(folder: Path, part: str, chunks: Iterable[Ids], tokenizer: Tokenizer) -> None:
    """Write `tokens_PART_000000.bin` and so on, <|endoftext|> moved from behind each document to before it."""
    _refuse_wide(tokenizer, "llm.c")
    for number, ids in enumerate(_files(_end_first(chunks, tokenizer.end_of_text))):
        header = np.zeros(256, "<i4")
        header[:3] = MAGIC, VERSION, len(ids)
        with (folder / f"tokens_{part}_{number:06d}.bin").open("wb") as file:
            file.write(header.tobytes() + ids.tobytes())


def end_last(chunks: Iterable[Ids], end: int) -> Iterator[Ids]:
    """The inverse of what `write_llm_c` does: an end that stands first is moved to where it belongs, the last place."""
    moved = False
    for number, chunk in enumerate(chunks):
        moved |= number == 0 and len(chunk) > 0 and int(chunk[0]) == end
        yield chunk[1:] if number == 0 and moved else chunk
    if moved:
        yield np.array([end], SHORT)


def _end_first(chunks: Iterable[Ids], end: int) -> Iterator[Ids]:
    held = np.array([end], SHORT)  # one token is held back: an end that stands last has been written first
    for chunk in chunks:
        both = np.concatenate([held, chunk.astype(SHORT)])
        yield both[:-1]
        held = both[-1:]
    if int(held[0]) != end:
        yield held


def _files(chunks: Iterable[Ids]) -> Iterator[Ids]:
    """Gather ids to files of `FILE_TOKENS`."""
    parts: list[Ids] = []
    for chunk in chunks:
        parts.append(chunk)
        while sum(map(len, parts)) >= FILE_TOKENS:
            whole = np.concatenate(parts)
            yield whole[:FILE_TOKENS]
            parts = [whole[FILE_TOKENS:]]
    rest = np.concatenate([np.empty(0, SHORT), *parts])
    if len(rest):
        yield rest


def _refuse_wide(tokenizer: Tokenizer, program: str) -> None:
    if tokenizer.vocab_size > 1 << 16:
        raise DataError(f"{program} knows 16-bit ids only; this vocabulary has {tokenizer.vocab_size:,}.")


LLM_C = Format("llm.c", "*_train*.bin", "*_val*.bin", open_llm_c, write_llm_c)
NANO_GPT = Format("nanogpt", "train.bin", "val.bin", open_nano_gpt, write_nano_gpt)
FORMATS = {format.name: format for format in (LLM_C, NANO_GPT)}
"""Looked for in this order."""
