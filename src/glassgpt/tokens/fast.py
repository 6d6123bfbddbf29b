"""Texts in, ids in one flat array out, as fast as this machine can: three ways that agree on every id.

`fastokens` (Rust) is the first choice, `tiktoken`'s core (Rust) the second, our readable Python the last. Each is built
from our own vocabulary and knows no special tokens, so nothing in a text can turn into one here.
"""

import json
import logging
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, chain
from typing import Protocol, runtime_checkable

import numpy as np
import regex
from numpy.typing import NDArray

from glassgpt.errors import TokenizerError
from glassgpt.tokens.merge import merge
from glassgpt.tokens.split import sections, split
from glassgpt.tokens.tokenizer_json import write_tokenizer_json
from glassgpt.tokens.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

Ids = NDArray[np.uint32]

PROBE = "I'll say: naïve  café,\t12 345\n\n\n« 你好 »   🙂 <|endoftext|> aaaaaaaa ---- \u00a0\x00'S don't"
"""A faster way must encode this like the readable one before it is trusted: a library may change with its version."""

POSSESSIVE = r"'(?:[stmd]|re|ve|ll)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
"""The pieces of `split.py`, written so that tiktoken's pattern engine need not remember every character of a run."""


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns plain texts into ids."""

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        ...

    def flat(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """All ids in one array, and `len(texts) + 1` offsets into it."""
        ...


class FastokensEncoder:
    """Encoding by the Rust library `fastokens`: over a hundred megabytes of English text a second on one core."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        from fastokens import Tokenizer

        self._native = Tokenizer.from_json_str(json.dumps(write_tokenizer_json(vocabulary, specials=False)))

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return self._native.encode_ordinary(text).ids

    def flat(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """All ids in one array; long texts are cut into sections, which the library spreads over the cores."""
        parts = [list(sections(text)) for text in texts]
        ids, offsets = self._native.encode_batch_flat(list(chain.from_iterable(parts)))
        ends = np.frombuffer(offsets, dtype="<u8")[[0, *accumulate(map(len, parts))]]
        return np.frombuffer(ids, dtype="<u4").astype(np.uint32), ends.tolist()


class TiktokenEncoder:
    """Encoding by the core of `tiktoken`, which knows no merges: it joins whatever gives a token, lowest id first.

    For a vocabulary as learning makes it, in which every token is what its own bytes encode to, that is the same.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        import tiktoken

        products = dict.fromkeys(left + right for left, right in vocabulary.merges)
        for rank, token in enumerate(products):
            made, steps = merge(token, vocabulary.ranks)
            if made != [token] or steps[-1].rank != rank:
                raise TokenizerError(f"token {token!r} is not what its own bytes encode to")
        tokens = [*(bytes((byte,)) for byte in range(256)), *products]
        self._id_of = np.array([vocabulary.ids[token] for token in tokens], dtype=np.uint32)
        ranks = {token: rank for rank, token in enumerate(tokens)}
        self._core = tiktoken.Encoding("glassgpt", pat_str=POSSESSIVE, mergeable_ranks=ranks, special_tokens={})

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return self._array(text).tolist()

    def flat(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """All ids in one array."""
        return _join([self._array(text) for text in texts])

    def _array(self, text: str) -> Ids:
        if regex.search(r"\s{10000}", text):  # tiktoken's pattern engine gives up on these
            pieces = map(self._core.encode_ordinary, split(text))
            return self._id_of[list(chain.from_iterable(pieces))]
        text.encode()  # tiktoken would quietly replace half of a surrogate pair
        return self._id_of[self._core.encode_ordinary(text)]


class ReadableEncoder:
    """Encoding by `merge.py`, with a bounded memory of pieces already seen."""

    MEMORY = 1 << 16
    LONGEST = 1 << 10

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._seen: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The ids of one text."""
        return list(chain.from_iterable(map(self._piece, split(text))))

    def flat(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """All ids in one array."""
        return _join([np.array(self.encode(text), dtype=np.uint32) for text in texts])

    def _piece(self, piece: str) -> list[int]:
        known = self._seen.get(piece)
        if known is not None:
            return known
        tokens, _ = merge(piece.encode(), self._vocabulary.ranks)
        ids = [self._vocabulary.ids[token] for token in tokens]
        if len(piece) <= self.LONGEST:
            if len(self._seen) >= self.MEMORY:
                self._seen.clear()
            self._seen[piece] = ids
        return ids


def fastest(vocabulary: Vocabulary) -> Encoder:
    """The fastest way that works here; the log says why a faster one does not."""
    readable = ReadableEncoder(vocabulary)
    for kind in (FastokensEncoder, TiktokenEncoder):
        try:
            encoder = kind(vocabulary)
            if encoder.encode(PROBE) == readable.encode(PROBE) == encoder.flat([PROBE])[0].tolist():
                return encoder
            _fall_back(kind.__name__, "it encodes a probe differently")
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            _fall_back(kind.__name__, str(error))
    return readable


@cache
def _fall_back(kind: str, reason: str) -> None:
    _log.warning("%s is not used (%s): encoding takes a slower way, with the same ids", kind, reason)


def _join(rows: list[Ids]) -> tuple[Ids, list[int]]:
    return np.concatenate([np.zeros(0, dtype=np.uint32), *rows]), [0, *accumulate(map(len, rows))]
