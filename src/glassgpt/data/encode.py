"""Pieces of documents in, ids out, many at a time: the tokenizer's own threads share a group out over the cores."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from glassgpt.data.fields import Piece
from glassgpt.data.shard import Ids
from glassgpt.tokens import Tokenizer

GROUP_CHARACTERS, GROUP_PIECES = 1 << 22, 4096
"""What is encoded at once: enough to use every core, few enough to bound memory."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One piece as ids, with <|endoftext|> where its document ends."""

    ids: Ids
    prompt: int
    """How many of them are the prompt's."""
    text_bytes: int
    ends: bool


def in_groups(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Gather pieces until they are worth the tokenizer's threads."""
    group: list[Piece] = []
    characters = 0
    for piece in pieces:
        group.append(piece)
        characters += len(piece.text) + len(piece.prompt)
        if characters >= GROUP_CHARACTERS or len(group) == GROUP_PIECES:
            yield group
            characters = 0
            group = []
    if group:
        yield group


def encode(group: list[Piece], tokenizer: Tokenizer) -> Iterator[Encoded]:
    """Encode a group; prompt and answer on their own, as they will be met when the model is asked."""
    end = np.array([tokenizer.end_of_text], np.uint32)
    rows = iter(tokenizer.encode_batch([text for piece in group for text in (piece.prompt, piece.text)]))
    for piece, prompt, text in zip(group, rows, rows, strict=True):
        ids = np.concatenate([prompt, text, end[: int(piece.ends)]])
        yield Encoded(ids, len(prompt), len(piece.text.encode()) + len(piece.prompt.encode()), piece.ends)
