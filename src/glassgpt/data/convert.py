"""A data folder in one format in, the same tokens in another out."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from glassgpt.checkpoints.atomic import new_folder
from glassgpt.data.folder import Folder, open_folder, text_bytes
from glassgpt.data.foreign import FORMATS, LLM_C, NANO_GPT, end_last
from glassgpt.data.job import TRAIN, VALID, finish
from glassgpt.data.meta import read_meta
from glassgpt.data.shard import Ids, Shard
from glassgpt.data.writer import ShardWriter, Written
from glassgpt.errors import CheckpointError, DataError
from glassgpt.tokens import Tokenizer

OURS = "glassgpt"


def convert_data(
    source: Path, target: Path, to: str, tokenizer: Tokenizer | None = None, *, overwrite: bool = False
) -> None:
    """Write the tokens of a data folder as `glassgpt`, `nanogpt` or `llm.c`; the folder appears whole or not at all.

    `tokenizer` is the one that another program's files were made with, if not GPT-2's; nanoGPT's characters become
    bytes, one token each. Raises DataError for what is damaged, or what a format cannot say.
    """
    try:
        with new_folder(target, replace=overwrite) as folder:
            _, characters = read_meta(source)
            if characters:
                _write_characters(source, folder, characters, to)
            else:
                _write(open_folder(source, tokenizer), folder, to)
    except CheckpointError as error:
        raise DataError(str(error)) from error


def _write(source: Folder, folder: Path, to: str) -> None:
    if source.format == to:
        raise DataError(f"{source.path} is in the format of {to} already: copy it.")
    parts = {TRAIN: source.train, VALID: (source.valid,) if source.valid else ()}
    if to != OURS and any(shard.answers_marked for shards in parts.values() for shard in shards):
        raise DataError(f"{source.path} marks answers, which {to} cannot: prepare the text without --pairs for it.")
    streams = {name: _stream(shards, source) for name, shards in parts.items() if shards}
    if to == OURS:
        sizes = {name: sum(text_bytes(one, source.tokenizer) for one in shards) for name, shards in parts.items()}
        _write_own(folder, streams, sizes, source.tokenizer)
    else:
        for name, stream in streams.items():
            FORMATS[to].write(folder, "train" if name == TRAIN else "val", stream, source.tokenizer)


def _stream(shards: Sequence[Shard], source: Folder) -> Iterator[Ids]:
    """All ids of a part, each document before its end."""
    chunks = chain.from_iterable(shard.chunks() for shard in shards)
    return end_last(chunks, source.tokenizer.end_of_text) if source.format == LLM_C.name else chunks


def _write_own(folder: Path, streams: dict[str, Iterator[Ids]], sizes: dict[str, int], tokenizer: Tokenizer) -> None:
    written = {}
    for name, stream in streams.items():
        writer = ShardWriter(folder / name, tokenizer.fingerprint, tokenizer.vocab_size)
        begins = True
        for chunk in stream:
            for part in np.split(chunk, np.flatnonzero(chunk == tokenizer.end_of_text) + 1):
                writer.add(part, 0, begins=begins)
                begins = int(part[-1]) == tokenizer.end_of_text if len(part) else begins
        writer.written.text_bytes = sizes[name]
        writer.close()
        written[name] = writer.written
    finish(folder, tokenizer, written.get(TRAIN, Written()).documents, written)


def _write_characters(source: Path, folder: Path, characters: Sequence[str], to: str) -> None:
    """The text behind nanoGPT's ids of characters, as bytes."""
    if to != OURS:
        raise DataError(f"{source} holds ids of characters, which {to} does not know: convert it to {OURS}.")
    tokenizer = Tokenizer.of_bytes()
    streams: dict[str, Iterator[Ids]] = {}
    sizes: dict[str, int] = {}
    for name, pattern in ((TRAIN, NANO_GPT.train), (VALID, NANO_GPT.valid)):
        shards = NANO_GPT.shards(source, pattern, tokenizer)
        sizes[name] = sum(len(text.encode()) for text in _texts(shards, characters))
        if shards:
            end = np.array([tokenizer.end_of_text], np.uint32)
            streams[name] = chain((tokenizer.encode_array(text) for text in _texts(shards, characters)), [end])
    _write_own(folder, streams, sizes, tokenizer)


def _texts(shards: Iterable[Shard], characters: Sequence[str]) -> Iterator[str]:
    for shard in shards:
        for chunk in shard.chunks():
            if len(chunk) and int(chunk.max()) >= len(characters):
                raise DataError(f"{shard.path}: id {int(chunk.max()):,} stands for no character: damaged.")
            yield "".join(map(characters.__getitem__, chunk.tolist()))
