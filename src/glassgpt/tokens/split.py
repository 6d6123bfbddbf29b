r"""Text in, pieces out: the cut that comes before byte-pair encoding, so that no token spans two words.

GPT-2's pattern (openai/gpt-2, src/encoder.py) tries five alternatives from left to right at every place:

    's|'t|'re|'ve|'m|'ll|'d    an English ending, lower case only: "we're" → "we", "'re"
    ?\p{L}+                    letters of any script, with the one space before them
    ?\p{N}+                    digits and other numbers, likewise
    ?[^\s\p{L}\p{N}]+          whatever is neither white space, letter nor number: punctuation, emoji
    \s+(?!\S)                  white space, but its last character is left to the word that follows
    \s+                        white space that could not leave one behind, such as a single line end

Every character falls into exactly one piece: the pieces joined are the text again.
"""

from collections.abc import Iterator
from functools import cache

import regex

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def split(text: str) -> list[str]:
    """Cut a text into the pieces that are encoded one by one."""
    return _compiled(PATTERN).findall(text)


def sections(text: str, size: int = 1 << 18) -> Iterator[str]:
    """Cut a long text into sections of at least `size` characters whose pieces are those of the whole.

    A cut falls only between a character that is no white space and one that is: no piece spans such a place, and what
    an alternative may look ahead to ends there too.
    """
    start = 0
    while len(text) - start > size:
        seam = _compiled(r"\S(?=\s)").search(text, start + size)
        if seam is None:
            break
        yield text[start : seam.end()]
        start = seam.end()
    yield text[start:] if start else text


@cache
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern)
