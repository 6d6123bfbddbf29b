"""Tokens as the page is told of them: id, text, and the bytes where they are no text of their own."""

from collections.abc import Iterable, Sequence
from operator import index
from typing import SupportsIndex

from glassgpt.interpret import Promoted
from glassgpt.tokens import Tokenizer


def token(tokenizer: Tokenizer, number: int) -> dict[str, object]:
    """One token: `text` where its bytes are whole characters, otherwise only `bytes`, in hexadecimal."""
    if number >= tokenizer.vocab_size:  # rows beyond the vocabulary, which some checkpoints pad the matrix with
        return {"id": number, "bytes": ""}
    raw = tokenizer.token_bytes(number)
    special = {"special": True} if number in tokenizer.specials.values() else {}
    try:
        return {"id": number, "text": raw.decode(), **special}
    except UnicodeDecodeError:
        return {"id": number, "bytes": raw.hex(" "), **special}


def tokens(tokenizer: Tokenizer, ids: Iterable[SupportsIndex]) -> list[dict[str, object]]:
    """All tokens of a text."""
    return [token(tokenizer, index(number)) for number in ids]


def worded(tokenizer: Tokenizer, said: Promoted) -> dict[str, object]:
    """The words that a part speaks for and against, each with what it adds to that word's logit."""
    ends = {"raised": (said.raised, said.gains), "lowered": (said.lowered, said.losses)}
    return {
        name: [word | {"value": float(value)} for word, value in zip(tokens(tokenizer, ids), values, strict=True)]
        for name, (ids, values) in ends.items()
    }


def started(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """A text to read: an empty one begins with the end-of-text token, as everywhere in GlassGPT."""
    return list(ids) or [tokenizer.end_of_text]
