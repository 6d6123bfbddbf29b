"""A data folder: shards to train on, one to check on, and the tokenizer they were made with.

Ours holds train.bin, valid.bin and tokenizer/; those of nanoGPT and llm.c are known by their files (`foreign.py`).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from glassgpt.data.foreign import FORMATS, NANO_GPT, Format
from glassgpt.data.meta import read_meta
from glassgpt.data.shard import Shard, open_shard
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Folder:
    """What one of them holds."""

    path: Path
    train: tuple[Shard, ...]
    valid: Shard | None
    tokenizer: Tokenizer
    format: str = "glassgpt"

    @property
    def tokens(self) -> int:
        """To train on."""
        return sum(shard.count for shard in self.train)


def open_folder(path: Path, tokenizer: Tokenizer | None = None) -> Folder:
    """Open a data folder. Raises DataError where something is missing or does not fit together.

    `tokenizer` is the one that another program's files were made with, if not GPT-2's.
    """
    if (path / "tokenizer").is_dir():
        return _open_own(path)
    for one in FORMATS.values():
        if one.fits(path):
            return _open_foreign(path, one, tokenizer or Tokenizer.gpt2())
    raise DataError(f"{path} holds no train.bin. Make it first: glassgpt data prepare TEXT --out {path}")


def _open_own(path: Path) -> Folder:
    tokenizer = Tokenizer.load(path / "tokenizer")
    train = open_shard(path / "train.bin")
    valid = open_shard(path / "valid.bin") if (path / "valid.bin").exists() else None
    for shard in (train, valid):
        if shard and shard.vocabulary != tokenizer.fingerprint:
            raise DataError(
                f"{shard.path} was not made with the tokenizer beside it. Run `glassgpt data prepare` again."
            )
    end = tokenizer.end_of_text
    return Folder(path, (replace(train, end=end),), valid and replace(valid, end=end), tokenizer)


def _open_foreign(path: Path, form: Format, tokenizer: Tokenizer) -> Folder:
    size, characters = read_meta(path) if form is NANO_GPT else (0, None)
    if characters:
        raise DataError(f"{path} holds ids of characters. Rewrite them first: glassgpt data convert {path} FOLDER")
    if size not in (0, tokenizer.vocab_size):
        raise DataError(
            f"{path} was made with a vocabulary of {size:,}, not of {tokenizer.vocab_size:,}. Rewrite it first "
            f"with its own: glassgpt data convert {path} FOLDER --tokenizer VOCABULARY"
        )
    train, valid = (form.shards(path, pattern, tokenizer) for pattern in (form.train, form.valid))
    held_back = replace(valid[0], text_bytes=text_bytes(valid[0], tokenizer)) if valid else None
    return Folder(path, train, held_back, tokenizer, form.name)


def text_bytes(shard: Shard, tokenizer: Tokenizer) -> int:
    """The bytes of text behind ids, counted. Raises DataError for an id outside the vocabulary."""
    sizes = np.zeros(tokenizer.vocab_size, np.int64)
    for token, content in tokenizer.vocabulary.bytes_of.items():
        sizes[token] = 0 if token in tokenizer.specials.values() else len(content)
    total = 0
    for chunk in shard.chunks():
        if len(chunk) and int(chunk.max()) >= len(sizes):
            raise DataError(
                f"{shard.path}: id {int(chunk.max()):,} is outside the vocabulary of {len(sizes):,}: damaged."
            )
        total += int(sizes[chunk].sum())
    return total
