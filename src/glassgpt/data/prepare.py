"""Corpus in, token shards out: `train.bin` and, where asked, `valid.bin`, with the tokenizer beside them."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from glassgpt.data.documents import list_files, read_documents
from glassgpt.data.writer import ShardWriter
from glassgpt.errors import DataError, InvalidParameter
from glassgpt.tokens import Tokenizer

GROUP = 16
"""Documents encoded at a time: enough to use every core, few enough to bound memory."""
BYTES_PER_TEXT_BYTE = 1.0
"""Disk to ask for, an estimate: an id takes two bytes and usually stands for more than two bytes of text."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file or folder of the corpus and how often it is repeated."""

    path: Path
    repeat: int = 1

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `PATH` or `PATH*2`."""
        path, star, times = text.rpartition("*")
        if not star:
            return cls(Path(text).expanduser())
        if not times.isdigit() or not 1 <= int(times) <= 100:
            raise InvalidParameter("source", text, "after * must stand how often to repeat, 1 to 100")
        return cls(Path(path).expanduser(), int(times))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written."""

    folder: str
    documents: int
    train_tokens: int
    train_bytes: int
    valid_tokens: int
    valid_bytes: int
    vocabulary: str


Progress = Callable[[int, int], None]
"""Called with bytes of text done and tokens written so far."""


def prepare(
    sources: Sequence[Source],
    out: Path,
    tokenizer: Tokenizer,
    *,
    valid: Sequence[Source] = (),
    valid_fraction: float = 0.0,
    key: str = "text",
    progress: Progress = lambda done, tokens: None,
) -> Prepared:
    """Encode every document, `<|endoftext|>` after each, into shards under `out`.

    `valid.bin` gets the `valid` sources, or every n-th document (n = 1 / `valid_fraction`), which is then not trained
    on however often its source is repeated. Raises DataError when nothing is there to read or the disk is too small.
    """
    if not 0 <= valid_fraction <= 0.5:
        raise InvalidParameter("valid_fraction", valid_fraction, "must be in [0, 0.5]")
    if valid and valid_fraction:
        raise InvalidParameter("valid_fraction", valid_fraction, "must be 0 where validation files are named")
    _check_space([*sources, *valid], out)
    names = ("train.bin", "valid.bin") if valid or valid_fraction else ("train.bin",)
    writers = {name: ShardWriter(out / name, tokenizer.fingerprint, tokenizer.vocab_size) for name in names}
    try:
        documents = _fill(writers, _encoded(sources, tokenizer, key), valid_fraction, progress)
        for document in _encoded(valid, tokenizer, key):
            writers["valid.bin"].add(document.ids, document.text_bytes)
        if not documents:
            raise DataError("The sources hold no text: every document was empty.")
    except BaseException:
        for writer in writers.values():
            writer.discard()
        raise
    for writer in writers.values():
        writer.close()
    tokenizer.save(out / "tokenizer")
    return _summary(out, documents, writers, tokenizer)


@dataclass(frozen=True, slots=True)
class _Document:
    number: int
    """Counts the different documents of the corpus: the same in each repetition."""
    repetition: int
    ids: np.ndarray
    text_bytes: int


def _encoded(sources: Sequence[Source], tokenizer: Tokenizer, key: str) -> Iterator[_Document]:
    end = np.array([tokenizer.end_of_text], np.uint32)
    before = number = 0
    for source in sources:
        for repetition in range(source.repeat):
            number = before
            documents = read_documents(source.path, key)
            while texts := list(islice(documents, GROUP)):
                for text, ids in zip(texts, tokenizer.encode_batch(texts), strict=True):
                    yield _Document(number, repetition, np.concatenate([ids, end]), len(text.encode()))
                    number += 1
        before = number


def _fill(
    writers: dict[str, ShardWriter], documents: Iterator[_Document], valid_fraction: float, progress: Progress
) -> int:
    """Deal the documents out; return how many different ones there were."""
    every = round(1 / valid_fraction) if valid_fraction else 0
    last, done = -1, 0
    for document in documents:
        held_out = bool(every) and document.number % every == every - 1
        if not (held_out and document.repetition):
            writers["valid.bin" if held_out else "train.bin"].add(document.ids, document.text_bytes)
        last, done = max(last, document.number), done + document.text_bytes
        progress(done, sum(writer.tokens for writer in writers.values()))
    return last + 1


def _check_space(sources: Sequence[Source], out: Path) -> None:
    """Say before starting, not after an hour, that the disk is too small."""
    packed = 4  # text in a .gz is about this much larger unpacked
    text = sum(
        path.stat().st_size * source.repeat * (packed if path.suffix == ".gz" else 1)
        for source in sources
        for path in list_files(source.path)
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made: {error.strerror}.") from error
    need, free = int(text * BYTES_PER_TEXT_BYTE), shutil.disk_usage(out).free
    if need > free:
        raise DataError(f"{out}: about {need:,} bytes needed, {free:,} free. Make room or choose another folder.")


def _summary(out: Path, documents: int, writers: dict[str, ShardWriter], tokenizer: Tokenizer) -> Prepared:
    train, valid = writers["train.bin"], writers.get("valid.bin")
    summary = Prepared(
        folder=str(out),
        documents=documents,
        train_tokens=train.tokens,
        train_bytes=train.text_bytes,
        valid_tokens=valid.tokens if valid else 0,
        valid_bytes=valid.text_bytes if valid else 0,
        vocabulary=tokenizer.fingerprint,
    )
    (out / "data.json").write_text(json.dumps({**asdict(summary), "folder": out.name}, indent=2) + "\n")
    return summary
