"""Texts in, ids in one flat array out, as fast as this machine can: three ways that agree on every id.

`fastokens` (Rust) is the first choice, `tiktoken`'s core (Rust) the second, our readable Python the last. Each is built
from our own vocabulary and knows no special tokens, so nothing in a text can turn into one here.
"""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from glassgpt.tokens.merge import merge
from glassgpt.tokens.split import PATTERN, split
from glassgpt.tokens.tokenizer_json import write_tokenizer_json
from glassgpt.tokens.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

Ids = NDArray[np.uint32]


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns plain texts into ids."""

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        ...

    def flat(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.uint64]]:
        """All ids in one array, and `len(texts) + 1` offsets into it."""
        ...


class FastokensEncoder:
    """Encoding by the Rust library `fastokens`; hundreds of megabytes a second on English text."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        from fastokens._native import Tokenizer

        self._native = Tokenizer.from_json_str(json.dumps(write_tokenizer_json(vocabulary, specials=False)))

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return self._native.encode_ordinary(text).ids

    def flat(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.uint64]]:
        """All ids in one array; no Python object is made for any of them."""
        ids, offsets = self._native.encode_batch_flat(list(texts))
        return np.frombuffer(ids, dtype="<u4"), np.frombuffer(offsets, dtype="<u8")


class TiktokenEncoder:
    """Encoding by the core of `tiktoken`, which calls the rank of a merge its id: we translate."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        import tiktoken

        tokens = sorted(vocabulary.ids, key=_first_rank(vocabulary))
        self._id_of = np.array([vocabulary.ids[token] for token in tokens], dtype=np.uint32)
        ranks = {token: rank for rank, token in enumerate(tokens)}
        self._core = tiktoken.Encoding("glassgpt", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return self._id_of[self._core.encode_ordinary(text)].tolist()

    def flat(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.uint64]]:
        """All ids in one array."""
        return _join([self._id_of[self._core.encode_ordinary(text)] for text in texts])


class ReadableEncoder:
    """Encoding by `merge.py`, with a bounded memory of pieces already seen."""

    MEMORY = 1 << 16

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._seen: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return [token for piece in split(text) for token in self._piece(piece)]

    def flat(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.uint64]]:
        """All ids in one array."""
        return _join([np.array(self.encode(text), dtype=np.uint32) for text in texts])

    def _piece(self, piece: str) -> list[int]:
        if piece not in self._seen:
            tokens, _ = merge(piece.encode(), self._vocabulary.ranks)
            if len(self._seen) >= self.MEMORY:
                self._seen.clear()
            self._seen[piece] = [self._vocabulary.ids[token] for token in tokens]
        return self._seen[piece]


def fastest(vocabulary: Vocabulary) -> Encoder:
    """The fastest way that works here; says in the log why a faster one does not."""
    for kind in (FastokensEncoder, TiktokenEncoder):
        try:
            return kind(vocabulary)
        except ImportError as error:
            _log.warning("%s is not to be had (%s): encoding falls back to a slower way", kind.__name__, error)
    return ReadableEncoder(vocabulary)


def _first_rank(vocabulary: Vocabulary) -> Callable[[bytes], int]:
    first: dict[bytes, int] = {}
    for rank, (left, right) in enumerate(vocabulary.merges):
        first.setdefault(left + right, rank)
    return lambda token: first.get(token, -1)  # single bytes come before all merges


def _join(rows: list[Ids]) -> tuple[Ids, NDArray[np.uint64]]:
    offsets = np.zeros(len(rows) + 1, dtype=np.uint64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.uint32), offsets
