"""Ids in one at a time, text out as soon as it is whole: no half character ever leaves.

A token may end in the middle of a character (an emoji is often three tokens). The bytes that may still become one wait;
what can no longer become one turns into U+FFFD. All that was pushed and finished, joined, equals `decode` of all ids.
"""

import codecs
from typing import Protocol, runtime_checkable


@runtime_checkable
class TokenBytes(Protocol):
    """Whatever knows the bytes of a token; a `Tokenizer` does."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token."""
        ...


class StreamDecoder:
    """Decodes ids as they are sampled."""

    def __init__(self, tokenizer: TokenBytes) -> None:
        self._tokenizer = tokenizer
        self._waiting = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """Take one id; return the characters that are now whole, which may be none."""
        return self._waiting.decode(self._tokenizer.token_bytes(token))

    def finish(self) -> str:
        """End the text; return U+FFFD for a character that was never completed. The decoder is fresh again."""
        text = self._waiting.decode(b"", final=True)
        self._waiting.reset()
        return text
